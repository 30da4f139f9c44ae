package io.migratekit.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** How does a backup go that nobody finishes? */
@Command(
        name = "abandon",
        description = "Give up a backup that is not sealed, and remove its layers; restore points are left alone.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubAbandonCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private HubViewOptions hub;

    HubAbandonCommand(Console console) {
        this.console = console;
    }

    @Parameters(paramLabel = "ID", description = "The backup: the job id that began it.")
    @SuppressWarnings("NullAway.Init")
    private String id;

    @Override
    public Integer call() {
        hub.ask(console, view -> {
            view.backup(id); // That it is not there is nothing to be quiet about, for a person.
            view.abandon(id);
            return true;
        });
        console.say("backup " + id + " is given up");
        return ExitCode.DONE.code();
    }
}
