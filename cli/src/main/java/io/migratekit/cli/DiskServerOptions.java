package io.migratekit.cli;

import io.migratekit.vmware.DiskServerSpec;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** With what are VMware's disks read? The options of commands that do. */
final class DiskServerOptions {
    @Option(
            names = "--nbdkit",
            paramLabel = "BIN",
            defaultValue = "nbdkit",
            description = "The program that serves the disks (default: ${DEFAULT-VALUE}).")
    private String nbdkit = "nbdkit";

    @Option(
            names = "--vddk-plugin",
            paramLabel = "WORDS",
            defaultValue = "vddk",
            description = "Its plugin for VMware's disks, with parameters of its own if it needs any (default:"
                    + " ${DEFAULT-VALUE}).")
    private String plugin = "vddk";

    @Option(names = "--vddk-libdir", paramLabel = "DIR", description = "Where VMware's library VDDK was unpacked.")
    private @Nullable Path libdir;

    DiskServerSpec spec() {
        DiskServerSpec spec = DiskServerSpec.DEFAULT
                .withNbdkit(nbdkit)
                .withPlugin(List.of(plugin.strip().split("\\s+")));
        return libdir == null ? spec : spec.withLibdir(libdir);
    }
}
