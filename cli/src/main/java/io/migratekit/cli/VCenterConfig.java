package io.migratekit.cli;

import io.migratekit.vmware.Endpoint;
import io.migratekit.vmware.Thumbprint;
import io.migratekit.vmware.Trust;
import io.migratekit.vmware.VSphereException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/** What does {@code [vcenter.NAME]} of the configuration mean? Everything may also be said on the command line. */
record VCenterConfig(
        Optional<Endpoint> endpoint,
        Optional<String> username,
        Optional<Path> passwordFile,
        Optional<Trust> trust,
        Optional<String> apiVersion) {
    static VCenterConfig read(ConfigTable table) {
        if (table.keys().contains("password")) {
            throw table.wrong("password", "is not read: a configuration is copied and shown around; use password-file");
        }
        Optional<Trust> pin = table.text("thumbprint")
                .map(text -> meant(table, "thumbprint", () -> new Trust.Pin(Thumbprint.parse(text))));
        Optional<Trust> authorities = table.path("ca-file").map(Trust.CaFile::new);
        if (pin.isPresent() && authorities.isPresent()) {
            throw table.wrong("thumbprint", "does not go with ca-file: they are two ways to know one server");
        }
        VCenterConfig read = new VCenterConfig(
                table.text("endpoint").map(text -> meant(table, "endpoint", () -> Endpoint.parse(text))),
                table.text("username"),
                table.path("password-file"),
                pin.or(() -> authorities),
                table.text("api-version").map(text -> version(table, text)));
        table.refuseTheRest();
        return read;
    }

    private static String version(ConfigTable table, String text) {
        if (!text.matches("[0-9]+(\\.[0-9]+){1,4}")) {
            throw table.wrong("api-version", "is to look like 6.5");
        }
        return text;
    }

    private static <T> T meant(ConfigTable table, String key, Supplier<T> reading) {
        try {
            return reading.get();
        } catch (VSphereException.BadSpec e) {
            throw table.wrong(key, "is wrong: " + e.getMessage());
        }
    }
}
