package io.migratekit.cli;

import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlParseResult;

/** Where is the configuration, and what tables are in it? Only commands that need one load this class. */
final class ConfigFile {
    private static final String NAME = "migratekit.toml";

    private final Path file;
    private final TomlParseResult content;

    private ConfigFile(Path file, TomlParseResult content) {
        this.file = file;
        this.content = content;
    }

    /** The file that was named, or else the first usual one that can be read; empty: there is none. */
    static Optional<ConfigFile> find(@Nullable Path named) {
        if (named != null) {
            return Optional.of(read(named));
        }
        return usual(System.getenv()).stream()
                .filter(Files::isReadable)
                .findFirst()
                .map(ConfigFile::read);
    }

    /** The same, where there has to be one. */
    static ConfigFile require(@Nullable Path named) {
        return find(named)
                .orElseThrow(() -> new CommandFailed(
                        ExitCode.USAGE,
                        "there is no configuration: neither "
                                + String.join(
                                        " nor ",
                                        usual(System.getenv()).stream()
                                                .map(Path::toString)
                                                .toList())
                                + " can be read. Name one with --config"));
    }

    static List<Path> usual(Map<String, String> environment) {
        String home = environment.getOrDefault("HOME", System.getProperty("user.home"));
        String own = environment.getOrDefault("XDG_CONFIG_HOME", "");
        return Stream.of(Path.of("/etc"), own.startsWith("/") ? Path.of(own) : Path.of(home, ".config"))
                .map(folder -> folder.resolve("migratekit").resolve(NAME))
                .toList();
    }

    static ConfigFile read(Path file) {
        TomlParseResult content;
        try {
            content = Toml.parse(file);
        } catch (IOException e) {
            throw new CommandFailed(
                    ExitCode.USAGE, "cannot read the configuration " + file + ": " + SafeFiles.reason(e));
        }
        if (content.hasErrors()) {
            var first = content.errors().getFirst();
            throw new CommandFailed(
                    ExitCode.USAGE, file + ", line " + first.position().line() + ": " + first.getMessage());
        }
        ConfigFile read = new ConfigFile(file, content);
        read.refuseUnknownTables();
        return read;
    }

    private void refuseUnknownTables() {
        ConfigTable top = top();
        var _ = top.table("tunnel");
        var _ = top.table("vcenter");
        var _ = top.table("hub");
        var _ = top.table("retention");
        top.refuseTheRest();
    }

    private ConfigTable top() {
        return new ConfigTable(file, "", content);
    }

    /** The tunnel of this name, if the file has it. */
    Optional<TunnelConfig> tunnel(String name) {
        return top().table("tunnel")
                .filter(tunnels -> tunnels.keys().contains(name))
                .flatMap(tunnels -> tunnels.table(name))
                .map(table -> TunnelConfig.read(name, table, System.getenv()));
    }

    TunnelConfig requireTunnel(String name) {
        return tunnel(name).orElseThrow(() -> {
            List<String> names = top().table("tunnel").map(ConfigTable::keys).orElse(List.of());
            return new CommandFailed(
                    ExitCode.USAGE,
                    file + ": there is no [tunnel." + name + "]"
                            + (names.isEmpty() ? "" : "; there are " + String.join(", ", names)));
        });
    }

    /** The hub that is asked where no other is named. */
    Optional<HubConfig> hub() {
        return top().table("hub").map(HubConfig::read);
    }

    /** Which restore points are kept where no option says so; says nothing, if the file does not. */
    RetentionConfig retention() {
        return top().table("retention").map(RetentionConfig::read).orElse(RetentionConfig.NONE);
    }

    /** The vCenter of this name. */
    VCenterConfig requireVCenter(String name) {
        Optional<ConfigTable> all = top().table("vcenter");
        List<String> names = all.map(ConfigTable::keys).orElse(List.of());
        return all.filter(_ -> names.contains(name))
                .flatMap(table -> table.table(name))
                .map(VCenterConfig::read)
                .orElseThrow(() -> new CommandFailed(
                        ExitCode.USAGE,
                        file + ": there is no [vcenter." + name + "]"
                                + (names.isEmpty() ? "" : "; there are " + String.join(", ", names))));
    }
}
