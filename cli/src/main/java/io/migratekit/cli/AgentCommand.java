package io.migratekit.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What can an agent do? Only its subcommand does something. */
@Command(
        name = "agent",
        description = "The agent as a service: it does what a hub asks for.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = AgentServeCommand.class)
final class AgentCommand implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "what about the agent? `agent serve`");
    }
}
