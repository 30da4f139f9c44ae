package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is an agent behind an SSH server called by its hub where it may be, and does it all go on by its own asking where it may not? */
class AgentDoorIT {
    private static final Duration SOON = Duration.ofSeconds(40);
    /** Whoever asks every 30 s and is not called begins later than this on the average. */
    private static final Duration CALLED_WITHIN = Duration.ofSeconds(12);

    private static final long MIB = 1 << 20;

    @TempDir
    private Path folder;

    private final int here = LoopbackSshd.freePort();
    private final int there = LoopbackSshd.freePort();

    AgentDoorIT() throws IOException {}

    private CopyProcess serve(HubLab lab, LoopbackSshd sshd, String... more) {
        List<String> words = new ArrayList<>(lab.source().serving(lab.hub().to(), more));
        words.addAll(List.of(
                "--ssh", "127.0.0.1:" + sshd.port(), "--ssh-key", sshd.userKey().toString()));
        words.addAll(List.of("--ssh-known-hosts", sshd.knownHosts().toString(), "--name", "far"));
        words.addAll(List.of("--listen", "127.0.0.1:" + here, "--reached-at", Integer.toString(there)));
        CopyProcess agent = CopyProcess.start(folder, List.of(), words);
        Waiting.until(
                "the hub knows the VM",
                SOON,
                () -> Run.migratekit(lab.hubWords("vms")).out().contains("web01"));
        return agent;
    }

    private static JsonObject job(HubLab lab, String id) {
        return lab.ask("jobs", id).getAsJsonArray("jobs").get(0).getAsJsonObject();
    }

    private static void start(HubLab lab, String id) {
        Run run = Run.migratekit(lab.hubWords("start", "web01", "--id", id));
        assertEquals(0, run.code(), run::toString);
    }

    private static void awaitState(HubLab lab, String id, String state, Duration limit) {
        Waiting.until(
                id + " is " + state,
                limit,
                () -> job(lab, id).get("state").getAsString().equals(state));
    }

    private String curl(String... words) {
        List<String> line = new ArrayList<>(List.of("curl", "-sS", "--max-time", "10", "-w", " %{http_code}"));
        line.addAll(List.of(words));
        return Tool.run(line.toArray(String[]::new));
    }

    @Test
    void anAgentThatSeldomAsksIsCalledThroughItsReverseForward() throws IOException {
        Path keys = Files.createDirectory(folder.resolve("ssh"));
        try (HubLab lab = new HubLab(folder, 24 * MIB);
                LoopbackSshd sshd = LoopbackSshd.start(keys);
                CopyProcess agent = serve(lab, sshd, "--ask-every", "30s", "--rate", "200K")) {
            lab.source().guestWrites(new Random(7), 40);
            long asked = System.nanoTime();
            start(lab, "called");
            awaitState(lab, "called", "running", CALLED_WITHIN);
            assertTrue(System.nanoTime() - asked < CALLED_WITHIN.toNanos(), agent::err);
            Run[] said = new Run[1];
            Waiting.until("its process says what it does", SOON, () -> {
                said[0] = Run.migratekit(lab.hubWords("jobs", "called", "--live"));
                return said[0].code() != 0 || said[0].out().contains("disk");
            });
            assertEquals(0, said[0].code(), said[0]::toString);
            JsonObject live = lab.ask("jobs", "called", "--live")
                    .getAsJsonArray("jobs")
                    .get(0)
                    .getAsJsonObject();
            assertTrue(live.get("running").getAsBoolean(), live::toString);
            assertTrue(live.has("status"), live::toString);

            String url = "http://127.0.0.1:" + there;
            assertTrue(curl(url + "/health").endsWith("\"ok\"} 200"));
            assertTrue(curl(url + "/api/v1/agent").endsWith(" 401"));
            assertTrue(curl("-X", "POST", "-H", "Authorization: Bearer x", url + "/api/v1/wake")
                    .endsWith(" 401"));
            Path token = lab.source().state().resolve("agent/token");
            assertEquals("rw-------", permissions(token));
            Path header =
                    Files.writeString(folder.resolve("header"), "Authorization: Bearer " + Files.readString(token));
            String view = curl("-H", "@" + header, url + "/api/v1/agent");
            assertTrue(view.endsWith(" 200") && view.contains("\"job\":\"called\""), view);
            assertTrue(curl("-H", "@" + header, url + "/api/v1/jobs/..%2fx").endsWith(" 404"));

            Run cancel = Run.migratekit(lab.hubWords("jobs", "called", "--cancel"));
            assertEquals(0, cancel.code(), cancel::toString);
            awaitState(lab, "called", "cancelled", SOON);
            assertFalse(agent.err().contains(Files.readString(token).strip()));

            // A frozen agent is said to be so, within the limit.
            try (Frozen _ = Frozen.process(agent.pid())) {
                long begun = System.nanoTime();
                String answer =
                        curl("--unix-socket", lab.hub().socket().toString(), "http://hub/api/v1/agents/far/live");
                assertTrue(answer.endsWith(" 503") && answer.contains("unreached"), answer);
                assertTrue(answer.contains("no answer within 5 s; the agent is frozen"), answer);
                assertTrue(System.nanoTime() - begun < Duration.ofSeconds(12).toNanos());
            }
        }
    }

    private static String permissions(Path file) throws IOException {
        return java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    @Test
    void whereNoReverseForwardIsAllowedItGoesByAsking() throws IOException {
        Path keys = Files.createDirectory(folder.resolve("ssh"));
        try (HubLab lab = new HubLab(folder, 8 * MIB);
                LoopbackSshd sshd = LoopbackSshd.start(keys, "AllowTcpForwarding local");
                CopyProcess agent = serve(lab, sshd)) {
            lab.source().guestWrites(new Random(8), 6);
            Run start = Run.migratekit(lab.hubWords("start", "web01", "--id", "pulled", "--wait"));
            assertEquals(0, start.code(), start::toString);
            lab.remember("pulled");
            lab.assertAllPointsAreTrue();
            assertTrue(agent.err().contains("the hub cannot call this agent, which goes on asking"), agent::err);
            String answer = curl("--unix-socket", lab.hub().socket().toString(), "http://hub/api/v1/agents/far/live");
            assertTrue(answer.endsWith(" 503"), answer);
            assertEquals(
                    "unreached",
                    JsonParser.parseString(answer.substring(0, answer.length() - 4))
                            .getAsJsonObject()
                            .get("type")
                            .getAsString()
                            .replaceAll(".*[:/]", ""));
        }
    }

    @Test
    void aSecondAgentInTheSamePlaceIsRefused() throws IOException {
        Path keys = Files.createDirectory(folder.resolve("ssh"));
        try (HubLab lab = new HubLab(folder, 8 * MIB);
                LoopbackSshd sshd = LoopbackSshd.start(keys);
                CopyProcess _ = serve(lab, sshd)) {
            Run second = Run.migratekit(lab.source().serving(lab.hub().to()).toArray(String[]::new));
            assertEquals(62, second.code(), second::toString);
            assertTrue(second.err().contains("another agent serves with the state directory"), second::err);
        }
    }
}
