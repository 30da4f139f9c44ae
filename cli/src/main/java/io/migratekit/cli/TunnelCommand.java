package io.migratekit.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What can be done about the road to the hub? Only its subcommands do something. */
@Command(
        name = "tunnel",
        description = "The road to the hub over SSH: keep it up, see how it is, find where it is broken.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {TunnelRunCommand.class, TunnelStatusCommand.class, TunnelCheckCommand.class})
final class TunnelCommand implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(),
                "what about the tunnel? One of: "
                        + String.join(", ", spec.subcommands().keySet()));
    }
}
