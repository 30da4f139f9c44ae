package io.migratekit.cli;

import com.google.gson.JsonObject;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** What is one backup? */
@Command(
        name = "show",
        aliases = "inspect", // what others call it
        description = "Show all that is known of a backup: when, of what, where its layers are, who holds its exports.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubShowCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private HubViewOptions hub;

    HubShowCommand(Console console) {
        this.console = console;
    }

    @Parameters(paramLabel = "ID", description = "The backup: the job id that made it.")
    @SuppressWarnings("NullAway.Init")
    private String id;

    @Override
    public Integer call() {
        JsonObject backup = hub.ask(console, view -> view.backup(id));
        if (hub.json()) {
            console.out().println(backup);
        } else {
            console.out().print(HubText.backup(backup));
        }
        return ExitCode.DONE.code();
    }
}
