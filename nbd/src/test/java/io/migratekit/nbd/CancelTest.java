package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Hangs.Hang;
import io.migratekit.nbd.Hangs.Victim;
import io.migratekit.nbd.fixture.Fault;
import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.ScriptedNbd;
import io.migratekit.nbd.fixture.ScriptedNbd.Script;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Does every wait end when somebody wants it to, by an interrupt or by a deadline, and does closing never hang? */
class CancelTest {
    /** What is promised. A wait is cut into slices of 100 ms, so this is met with time to spare. */
    private static final Duration PROMISED = Duration.ofMillis(250);
    /** What a machine that is busy with other tests may add. */
    private static final Duration NOISE = Duration.ofMillis(250);

    private static final Duration CLOSING = Duration.ofSeconds(1);
    /** So long that only what is tested can end a wait. */
    private static final Limits PATIENT = Limits.of(Duration.ofSeconds(30), Duration.ofSeconds(30));

    private static final int DISK = 64 << 20;

    @TempDir
    private Path folder;

    static Stream<Hang> hangs() {
        return Hangs.all();
    }

    @AfterEach
    void nobodyInterruptsTheNextTest() {
        Thread.interrupted();
    }

    // ---- interrupt

    @ParameterizedTest
    @MethodSource("hangs")
    void anInterruptEndsTheWait(Hang hang) throws Exception {
        CountDownLatch waiting = new CountDownLatch(1);
        AtomicLong interruptedNanos = new AtomicLong();
        Thread self = Thread.currentThread();
        Thread interrupter = Thread.ofPlatform().start(() -> {
            try {
                if (waiting.await(20, TimeUnit.SECONDS)) {
                    Thread.sleep(hang.awaited() == Wait.TLS ? 430 : 130); // in the middle of a slice
                    interruptedNanos.set(System.nanoTime());
                    self.interrupt();
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        Victim victim = new Victim(() -> spec().withListener(new WaitListener() {
            @Override
            public void waiting(String connection, Wait wait, Duration limit) {
                // libnbd may go from the greeting into the TLS handshake without coming back in between.
                if (wait == hang.awaited() || (hang.awaited() == Wait.TLS && wait == Wait.GREETING)) {
                    waiting.countDown();
                }
            }
        }));
        hang.scenario().run(folder, victim);
        assertTrue(interrupter.join(Duration.ofSeconds(21)));
        NbdException.Cancelled cancelled = assertInstanceOf(NbdException.Cancelled.class, victim.thrown());
        Checks.message(
                cancelled, "interrupted while waiting for the " + hang.awaited().title());
        assertTrue(victim.interrupted(), "whoever asked the thread to stop asked all of it");
        assertWithin(PROMISED.plus(NOISE), victim.thrownNanos() - interruptedNanos.get());
        assertTrue(victim.closing().compareTo(CLOSING) < 0, "closing took " + victim.closing());
    }

    @Test
    void anInterruptThatCameBeforeEndsTheVeryFirstWait() throws IOException {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK))) {
            Thread.currentThread().interrupt();
            long started = System.nanoTime();
            assertThrows(NbdException.Cancelled.class, () -> Checks.open(server.uri()));
            Checks.tookLessThan(PROMISED, started);
            assertTrue(Thread.interrupted());
        }
    }

    /** Buffers of cancelled requests count as free, so the answers must never come in after all. */
    @Test
    void aCancelledConnectionIsOver() throws IOException {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK));
                NbdConnection connection = Checks.open(server.uri());
                Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(4096);
            Request read = connection.read(buffer, 0);
            Request other = connection.read(arena.allocate(4096), 8192);
            Thread.currentThread().interrupt();
            assertThrows(NbdException.Cancelled.class, () -> connection.await(read));
            assertTrue(Thread.interrupted());
            for (Request each : List.of(read, other)) {
                assertTrue(each.isDone());
                assertInstanceOf(NbdException.Cancelled.class, each.failure());
            }
            assertEquals(0, connection.inFlight());
            NbdException.ConnectionLost over =
                    assertThrows(NbdException.ConnectionLost.class, () -> connection.read(buffer, 0));
            Checks.message(over, "cannot ask for read of 4096 bytes at 0", "given up after a failure");
            assertEquals(0, buffer.get(ValueLayout.JAVA_BYTE, 1), "nothing came in");
        }
    }

    // ---- deadline

    @ParameterizedTest
    @MethodSource("hangs")
    void theDeadlineEndsTheWait(Hang hang) throws IOException {
        Duration deadline = Duration.ofMillis(700);
        AtomicLong started = new AtomicLong();
        Victim victim = new Victim(() -> {
            started.set(System.nanoTime());
            return spec().withDeadline(Deadline.in(deadline));
        });
        hang.scenario().run(folder, victim);
        NbdException.DeadlinePassed passed = assertInstanceOf(NbdException.DeadlinePassed.class, victim.thrown());
        Checks.message(
                passed,
                "the deadline of 700 ms passed while waiting for the "
                        + hang.awaited().title());
        long took = victim.thrownNanos() - started.get();
        assertTrue(took >= deadline.toNanos(), "too early: " + Duration.ofNanos(took));
        assertWithin(deadline.plus(PROMISED).plus(NOISE), took);
        assertFalse(victim.interrupted());
        assertTrue(victim.closing().compareTo(CLOSING) < 0, "closing took " + victim.closing());
    }

    /** Silence resets with every byte, the deadline does not. */
    @Test
    void bytesThatTrickleDoNotMoveTheDeadline() throws IOException {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK));
                FaultProxy proxy = FaultProxy.toLoopback(server.port());
                Arena arena = Arena.ofConfined()) {
            Limits limits = Limits.of(Duration.ofSeconds(1), Duration.ofSeconds(1));
            ConnectSpec spec = Checks.spec(limits).withDeadline(Deadline.in(Duration.ofMillis(2500)));
            long started = System.nanoTime();
            try (NbdConnection connection = NbdConnection.open(NbdUri.parse(proxy.uri("")), spec)) {
                proxy.setFromNow(Fault.trickle(50));
                Request read = connection.read(arena.allocate(4096), 0);
                NbdException.DeadlinePassed passed =
                        assertThrows(NbdException.DeadlinePassed.class, () -> connection.await(read));
                Checks.message(passed, "the deadline of 2.5 s passed", "last sign of life ");
                long took = System.nanoTime() - started;
                assertTrue(took >= Duration.ofMillis(2500).toNanos(), "too early: " + Duration.ofNanos(took));
                assertWithin(Duration.ofMillis(2500).plus(PROMISED).plus(NOISE), took);
            }
        }
    }

    // ---- close

    @Test
    void closingIsQuickAlsoWhenTheServerStandsStill() throws IOException {
        Path image = new NbdImages(folder, 0).raw("disk.raw", DISK);
        for (int requests : new int[] {0, 1, 32}) {
            for (boolean writes : new boolean[] {false, true}) {
                closeWithStandingServer(image, requests, writes);
            }
        }
    }

    private static void closeWithStandingServer(Path image, int requests, boolean writes) {
        try (QemuNbd server = QemuNbd.of(image, QemuNbd.Format.RAW, 1).start();
                Arena arena = Arena.ofShared()) {
            NbdConnection connection = Checks.open(server.uri());
            try (Frozen _ = Frozen.process(server.process().pid())) {
                List<Request> pending = new ArrayList<>();
                for (int i = 0; i < requests; i++) {
                    MemorySegment buffer = arena.allocate(1 << 20);
                    long offset = (long) i << 20;
                    pending.add(writes ? connection.write(buffer, offset, false) : connection.read(buffer, offset));
                }
                long started = System.nanoTime();
                connection.close();
                Checks.tookLessThan(CLOSING, started);
                for (Request each : pending) {
                    assertTrue(each.isDone());
                    NbdException abandoned = assertInstanceOf(NbdException.Cancelled.class, each.failure());
                    Checks.message(abandoned, "closed before the " + each + " was answered");
                }
                assertEquals(0, connection.inFlight());
            }
        }
    }

    private static ConnectSpec spec() {
        return ConnectSpec.of("cancel").withLimits(PATIENT);
    }

    private static void assertWithin(Duration limit, long tookNanos) {
        Duration took = Duration.ofNanos(tookNanos);
        assertTrue(took.compareTo(limit) <= 0, "took " + took.toMillis() + " ms, allowed are " + limit.toMillis());
    }
}
