package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.tunnel.service.ControlClient;
import io.migratekit.tunnel.service.RuntimeDirectory;
import io.migratekit.tunnel.service.ServiceException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** How are the tunnels that run on this machine? */
@Command(
        name = "status",
        description = {
            "Ask running tunnels how they are: state and since when, forwards, counters, last error.",
            "",
            "The exit code is 0 if all that were asked are up, else 20."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class TunnelStatusCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(arity = "0..1", paramLabel = "NAME", description = "Only this tunnel (default: all of this user).")
    private @Nullable String name;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "5s",
            converter = Times.class,
            description = "How long to wait for the answer of a tunnel (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private Duration timeout;

    TunnelStatusCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        RuntimeDirectory directory = RuntimeDirectory.byDefault(System.getenv());
        ControlClient client = new ControlClient(directory, timeout);
        List<String> names = name == null ? directory.tunnels() : List.of(name);
        JsonArray all = new JsonArray();
        boolean allUp = true;
        for (String tunnel : names) {
            JsonObject status = ask(client, tunnel);
            allUp &= status.get("state").getAsString().equals("up");
            all.add(status);
            if (!json) {
                console.out().print(TunnelText.of(status, Instant.now()));
            }
        }
        if (json) {
            JsonObject document = new JsonObject();
            document.add("tunnels", all);
            console.out().println(document);
        } else if (names.isEmpty()) {
            console.say("no tunnel runs here: there is no socket in " + directory);
        }
        return (allUp ? ExitCode.DONE : ExitCode.TUNNEL).code();
    }

    /** A tunnel that does not answer is shown like the others, with the reason. */
    private static JsonObject ask(ControlClient client, String tunnel) {
        try {
            return client.status(tunnel);
        } catch (ServiceException e) {
            JsonObject gone = new JsonObject();
            gone.addProperty("name", tunnel);
            gone.addProperty("state", "not running");
            gone.addProperty("last-error", e.getMessage());
            return gone;
        }
    }
}
