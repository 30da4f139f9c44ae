package io.migratekit.cli;

import io.migratekit.vmware.DiskServerSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** With what are VMware's disks read? The options of commands that do. */
final class DiskServerOptions {
    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(
            names = "--source",
            paramLabel = "vddk|folder",
            defaultValue = "vddk",
            description =
                    "The road to the disks: vddk, VMware's library, which reads from the ESXi host; or folder, the"
                            + " datastore's files by HTTPS through vCenter, which needs neither the library nor port 902, but"
                            + " is slow and open only while the VM is powered off and nobody else has snapshots of it (default:"
                            + " ${DEFAULT-VALUE}).")
    private String source = "vddk";

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
                .withSource(source())
                .withNbdkit(nbdkit)
                .withPlugin(List.of(plugin.strip().split("\\s+")));
        return libdir == null ? spec : spec.withLibdir(libdir);
    }

    private DiskServerSpec.Source source() {
        return switch (source.toLowerCase(Locale.ROOT)) {
            case "vddk" -> DiskServerSpec.Source.VDDK;
            case "folder" -> DiskServerSpec.Source.FOLDER;
            default ->
                throw new ParameterException(mixee.commandLine(), "--source is vddk or folder, not '" + source + "'");
        };
    }
}
