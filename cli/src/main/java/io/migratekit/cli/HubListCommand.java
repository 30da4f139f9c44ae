package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.hub.api.Answers;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which backups are there? */
@Command(
        name = "list",
        description = "List restore points, and backups that are being written, oldest first.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubListCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private HubViewOptions hub;

    HubListCommand(Console console) {
        this.console = console;
    }

    @Option(names = "--vm", paramLabel = "VM", description = "Only those of this VM, by its id or name.")
    private @Nullable String vm;

    @Override
    public Integer call() {
        List<JsonObject> backups = hub.ask(
                console, view -> view.backups(Optional.ofNullable(vm).map(wanted -> HubViewOptions.vm(view, wanted))));
        if (hub.json()) {
            console.out().println(Answers.list("backups", backups));
        } else {
            Columns.print(console.out(), HubText.backups(backups));
        }
        return ExitCode.DONE.code();
    }
}
