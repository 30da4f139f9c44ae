package io.migratekit.cli;

import com.google.gson.JsonObject;
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
        JsonObject list = hub.ask(
                console, view -> view.list(Optional.ofNullable(vm).map(wanted -> HubViewOptions.vm(view, wanted))));
        if (hub.json()) {
            console.out().println(list);
        } else {
            Columns.print(console.out(), HubText.backups(HubText.objects(list, "backups")));
        }
        for (JsonObject record : HubText.objects(list, "unreadable")) {
            console.say("hub list: a record cannot be read, and what it names is left alone until it was restored: "
                    + HubText.text(record, "file") + ": " + HubText.text(record, "why"));
        }
        return ExitCode.DONE.code();
    }
}
