package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a hub get its backups made by an agent, whoever of the two is killed meanwhile, and can it be stopped? */
class AgentServeIT {
    private static final Duration SOON = Duration.ofSeconds(40);
    private static final long MIB = 1 << 20;

    @TempDir
    private Path folder;

    private CopyProcess serve(HubLab lab, String... more) {
        CopyProcess agent = CopyProcess.start(
                folder, List.of(), lab.source().serving(lab.hub().to(), more));
        Waiting.until(
                "the hub knows the VM",
                SOON,
                () -> Run.migratekit(lab.hubWords("vms")).out().contains("web01"));
        return agent;
    }

    private static JsonObject job(HubLab lab, String id) {
        Run run = Run.migratekit(lab.hubWords("jobs", id, "--json"));
        assertEquals(0, run.code(), run::toString);
        return JsonParser.parseString(run.out())
                .getAsJsonObject()
                .getAsJsonArray("jobs")
                .get(0)
                .getAsJsonObject();
    }

    private static String state(HubLab lab, String id) {
        return job(lab, id).get("state").getAsString();
    }

    private static void ended(HubLab lab, String id, String state) {
        Waiting.until(id + " has ended", Duration.ofSeconds(90), () -> {
            String now = state(lab, id);
            return now.equals("done") || now.equals("failed") || now.equals("cancelled");
        });
        assertEquals(state, state(lab, id), () -> job(lab, id).toString());
        Waiting.until("its snapshot is gone", SOON, () -> lab.source().ours().isEmpty());
    }

    @Test
    void theHubFindsVmsAndHasThemBackedUp() throws IOException {
        try (HubLab lab = new HubLab(folder, 8 * MIB, 3 * MIB);
                CopyProcess agent = serve(lab, "--name", "here", "--slots", "2")) {
            lab.source().guestWrites(new Random(1), 6);
            Run start = Run.migratekit(lab.hubWords("start", "web01", "--id", "one", "--wait"));
            assertEquals(0, start.code(), start::toString);
            lab.remember("one");
            lab.source().guestWrites(new Random(2), 3);
            start = Run.migratekit(lab.hubWords("start", "web01", "--id", "two", "--wait", "--json"));
            assertEquals(0, start.code(), start::toString);
            lab.remember("two");
            lab.assertAllPointsAreTrue();
            assertTrue(Run.migratekit(lab.hubWords("show", "two")).out().contains("incremental"));
            Run agents = Run.migratekit(lab.hubWords("agents"));
            assertTrue(agents.out().matches("(?s).*here +yes .*"), agents::toString);
            assertTrue(lab.source().ours().isEmpty());
            Run none = Run.migratekit(lab.hubWords("start", "unknown"));
            assertEquals(2, none.code(), none::toString);
            Path given = lab.source().state().resolve("given/two");
            Waiting.until("what the hub knows is forgotten here", SOON, () -> !Files.exists(given));
            agent.signal("TERM");
            assertEquals(143, agent.end(Duration.ofMinutes(2)).code());
        }
    }

    /** A few megabytes, for which the agent needs some seconds when nobody slows it down. */
    @Test
    void aRateOfTheHubHoldsAndIsLiftedWhileAJobRuns() throws Exception {
        try (HubLab lab = new HubLab(folder, 24 * MIB);
                CopyProcess _ = serve(lab, "--name", "slow")) {
            lab.source().guestWrites(new Random(5), 60);
            Run limit = Run.migratekit(lab.hubWords("limits", "rate=900M", "rate:slow=64K", "rate:x@08:00-18:00=1M"));
            assertEquals(0, limit.code(), limit::toString);
            assertTrue(limit.out().contains("rate:slow=64 KiB\nrate:x@08:00-18:00=1 MiB"), limit::out);
            Run wrong = Run.migratekit(lab.hubWords("limits", "rate:slow@25:00-23:59=64K"));
            assertEquals(2, wrong.code(), wrong::toString);
            assertEquals(
                    0,
                    Run.migratekit(lab.hubWords("start", "web01", "--id", "slowly"))
                            .code());
            Waiting.until("it copies", SOON, () -> job(lab, "slowly").has("said"));
            TimeUnit.SECONDS.sleep(12);
            assertEquals("running", state(lab, "slowly"));
            limit = Run.migratekit(lab.hubWords("limits", "rate:slow=-"));
            assertEquals(0, limit.code(), limit::toString);
            assertFalse(limit.out().contains("rate:slow"), limit::out);
            ended(lab, "slowly", "done");
            lab.remember("slowly");
            lab.assertAllPointsAreTrue();
        }
    }

    @Test
    void aJobOutlivesItsAgentAndItsHub() throws IOException {
        try (HubLab lab = new HubLab(folder, 24 * MIB)) {
            lab.source().guestWrites(new Random(3), 40);
            CopyProcess agent = serve(lab, "--rate", "1M");
            try {
                assertEquals(
                        0,
                        Run.migratekit(lab.hubWords("start", "web01", "--id", "long"))
                                .code());
                Waiting.until("it copies", SOON, () -> state(lab, "long").equals("running"));
                Waiting.until(
                        "it says for what it waits, or that it copies",
                        SOON,
                        () -> job(lab, "long").has("said"));
                agent.kill();
                lab.hub().kill();
                lab.hub().startAgain();
                assertEquals("running", state(lab, "long"));
                agent = serve(lab, "--rate", "1M");
                ended(lab, "long", "done");
                lab.remember("long");
                lab.assertAllPointsAreTrue();
                assertEquals(1, job(lab, "long").get("attempt").getAsInt());
            } finally {
                agent.close();
            }
        }
    }

    @Test
    void whatWasAcceptedOutlivesAHubThatIsKilledAtOnce() throws IOException {
        try (HubLab lab = new HubLab(folder, 8 * MIB);
                CopyProcess _ = serve(lab)) {
            assertEquals(0, Run.migratekit(lab.hubWords("limits", "hub=0")).code());
            for (int i = 0; i < 3; i++) {
                String id = "job-" + i;
                Run start = Run.migratekit(lab.hubWords("start", "web01", "--id", id));
                lab.hub().kill();
                assertEquals(0, start.code(), start::toString);
                lab.hub().startAgain();
                assertEquals("queued", state(lab, id));
                assertEquals(
                        0, Run.migratekit(lab.hubWords("jobs", id, "--cancel")).code());
                ended(lab, id, "cancelled");
            }
        }
    }

    @Test
    void whatIsCancelledLeavesNothingBehind() throws IOException {
        try (HubLab lab = new HubLab(folder, 24 * MIB)) {
            lab.source().guestWrites(new Random(4), 40);
            Run early = Run.migratekit(lab.hubWords("start", "web01"));
            assertTrue(early.err().contains("that an agent has found (`migratekit agent serve`"), early::toString);
            assertEquals(2, early.code(), early::toString);
            try (CopyProcess agent = serve(lab, "--rate", "1M")) {
                assertEquals(
                        0,
                        Run.migratekit(lab.hubWords("start", "web01", "--id", "no"))
                                .code());
                Waiting.until(
                        "its snapshot is there",
                        SOON,
                        () -> !lab.source().ours().isEmpty());
                Run cancel = Run.migratekit(lab.hubWords("jobs", "no", "--cancel"));
                assertEquals(0, cancel.code(), cancel::toString);
                ended(lab, "no", "cancelled");
                assertTrue(lab.ask("list").getAsJsonArray("backups").isEmpty());
                assertTrue(agent.isAlive());
            }
        }
    }
}
