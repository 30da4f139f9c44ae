package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.hub.api.Answers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Which hub of several keeps a VM's restore points? */
@Command(
        name = "place",
        description = {
            "List the hubs that share the queue, or say which of them keeps a VM's restore points from now on.",
            "",
            "A new VM goes to the hub with the most room left, of those whose agents see it, and stays there. To move one, copy"
                    + " its restore points (`hub copy`) and say so here: the next backup stands on the copy. What it has here stays until"
                    + " it is deleted."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubPlaceCommand implements Callable<Integer> {
    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Parameters(arity = "0..1", paramLabel = "VM", description = "The VM to be kept elsewhere, by name or id.")
    private @Nullable String vm;

    @Option(names = "--at", paramLabel = "HUB", description = "There: the id of a hub, as the list shows it.")
    private @Nullable String at;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubViewOptions hub;

    HubPlaceCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if ((vm == null) != (at == null)) {
            throw new ParameterException(spec.commandLine(), "to move a VM say which, and with --at where to");
        }
        List<JsonObject> places = hub.ask(console, view -> places(hub.requireHub(view)));
        if (hub.json()) {
            console.out().println(Answers.list("places", places));
            return ExitCode.DONE.code();
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("HUB", "THERE", "FREE", "PROMISED", "VMS", "JOBS"));
        for (JsonObject place : places) {
            rows.add(List.of(
                    HubText.text(place, "hub") + (place.get("asked").getAsBoolean() ? " (this one)" : ""),
                    place.get("there").getAsBoolean() ? "yes" : "NO",
                    Sizes.rounded(HubText.number(place, "freeBytes")),
                    Sizes.rounded(HubText.number(place, "promisedBytes")),
                    HubText.text(place, "vms"),
                    HubText.text(place, "jobs")));
        }
        Columns.print(console.out(), rows);
        return ExitCode.DONE.code();
    }

    private List<JsonObject> places(HubClient client) {
        String moved = vm;
        String to = at;
        if (moved != null && to != null) {
            client.move(moved, to);
            console.say("the next restore point of " + moved + " goes to hub " + to);
        }
        return client.places();
    }
}
