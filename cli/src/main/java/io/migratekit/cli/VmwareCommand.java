package io.migratekit.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What can be asked of the source? Only its subcommands do something. */
@Command(
        name = "vmware",
        description = "The source: a vCenter or an ESXi host alone, its VMs, their change tracking and our snapshots.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            VmwareLoginCheckCommand.class,
            VmwareThumbprintCommand.class,
            VmwareListCommand.class,
            VmwareEnableCbtCommand.class,
            VmwareSnapshotsCommand.class
        })
final class VmwareCommand implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(),
                "what about the source? One of: "
                        + String.join(", ", spec.subcommands().keySet()));
    }
}
