package io.migratekit.cli;

import io.migratekit.hub.api.Tokens;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Who may ask the hub? Adds, lists and removes tokens of a repository; a hub that runs heeds it at once. */
@Command(
        name = "token",
        description = "Tokens for the hub's API: what an agent or an administrator shows to be let in.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {HubTokenCommand.Add.class, HubTokenCommand.ListAll.class, HubTokenCommand.Remove.class})
final class HubTokenCommand implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "what about tokens? One of: add, list, remove");
    }

    /** What all three of them need. */
    abstract static class OnRepository implements Callable<Integer> {
        @Option(names = "--repository", paramLabel = "DIR", required = true, description = "The hub's folder.")
        @SuppressWarnings("NullAway.Init")
        private Path repository;

        @Override
        public Integer call() {
            try {
                if (!Files.isDirectory(repository)) {
                    throw new CommandFailed(
                            ExitCode.USAGE, "there is no folder " + repository + "; `migratekit hub serve` makes it");
                }
                return call(new Tokens(repository)).code();
            } catch (Tokens.TokenFailed e) {
                throw new CommandFailed(ExitCode.USAGE, String.valueOf(e.getMessage()));
            } catch (IOException e) {
                throw new CommandFailed(
                        ExitCode.HUB_REPOSITORY, "the tokens in " + repository + ": " + SafeFiles.reason(e));
            }
        }

        abstract ExitCode call(Tokens tokens) throws IOException;
    }

    /** Makes a token. */
    @Command(
            name = "add",
            description = {
                "Make a token and print it, on stdout and only now: the hub keeps a hash of it.",
                "",
                "An agent's token (--vm) can write backups of its VMs and look at them; it can never delete. Without --vm"
                        + " the token can do everything, with --read it can look at everything."
            },
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Add extends OnRepository {
        private final Console console;

        @Parameters(paramLabel = "NAME", description = "What the token is called in lists.")
        @SuppressWarnings("NullAway.Init")
        private String name;

        @Option(
                names = "--vm",
                paramLabel = "ID",
                description = "An agent's token for this VM (its instance UUID; * for all); may be repeated.")
        private List<String> vms = new ArrayList<>();

        @Option(names = "--read", description = "A token that can only look.")
        private boolean read;

        Add(Console console) {
            this.console = console;
        }

        @Override
        ExitCode call(Tokens tokens) throws IOException {
            Tokens.Scope scope = !vms.isEmpty() ? Tokens.Scope.AGENT : read ? Tokens.Scope.READ : Tokens.Scope.ADMIN;
            if (read && !vms.isEmpty()) {
                throw new CommandFailed(ExitCode.USAGE, "--read and --vm exclude each other");
            }
            String secret = tokens.add(name, scope, Set.copyOf(new TreeSet<>(vms)));
            console.out().println(secret);
            console.say("token " + name + " added; it cannot be shown again");
            return ExitCode.DONE;
        }
    }

    /** Shows what tokens there are. */
    @Command(
            name = "list",
            description = "List the tokens: names and what they may, never the tokens themselves.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class ListAll extends OnRepository {
        private final Console console;

        ListAll(Console console) {
            this.console = console;
        }

        @Override
        ExitCode call(Tokens tokens) throws IOException {
            List<List<String>> rows = new ArrayList<>();
            rows.add(List.of("NAME", "SCOPE", "CREATED", "VMS"));
            for (Tokens.Token token : tokens.list()) {
                rows.add(List.of(
                        token.name(),
                        token.scope().name().toLowerCase(Locale.ROOT),
                        token.createdAt().toString(),
                        token.scope() == Tokens.Scope.AGENT ? String.join(" ", new TreeSet<>(token.vms())) : "-"));
            }
            Columns.print(console.out(), rows);
            return ExitCode.DONE;
        }
    }

    /** Takes a token away. */
    @Command(
            name = "remove",
            description = "Take a token away; from now on the hub refuses it.",
            mixinStandardHelpOptions = true,
            sortOptions = false)
    static final class Remove extends OnRepository {
        private final Console console;

        @Parameters(paramLabel = "NAME", description = "The token's name.")
        @SuppressWarnings("NullAway.Init")
        private String name;

        Remove(Console console) {
            this.console = console;
        }

        @Override
        ExitCode call(Tokens tokens) throws IOException {
            if (!tokens.remove(name)) {
                throw new CommandFailed(ExitCode.USAGE, "there is no token of the name " + name);
            }
            console.say("token " + name + " removed");
            return ExitCode.DONE;
        }
    }
}
