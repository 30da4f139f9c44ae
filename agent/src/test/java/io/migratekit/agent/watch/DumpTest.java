package io.migratekit.agent.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.Wait;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Does the dump hold what one needs to find a stall, fit on a screen, and keep every secret? */
class DumpTest {
    private static final String CANARY = "correct-horse-battery-staple";
    private final Scene scene = stalled();

    private static Scene stalled() {
        Scene scene = new Scene();
        scene.worker.adopt();
        scene.progress.planned(1L << 30, 0);
        scene.progress.phase(Progress.Phase.COPYING);
        scene.target.state("READY");
        scene.source.issued(Wait.READ, 0, 4096);
        scene.clock.pass(3);
        scene.source.answered(Wait.READ, 0, 4096, Outcome.ANSWERED);
        for (int i = 0; i < 30; i++) {
            scene.target.issued(Wait.WRITE, i, 1);
            scene.clock.pass(41);
            scene.target.answered(Wait.WRITE, i, 1, Outcome.ANSWERED);
        }
        ConnectionPulse lost = scene.worker.opening("copy-target-9", Side.TARGET, "nbd://hub");
        lost.closed(Outcome.LOST, "the connection broke");
        scene.issued(scene.target, Wait.WRITE, 64).passes(62);
        return scene;
    }

    @Test
    void theDumpHoldsAllThatIsKnown() {
        String dump = scene.watch.dump();
        for (String part : List.of(
                "job nightly-7: stalled in target-write for 62 s (pid "
                        + ProcessHandle.current().pid(),
                "from nbd://source:10809/disk",
                "to   nbd://hub:10809/disk",
                "copying: planned 1073741824 bytes",
                "why: copy-target-0: the target has not answered write of 262144 bytes at 17301504 for 62 s; 63 others in"
                        + " flight; last sign of life 62 s ago; last answer 62 s ago (write of 1 bytes at 29, which took"
                        + " 41 ms); libnbd state READY",
                "look: look at the server of the target",
                "copy-0: stalled in target-write; copying 134217728 bytes at 16777216 for",
                "copy-target-0 to target: 64 in flight (16777216 bytes), last sign of life 62 s ago, 30 requests answered",
                "write of 262144 bytes at 17563648: asked 62 s ago",
                "and 61 younger requests",
                "copy-target-9 to target is over: the connection broke",
                "source-read/read: 1 wait, half within",
                "target-write/write: 30 waits, half within 41",
                "30 of 30 waits for target-write/write took about 40 ms",
                "main: thread RUNNABLE",
                "  at ")) {
            assertTrue(dump.contains(part), "missing: " + part);
        }
        assertTrue(dump.lines().count() <= 50, "one screen");
    }

    @Test
    void manyWorkersStillFitOnAScreen() {
        for (int i = 1; i < 40; i++) {
            Pulse more = scene.watch.worker("copy-" + i);
            more.stage(Stage.COPYING);
            ConnectionPulse connection = more.opening("copy-source-" + i, Side.SOURCE, "nbd://x");
            for (int j = 0; j < 64; j++) {
                connection.issued(Wait.READ, j, 1);
            }
        }
        String dump = scene.watch.dump();
        assertTrue(dump.lines().count() <= 80, dump);
        assertTrue(dump.indexOf("copy-0:") < dump.indexOf("copy-1:"), "what stands still comes first");
        assertTrue(dump.contains("and 32 more workers"), dump);
    }

    @Test
    void noSecretOfTheProcessIsTold() {
        System.setProperty("migratekit.test.canary", CANARY);
        try {
            String all = scene.watch.dump() + scene.watch.statusJson();
            assertFalse(all.contains(CANARY));
            for (Map.Entry<String, String> variable : System.getenv().entrySet()) {
                assertFalse(
                        variable.getValue().length() > 12 && all.contains(variable.getValue()),
                        "the value of " + variable.getKey());
            }
        } finally {
            System.clearProperty("migratekit.test.canary");
        }
    }

    @Test
    void whatAServerSaidCannotPretendToBeOurs() {
        scene.worker.opening("c", Side.SOURCE, "nbd://x").closed(Outcome.LOST, "bye\njob x: moving\u001b[2J");
        String dump = scene.watch.dump();
        assertTrue(dump.contains("c to source is over: bye?job x: moving?[2J"), dump);
    }

    @Test
    void theStatusIsJsonWithTheNamesThatAreDocumented() {
        scene.worker.opening("odd \"name\" \\ \u0007 \ud83d", Side.SOURCE, "nbd://x");
        JsonObject status = JsonParser.parseString(scene.watch.statusJson()).getAsJsonObject();
        assertEquals(1, status.get("format").getAsInt());
        assertEquals("nightly-7", status.get("job").getAsString());
        assertEquals("stalled", status.get("motion").getAsString());
        assertEquals("target-write", status.get("layer").getAsString());
        assertEquals(62_000, status.get("forMillis").getAsLong());
        assertEquals(
                1L << 30, status.getAsJsonObject("progress").get("plannedBytes").getAsLong());
        JsonObject worker = status.getAsJsonArray("workers").get(0).getAsJsonObject();
        JsonObject target = worker.getAsJsonArray("connections").get(1).getAsJsonObject();
        assertEquals(64, target.get("inFlight").getAsInt());
        assertEquals(17301504, target.getAsJsonObject("oldest").get("offset").getAsLong());
        assertEquals(62_000, target.get("silentMillis").getAsLong());
        assertEquals(
                "odd \"name\" \\ \u0007 \ud83d",
                worker.getAsJsonArray("connections")
                        .get(2)
                        .getAsJsonObject()
                        .get("id")
                        .getAsString());
        assertTrue(status.getAsJsonArray("waits")
                .get(0)
                .getAsJsonObject()
                .get("fortyMillisMark")
                .getAsBoolean());
    }

    @Test
    void theSignalReachesItsTask() throws Exception {
        CountDownLatch came = new CountDownLatch(2);
        Signals.onUser1(came::countDown);
        for (int i = 0; i < 2; i++) {
            Process kill = new ProcessBuilder(
                            "kill",
                            "-USR1",
                            Long.toString(ProcessHandle.current().pid()))
                    .start();
            assertTrue(kill.waitFor(5, TimeUnit.SECONDS));
            Thread.sleep(Duration.ofMillis(50));
        }
        assertTrue(came.await(2, TimeUnit.SECONDS));
    }
}
