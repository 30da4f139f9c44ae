package io.migratekit.cli;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.hub.HubAddress;
import io.migratekit.agent.hub.HubClient;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Stream;

/**
 * What should the JVM know before it starts? Runs the short commands once against the given server,
 * so that the build can keep what was loaded and linked for them in an AOT cache. More arguments are
 * options that lead through an SSH server.
 */
public final class AotTraining {
    private AotTraining() {}

    public static void main(String[] args) {
        String uri = args[0];
        // The same server by another name: what it serves does not depend on the name, but copying onto oneself is
        // refused.
        String other = uri.replace(":///?", ":///other?");
        String state = args[1];
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        String[][] lines = {
            {"map", uri},
            {"map", "--json", uri},
            {"map", "--totals", uri},
            {"map", "--bar", uri},
            {"map", "--width", "20", "--height", "4", uri},
            {"info", uri},
            {"info", "--json", "--list", uri},
            {"probe", uri},
            {"probe", "--json", uri},
            {"copy", "--verify", "--progress", "plain", uri, other},
            {"copy", "--job-id", "training", "--state-dir", state, "--progress", "bar", uri, other},
            {"status", "--job-id", "training", "--state-dir", state},
            {"status", "--json", "--state-dir", state},
            {"--help"},
            {"map", "--help"},
            {"--version"},
            {"help", "exit-codes"},
            {"map", "nbd://127.0.0.1:1/"},
            {"map", "not-a-uri"},
        };
        for (String[] line : lines) {
            Main.run(nowhere, nowhere, line);
        }
        if (!args[2].isEmpty()) {
            askHub(nowhere, uri, state, "unix:" + args[2]);
        }
        String[] ssh = Arrays.copyOfRange(args, 3, args.length);
        if (ssh.length > 0) {
            Main.run(nowhere, nowhere, line(ssh, "map", uri));
            Main.run(nowhere, nowhere, line(ssh, "copy", "--progress", "plain", uri, other));
        }
    }

    /** Makes a restore point at the hub, and does with it what is done most. */
    private static void askHub(PrintStream nowhere, String uri, String state, String hub) {
        HubClient.Limits limits = new HubClient.Limits(Duration.ofSeconds(15), Duration.ZERO);
        try (HubClient client = new HubClient(HubAddress.parse(hub), null, limits, HubClient.Listener.NOBODY)) {
            String disk = "{\"key\":2000,\"capacityBytes\":1048576}";
            JsonObject opened = client.start(JsonParser.parseString(
                            "{\"id\":\"training\",\"vm\":\"vm-1\",\"name\":\"training\",\"disks\":[" + disk + "]}")
                    .getAsJsonObject());
            String export = HubText.text(HubText.objects(opened, "disks").getFirst(), "export");
            Main.run(nowhere, nowhere, "copy", "--progress", "none", uri, export);
            client.seal(
                    "training",
                    JsonParser.parseString("{\"disks\":[{\"key\":2000}]}").getAsJsonObject());
        }
        String[][] lines = {
            {"hub", "vms"},
            {"hub", "list"},
            {"hub", "list", "--json"},
            {"hub", "show", "training"},
            {"hub", "show", "unknown"},
            {"hub", "chain", "training"},
            {"hub", "verify", "training"},
            {"hub", "restore", "training", "--to", state + "/restored", "--progress", "bar"},
        };
        for (String[] line : lines) {
            Main.run(nowhere, nowhere, line(new String[] {"--hub", hub}, line));
        }
    }

    private static String[] line(String[] ssh, String... words) {
        return Stream.concat(Arrays.stream(words), Arrays.stream(ssh)).toArray(String[]::new);
    }
}
