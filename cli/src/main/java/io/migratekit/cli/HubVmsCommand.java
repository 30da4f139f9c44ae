package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.hub.api.Answers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Of which VMs are there backups? */
@Command(
        name = "vms",
        description = "List the VMs whose backups are kept, or that are known without one yet.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubVmsCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private HubViewOptions hub;

    HubVmsCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        List<JsonObject> vms = hub.ask(console, HubView::vms);
        if (hub.json()) {
            console.out().println(Answers.list("vms", vms));
            return ExitCode.DONE.code();
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("NAME", "DISKS", "POINTS", "LAST", "LAST GOOD", "STORED", "ID"));
        for (JsonObject vm : vms) {
            JsonObject last = vm.getAsJsonObject("lastPoint");
            JsonObject good = vm.getAsJsonObject("lastGood");
            rows.add(List.of(
                    Printable.of(HubText.text(vm, "name")),
                    Integer.toString(vm.getAsJsonArray("disks").size()),
                    Long.toString(HubText.number(vm, "points")),
                    last == null ? "-" : HubText.time(last, "takenAt"),
                    good == null ? "-" : HubText.time(good, "takenAt"),
                    Sizes.rounded(HubText.number(vm, "bytes")),
                    HubText.text(vm, "id")));
        }
        Columns.print(console.out(), rows);
        return ExitCode.DONE.code();
    }
}
