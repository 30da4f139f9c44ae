package io.migratekit.cli;

import java.nio.file.Path;
import java.util.Optional;

/** What does {@code [hub]} of the configuration mean? Where the hub is that is asked; everything may also be said on the command line. */
record HubConfig(String url, Optional<Path> tokenFile, Optional<String> tunnel) {
    static HubConfig read(ConfigTable table) {
        if (table.keys().contains("token")) {
            throw table.wrong("token", "is not read: a configuration is copied and shown around; use token-file");
        }
        HubConfig read = new HubConfig(table.requiredText("url"), table.path("token-file"), table.text("tunnel"));
        table.refuseTheRest();
        return read;
    }
}
