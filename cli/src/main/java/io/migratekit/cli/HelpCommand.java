package io.migratekit.cli;

import java.io.PrintStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Where is a thing explained? Help for a command or for a topic that belongs to none. */
@Command(name = "help", description = "Explain a command, or a topic: exit-codes.", mixinStandardHelpOptions = true)
final class HelpCommand implements Runnable {
    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Parameters(index = "0", arity = "0..1", paramLabel = "COMMAND|TOPIC", description = "What to explain.")
    private @Nullable String subject;

    HelpCommand(Console console) {
        this.console = console;
    }

    @Override
    public void run() {
        CommandLine all = spec.commandLine().getParent();
        if (subject == null) {
            all.usage(console.out());
        } else if (subject.equals("exit-codes")) {
            exitCodes(console.out());
        } else if (all.getSubcommands().containsKey(subject)) {
            all.getSubcommands().get(subject).usage(console.out());
        } else {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "there is no command or topic '" + subject + "'");
        }
    }

    private static void exitCodes(PrintStream out) {
        out.println("migratekit ends with one of these codes; a code never means two things.");
        out.println();
        for (ExitCode code : ExitCode.values()) {
            out.println("  " + " ".repeat(3 - Integer.toString(code.code()).length()) + code.code() + "  "
                    + code.meaning());
        }
    }
}
