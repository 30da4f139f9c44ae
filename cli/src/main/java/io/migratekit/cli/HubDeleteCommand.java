package io.migratekit.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** How does a restore point go? */
@Command(
        name = "delete",
        description = {
            "Delete a restore point. One on which others stand is refused, unless --merge.",
            "",
            "With --merge what the next ones need of it is kept: their layer is committed into the one below, which takes"
                    + " time and reads and writes as much as that layer holds. Nobody can delete a point before its time:"
                    + " `hub serve --keep-at-least`."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubDeleteCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private HubViewOptions hub;

    HubDeleteCommand(Console console) {
        this.console = console;
    }

    @Parameters(paramLabel = "ID", description = "The backup: the job id that made it.")
    @SuppressWarnings("NullAway.Init")
    private String id;

    @Option(names = "--merge", description = "Keep what other restore points need of it.")
    private boolean merge;

    @Override
    public Integer call() {
        hub.ask(console, view -> {
            view.delete(id, merge);
            return true;
        });
        console.say("restore point " + id + " is deleted");
        return ExitCode.DONE.code();
    }
}
