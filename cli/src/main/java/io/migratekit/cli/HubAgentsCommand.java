package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.hub.api.Answers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Who makes backups for a hub? */
@Command(
        name = "agents",
        description = "List the agents that ask the hub for work.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubAgentsCommand implements Callable<Integer> {
    private final Console console;

    @Option(names = "--discover", description = "Have all of them look which VMs there are now.")
    private boolean discover;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private HubViewOptions hub;

    HubAgentsCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        List<JsonObject> agents = hub.ask(console, view -> agents(hub.requireHub(view)));
        if (hub.json()) {
            console.out().println(Answers.list("agents", agents));
            return ExitCode.DONE.code();
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("NAME", "THERE", "HEARD", "LOOKED", "SLOTS", "VERSION"));
        for (JsonObject agent : agents) {
            rows.add(List.of(
                    HubText.text(agent, "name"),
                    agent.get("there").getAsBoolean() ? "yes" : "NO",
                    HubText.time(agent, "heardAt"),
                    agent.has("discoveredAt") ? HubText.time(agent, "discoveredAt") : "-",
                    HubText.text(agent, "slots"),
                    Printable.of(HubText.text(agent, "version"))));
        }
        Columns.print(console.out(), rows);
        return ExitCode.DONE.code();
    }

    private List<JsonObject> agents(HubClient client) {
        if (discover) {
            client.discover("*");
        }
        return client.agents();
    }
}
