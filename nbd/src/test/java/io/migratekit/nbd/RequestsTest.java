package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.ScriptedNbd;
import io.migratekit.nbd.fixture.ScriptedNbd.Answer;
import io.migratekit.nbd.fixture.ScriptedNbd.Script;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Does every request end as it should, with many in flight, with errors among them, and when the server is gone? */
class RequestsTest {
    private static final int DISK = 8 << 20;
    private static final int EIO = 5;
    private static final int ENOSPC = 28;

    @TempDir
    private Path folder;

    // ---- many in flight

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 64})
    void memoryDiskAgreesWithTheModel(int depth) {
        try (Nbdkit server = Nbdkit.plugin("memory", Integer.toString(DISK))
                .loopbackPort(0)
                .threads(8)
                .start()) {
            agree(server.uri(), depth, 3000);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 64})
    void qcow2DiskAgreesWithTheModel(int depth) throws IOException {
        Path image = new NbdImages(folder, 0).qcow2("disk.qcow2", DISK);
        try (QemuNbd server = QemuNbd.of(image, QemuNbd.Format.QCOW2, 4)
                .discard(QemuNbd.Discard.UNMAP)
                .cache(QemuNbd.Cache.UNSAFE)
                .start()) {
            agree(server.uri(), depth, 3000);
        }
    }

    private static void agree(String uri, int depth, int count) {
        long seed = System.nanoTime();
        System.out.println("RequestsTest.agree uri=" + uri + " depth=" + depth + " seed=" + seed);
        long started = System.nanoTime();
        RandomRequests requests = new RandomRequests(seed, DISK, depth);
        try (NbdConnection connection = Checks.open(uri)) {
            requests.run(connection, count);
            assertEquals(depth, requests.mostInFlight());
            requests.checkWhole(connection);
            connection.await(connection.flush());
        }
        try (NbdConnection another = Checks.open(uri)) {
            requests.checkWhole(another);
        }
        Checks.tookLessThan(Duration.ofSeconds(30), started);
    }

    /** nbdkit's pattern disk holds each offset as a number, so that a byte in the wrong place shows. */
    @Test
    void errorsAmongManyReadsHitExactlyTheRequestsTheyBelongTo() {
        try (Nbdkit server = Nbdkit.plugin("pattern", Integer.toString(DISK))
                .filter("error")
                .parameter("error-pread=EIO")
                .parameter("error-pread-rate=20%")
                .threads(8)
                .start()) {
            try (NbdConnection connection = Checks.open(server.uri());
                    Arena arena = Arena.ofConfined()) {
                List<Request> requests = new ArrayList<>();
                List<MemorySegment> buffers = new ArrayList<>();
                for (int i = 0; i < DISK / 8192; i++) {
                    buffers.add(arena.allocate(8192, 8));
                    requests.add(connection.read(buffers.get(i), i * 8192L));
                }
                int failures = 0;
                for (int i = 0; i < requests.size(); i++) {
                    Request request = requests.get(i);
                    try {
                        connection.await(request);
                        assertPattern(buffers.get(i), request.offset());
                    } catch (NbdException.RequestFailed e) {
                        failures++;
                        assertEquals(EIO, e.errno());
                        Checks.message(
                                e,
                                server.uri() + ": the server answered the read of 8192 bytes at " + request.offset()
                                        + " with an error or sent less data than was asked for: ");
                    }
                }
                assertTrue(failures > 50 && failures < 500, "failures: " + failures);
            }
        }
    }

    private static void assertPattern(MemorySegment buffer, long offset) {
        for (long i = 0; i < buffer.byteSize(); i += 8) {
            assertEquals(offset + i, buffer.get(ValueLayout.JAVA_LONG.withOrder(ByteOrder.BIG_ENDIAN), i));
        }
    }

    @Test
    void anErrorOfTheServerLeavesTheConnectionUsable() {
        try (Nbdkit server = Nbdkit.plugin("memory", "1M")
                        .filter("error")
                        .parameter("error-pwrite=ENOSPC")
                        .parameter("error-pwrite-rate=100%")
                        .start();
                NbdConnection connection = Checks.open(server.uri());
                Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(4096);
            for (int i = 0; i < 3; i++) {
                Request write = connection.write(buffer, 0, false);
                NbdException.RequestFailed full =
                        assertThrows(NbdException.RequestFailed.class, () -> connection.await(write));
                assertEquals(ENOSPC, full.errno());
                Checks.message(full, "No space left on device");
                assertEquals(full, write.failure());
                assertTrue(write.isDone());
                connection.await(connection.read(buffer, 0));
            }
            assertEquals(0, connection.inFlight());
        }
    }

    @Test
    void answersInAnyOrderFindTheirRequests() throws IOException {
        long seed = System.nanoTime();
        System.out.println("RequestsTest.answersInAnyOrderFindTheirRequests seed=" + seed);
        Script script = Script.disk(DISK).shuffling(Duration.ofMillis(20), seed);
        try (ScriptedNbd server = ScriptedNbd.start(script);
                NbdConnection connection = Checks.open(server.uri());
                Arena arena = Arena.ofConfined()) {
            List<Request> order = new ArrayList<>();
            List<MemorySegment> buffers = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                MemorySegment buffer = arena.allocate(1024);
                buffers.add(buffer);
                order.add(connection.read(buffer, i * 1024L));
            }
            connection.await(order.get(63));
            for (int i = 0; i < 64; i++) {
                connection.await(order.get(i));
                Checks.scriptedContent(buffers.get(i), i * 1024L);
            }
            assertTrue(server.mostPending() > 1, "the order was not even tried");
        }
    }

    // ---- the silent short read

    @Test
    void aReadThatIsAnsweredShortIsAnErrorAndNotStaleData() throws IOException {
        Script script = Script.disk(DISK)
                .answering(asked ->
                        asked.offset() == 8192 ? new Answer.ShortData((int) asked.length() / 2) : Answer.REGULAR);
        try (ScriptedNbd server = ScriptedNbd.start(script);
                NbdConnection connection = Checks.open(server.uri());
                Arena arena = Arena.ofConfined()) {
            for (int round = 0; round < 3; round++) {
                MemorySegment good = arena.allocate(8192);
                MemorySegment cut = arena.allocate(8192);
                Request before = connection.read(good, 0);
                Request trap = connection.read(cut, 8192);
                NbdException.RequestFailed caught =
                        assertThrows(NbdException.RequestFailed.class, () -> connection.await(trap));
                assertEquals(EIO, caught.errno());
                Checks.message(caught, "with an error or sent less data than was asked for");
                connection.await(before);
                Checks.scriptedContent(good, 0);
            }
        }
    }

    // ---- whoever looks late

    /** Work elsewhere, or a machine that slept, must not be taken for silence of the peer. */
    @Test
    void answersThatCameWhileNobodyLookedAreNotSilence() throws IOException, InterruptedException {
        Limits limits = Limits.of(Duration.ofMillis(200), Duration.ofMillis(200));
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK));
                NbdConnection connection = NbdConnection.open(
                        NbdUri.parse(server.uri()), ConnectSpec.of("late").withLimits(limits));
                Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(1 << 20);
            Request first = connection.read(arena.allocate(512), 0);
            Request second = connection.read(buffer, 4096);
            connection.await(first);
            Thread.sleep(500);
            connection.await(second);
            Checks.scriptedContent(buffer, 4096);
            Request third = connection.read(buffer, 8192);
            Thread.sleep(500);
            connection.await(third);
            Checks.scriptedContent(buffer, 8192);
        }
    }

    // ---- the end of the server

    /** Sending the next request fails then, which libnbd does not report where it happens. */
    @Test
    void aServerThatEndedWhileNothingWasInFlightIsNoticedAtOnce() {
        for (Nbdkit server : List.of(
                Nbdkit.plugin("memory", "1M").start(),
                Nbdkit.plugin("memory", "1M").loopbackPort(0).start())) {
            try (server;
                    NbdConnection connection = Checks.open(server.uri());
                    Arena arena = Arena.ofConfined()) {
                MemorySegment buffer = arena.allocate(512);
                connection.await(connection.read(buffer, 0));
                ProcessHandle.of(server.process().pid()).ifPresent(ProcessHandle::destroyForcibly);
                Waiting.until(
                        "the server is dead",
                        Duration.ofSeconds(5),
                        () -> !server.process().isAlive());
                long started = System.nanoTime();
                NbdException.ConnectionLost lost = assertThrows(
                        NbdException.ConnectionLost.class, () -> connection.await(connection.read(buffer, 0)));
                Checks.message(
                        lost, server.uri() + ": the connection broke", "Usual cause: the server or the tunnel ended");
                NbdException.ConnectionLost again =
                        assertThrows(NbdException.ConnectionLost.class, () -> connection.read(buffer, 0));
                Checks.message(again, server.uri(), "this connection was given up after a failure");
                Checks.tookLessThan(Duration.ofSeconds(1), started);
            }
        }
    }

    @Test
    void aServerThatIsKilledWithManyInFlightFailsEveryOneOfThem() throws IOException {
        Path image = new NbdImages(folder, 0).raw("disk.raw", DISK);
        try (QemuNbd server = QemuNbd.of(image, QemuNbd.Format.RAW, 1).start();
                NbdConnection connection = Checks.open(server.uri());
                Arena arena = Arena.ofConfined()) {
            List<Request> requests = new ArrayList<>();
            try (Frozen _ = Frozen.process(server.process().pid())) {
                for (int i = 0; i < 8; i++) {
                    requests.add(connection.read(arena.allocate(4096), i * 4096L));
                }
                ProcessHandle.of(server.process().pid()).ifPresent(ProcessHandle::destroyForcibly);
            }
            long started = System.nanoTime();
            assertThrows(NbdException.ConnectionLost.class, () -> connection.await(requests.getFirst()));
            assertEquals(0, connection.inFlight());
            for (Request each : requests) {
                assertTrue(each.isDone());
                assertTrue(each.failure() instanceof NbdException.ConnectionLost, each.toString());
            }
            Checks.tookLessThan(Duration.ofSeconds(1), started);
        }
    }
}
