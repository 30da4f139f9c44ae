package io.migratekit.cli;

import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.job.JobException;
import io.migratekit.agent.migration.MigrationException;
import io.migratekit.agent.restore.RestoreException;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.nbd.NbdException;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.tunnel.service.ServiceException;
import io.migratekit.vmware.VSphereException;
import java.io.PrintStream;
import java.util.List;
import picocli.CommandLine;

/**
 * How do words get to the user? Results go to stdout and nothing else does; everything said about
 * them, errors first of all, goes to stderr in one or two sentences.
 */
final class Console {
    private final PrintStream out;
    private final PrintStream err;
    private boolean verbose;

    Console(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    PrintStream out() {
        return out;
    }

    PrintStream err() {
        return err;
    }

    void beVerbose() {
        verbose = true;
        ConsoleLog.inDetail();
    }

    boolean isVerbose() {
        return verbose;
    }

    /** A sentence about what is going on, for people. */
    void say(String sentence) {
        out.flush();
        err.println("migratekit: " + Printable.of(sentence));
        err.flush();
    }

    /** A command threw: say it shortly, and with its stack trace only to those who asked for more. */
    int failed(CommandLine command, Exception failure) {
        ExitCode code = codeOf(failure);
        if (code != ExitCode.OUTPUT_CLOSED) {
            String message = failure.getMessage() == null || code == ExitCode.FAILED
                    ? "unexpected failure: " + failure + ". Run again with -v for the details, and please report it"
                    : failure.getMessage();
            // No subcommand has begun: what is said begins with the program's name anyway.
            say(command.getParent() == null ? message : command.getCommandName() + ": " + message);
        }
        if (verbose) {
            failure.printStackTrace(err);
        }
        return code.code();
    }

    /** With which code a command ends that failed so. */
    static ExitCode codeOf(Exception failure) {
        // What the hub says of itself is not about this machine.
        if (!(failure instanceof HubException.Refused) && Descriptors.ranOutIn(failure)) {
            return ExitCode.LOCAL_STATE;
        }
        return switch (failure) {
            case NbdException e -> ExitCode.of(e);
            case CopyException e -> ExitCode.of(e);
            case JobException e -> ExitCode.of(e);
            case TunnelException e -> ExitCode.of(e);
            case VSphereException e -> ExitCode.of(e);
            case MigrationException e -> ExitCode.of(e);
            case RepositoryException e -> ExitCode.of(e);
            case HubException e -> ExitCode.of(e);
            case RestoreException e -> ExitCode.of(e);
            case ServiceException _ -> ExitCode.TUNNEL;
            case CommandFailed e -> e.code();
            default -> ExitCode.FAILED;
        };
    }

    /** The command line is wrong: one sentence, a suggestion if there is one, and where help is. */
    int misused(CommandLine.ParameterException mistake) {
        CommandLine command = mistake.getCommandLine();
        say(words(mistake));
        if (!CommandLine.UnmatchedArgumentException.printSuggestions(mistake, command.getErr())) {
            suggestWhatEndsSo(mistake);
        }
        say("try `" + command.getCommandSpec().qualifiedName(" ") + " --help`");
        return ExitCode.USAGE.code();
    }

    /** The value behind an unknown option takes the place of a parameter, and the last parameter is no option. */
    private static String words(CommandLine.ParameterException mistake) {
        if (mistake instanceof CommandLine.UnmatchedArgumentException unmatched && unmatched.isUnknownOption()) {
            List<String> options = unmatched.getUnmatched().stream()
                    .filter(word -> word.startsWith("-"))
                    .map(word -> "'" + word + "'")
                    .toList();
            return (options.size() == 1 ? "Unknown option: " : "Unknown options: ") + String.join(", ", options);
        }
        return String.valueOf(mistake.getMessage());
    }

    /** picocli suggests options that begin like the one that there is not; often the first words are what is forgotten. */
    private void suggestWhatEndsSo(CommandLine.ParameterException mistake) {
        if (mistake instanceof CommandLine.UnmatchedArgumentException unmatched && unmatched.isUnknownOption()) {
            String end =
                    unmatched.getUnmatched().getFirst().replaceFirst("^-+", "-").replaceFirst("=.*", "");
            List<String> names = mistake.getCommandLine().getCommandSpec().options().stream()
                    .filter(option -> !option.hidden())
                    .map(CommandLine.Model.OptionSpec::longestName)
                    .filter(name -> name.endsWith(end))
                    .toList();
            if (!names.isEmpty()) {
                mistake.getCommandLine().getErr().println("Possible solutions: " + String.join(", ", names));
            }
        }
    }
}
