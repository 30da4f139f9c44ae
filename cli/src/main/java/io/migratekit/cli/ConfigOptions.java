package io.migratekit.cli;

import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which configuration file? The option of every command that can use one. */
final class ConfigOptions {
    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "The configuration (default: /etc/migratekit/migratekit.toml, else"
                    + " ~/.config/migratekit/migratekit.toml).")
    private @Nullable Path file;

    Optional<ConfigFile> find() {
        return ConfigFile.find(file);
    }

    ConfigFile require() {
        return ConfigFile.require(file);
    }
}
