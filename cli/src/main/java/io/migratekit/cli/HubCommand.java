package io.migratekit.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What can be done about the hub? Only its subcommands do something. */
@Command(
        name = "hub",
        description = "The other end: the backups that are kept, and what the host needs that keeps them.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            HubServeCommand.class,
            HubStartCommand.class,
            HubJobsCommand.class,
            HubScheduleCommand.class,
            HubLimitsCommand.class,
            HubAgentsCommand.class,
            HubVmsCommand.class,
            HubListCommand.class,
            HubShowCommand.class,
            HubChainCommand.class,
            HubVerifyCommand.class,
            HubRestoreCommand.class,
            HubServePointCommand.class,
            HubCopyCommand.class,
            HubDeleteCommand.class,
            HubPlaceCommand.class,
            HubPruneCommand.class,
            HubAbandonCommand.class,
            HubTokenCommand.class,
            HubSshdConfigCommand.class
        })
final class HubCommand implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(),
                "what about the hub? One of: "
                        + String.join(", ", spec.subcommands().keySet()));
    }
}
