package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.hub.api.RawHttp.Answer;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.fixture.Frozen;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Do many clients at once all come to a good end, and does a server that stands still delay nobody but its own? */
@Tag("long")
class HubLoadTest {
    private static final String BACKUPS = "/api/v1/backups";

    @TempDir
    private Path folder;

    /** Every tenth is a second client of the same backup, as an agent that was started anew would be. */
    @Test
    void twoHundredClientsAtOnceAllGetTheirRestorePoint() throws Exception {
        try (LiveHub hub = LiveHub.in(folder)) {
            long millis = atOnce(200, i -> {
                String id = "job-" + (i % 10 == 9 ? i - 1 : i);
                Answer started = hub.ask("POST", BACKUPS, hub.admin, LiveHub.starting(id, "vm-" + id));
                boolean sealedByItsTwin =
                        started.status() == 409 && started.body().contains(":sealed");
                assertTrue(started.status() == 201 || started.status() == 200 || sealedByItsTwin, started::toString);
                Answer sealed = hub.ask("POST", BACKUPS + "/" + id + "/seal", hub.admin, LiveHub.sealing());
                assertEquals(200, sealed.status(), sealed::toString);
            });
            JsonObject all = hub.answer(200, "GET", BACKUPS, "");
            assertEquals(180, all.getAsJsonArray("backups").size());
            all.getAsJsonArray("backups")
                    .forEach(one -> assertEquals(
                            "sealed", one.getAsJsonObject().get("state").getAsString()));
            assertTrue(millis < 45_000, "it took " + millis + " ms");
        }
    }

    @Test
    void fiftyExportsAreWrittenAtOnceAndNoneWaitsForOneThatIsFrozen() throws Exception {
        try (LiveHub hub = LiveHub.in(folder)) {
            List<JsonObject> disks = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                disks.add(new JsonObject());
            }
            long opened = atOnce(
                    50,
                    i -> disks.set(
                            i, disk(hub.ask("POST", BACKUPS, hub.admin, LiveHub.starting("job-" + i, "vm-" + i)))));
            assertTrue(opened < 20_000, "opening took " + opened + " ms");
            long written = atOnce(50, i -> writeAndRead(disks.get(i), (byte) (i + 1)));
            assertTrue(written < 10_000, "writing took " + written + " ms");

            List<Long> pids = hub.exportPids();
            assertEquals(50, pids.size());
            try (Frozen _ = Frozen.process(hub.exportPid("job-0"))) {
                long others = atOnce(49, i -> writeAndRead(disks.get(i + 1), (byte) (i + 60)));
                assertTrue(others < 10_000, "with one frozen it took " + others + " ms");
            }
            try (Frozen _ = Frozen.processes(pids)) {
                // Who ends a backup waits for its own export, as long as a polite end and a forced one may take.
                CompletableFuture<Long> ended = CompletableFuture.supplyAsync(() -> abandon(hub, "job-49"));
                long answered = atOnce(20, i -> {
                    hub.answer(200, "GET", "/health", "");
                    assertEquals(
                            50,
                            hub.answer(200, "GET", BACKUPS, "")
                                    .getAsJsonArray("backups")
                                    .size());
                    hub.answer(200, "GET", BACKUPS + "/job-" + i, "");
                    hub.answer(200, "POST", BACKUPS + "/job-" + i + "/heartbeat", "");
                    assertEquals(200, hub.ask("GET", "/metrics", hub.admin, "").status());
                });
                assertFalse(ended.isDone(), "nothing was in the way");
                assertTrue(answered < 5000, "with all frozen it took " + answered + " ms");
                long millis = ended.get(30, TimeUnit.SECONDS);
                assertTrue(millis < 15_000, "ending a frozen one took " + millis + " ms");
            }
        }
    }

    private static long abandon(LiveHub hub, String id) {
        try {
            Answer answer = hub.ask("POST", BACKUPS + "/" + id + "/abandon", hub.admin, "");
            assertEquals(204, answer.status(), answer::toString);
            return answer.millis();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static JsonObject disk(Answer answer) {
        assertEquals(201, answer.status(), answer::toString);
        return JsonParser.parseString(answer.body())
                .getAsJsonObject()
                .getAsJsonArray("disks")
                .get(0)
                .getAsJsonObject();
    }

    private static void writeAndRead(JsonObject disk, byte content) {
        NbdUri uri = NbdUri.parse(disk.get("export").getAsString());
        try (Arena arena = Arena.ofConfined();
                NbdConnection connection = NbdConnection.open(uri, ConnectSpec.of("load"))) {
            MemorySegment buffer = arena.allocate(64 << 10);
            buffer.fill(content);
            connection.await(connection.write(buffer, 128 << 10, false));
            connection.await(connection.flush());
            buffer.fill((byte) 0);
            connection.await(connection.read(buffer, 128 << 10));
            assertEquals(content, buffer.get(ValueLayout.JAVA_BYTE, buffer.byteSize() - 1));
        }
    }

    private interface Deed {
        void of(int number) throws IOException;
    }

    /** Does it that many times at once; how long the last one took. The first failure is thrown. */
    private static long atOnce(int times, Deed deed) throws Exception {
        long start = System.nanoTime();
        ExecutorService threads = Executors.newFixedThreadPool(times);
        try {
            List<Callable<Boolean>> all = new ArrayList<>();
            for (int i = 0; i < times; i++) {
                int number = i;
                all.add(() -> {
                    deed.of(number);
                    return true;
                });
            }
            for (Future<Boolean> one : threads.invokeAll(all, 60, TimeUnit.SECONDS)) {
                assertTrue(one.get(0, TimeUnit.SECONDS));
            }
        } finally {
            threads.shutdownNow();
        }
        long millis = Duration.ofNanos(System.nanoTime() - start).toMillis();
        System.getLogger("load").log(System.Logger.Level.INFO, times + " at once: " + millis + " ms");
        return millis;
    }
}
