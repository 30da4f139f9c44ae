package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.ScriptedNbd;
import io.migratekit.nbd.fixture.ScriptedNbd.Answer;
import io.migratekit.nbd.fixture.ScriptedNbd.Script;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.nbd.server.Nbdkit;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Does one wait serve several connections, each with its own limits and its own end? */
class ConnectionGroupTest {
    private static final int DISK = 1 << 20;
    private static final Limits SHORT = Limits.of(Duration.ofMillis(300), Duration.ofMillis(300));

    @Test
    void answersOfAllConnectionsComeIn() throws IOException {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK));
                NbdConnection one = Checks.open(server.uri());
                NbdConnection two = Checks.open(server.uri());
                ConnectionGroup group = new ConnectionGroup(List.of(one, two));
                Arena arena = Arena.ofConfined()) {
            List<MemorySegment> buffers = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                buffers.add(arena.allocate(512));
                (i % 2 == 0 ? one : two).read(buffers.get(i), i * 512L);
            }
            int answers = 0;
            long started = System.nanoTime();
            while (answers < 16) {
                group.await(50);
                for (NbdConnection each : List.of(one, two)) {
                    for (Request done = each.nextAnswered(); done != null; done = each.nextAnswered()) {
                        assertNull(done.failure());
                        Checks.scriptedContent(buffers.get((int) (done.offset() / 512)), done.offset());
                        answers++;
                    }
                }
                Checks.tookLessThan(Duration.ofSeconds(5), started);
            }
        }
    }

    /** A limit is one of silence after a question; and nobody is kept for longer than a moment. */
    @Test
    void withNothingInFlightItWaitsALittleAndNobodyIsLost() throws IOException {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK));
                NbdConnection one = NbdConnection.open(NbdUri.parse(server.uri()), Checks.spec(SHORT));
                ConnectionGroup group = new ConnectionGroup(List.of(one))) {
            long began = System.nanoTime();
            int calls = 0;
            while (System.nanoTime() - began < 600_000_000L) {
                long started = System.nanoTime();
                group.await(5000);
                Checks.tookLessThan(Duration.ofMillis(500), started);
                calls++;
            }
            assertTrue(calls < 20, "it does not wait: " + calls + " calls in 600 ms");
            assertFalse(one.isLost());
        }
    }

    @Test
    void theSilentOneIsLostAtItsLimitAndTheOtherIsNot() throws IOException {
        try (ScriptedNbd healthy = ScriptedNbd.start(Script.disk(DISK));
                ScriptedNbd silent = ScriptedNbd.start(Script.disk(DISK).answering(asked -> Answer.SILENCE));
                Arena arena = Arena.ofConfined();
                NbdConnection good = NbdConnection.open(NbdUri.parse(healthy.uri()), Checks.spec(SHORT));
                NbdConnection bad = NbdConnection.open(NbdUri.parse(silent.uri()), Checks.spec(SHORT));
                ConnectionGroup group = new ConnectionGroup(List.of(good, bad))) {
            Request never = bad.read(arena.allocate(512), 0);
            long started = System.nanoTime();
            NbdException.NoAnswer silence = assertThrows(NbdException.NoAnswer.class, () -> {
                while (true) {
                    group.await(1000);
                }
            });
            Checks.tookLessThan(Duration.ofMillis(1300), started);
            Checks.message(silence, silent.uri());
            assertTrue(bad.isLost());
            assertFalse(good.isLost());
            assertEquals(silence, never.failure());
            good.await(good.read(arena.allocate(512), 0));
        }
    }

    @Test
    void whatCameWhileNobodyLookedIsNoSilence() throws IOException, InterruptedException {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK));
                NbdConnection one = NbdConnection.open(NbdUri.parse(server.uri()), Checks.spec(SHORT));
                ConnectionGroup group = new ConnectionGroup(List.of(one));
                Arena arena = Arena.ofConfined()) {
            Request first = one.read(arena.allocate(512), 0);
            Request second = one.read(arena.allocate(1 << 19), 0);
            one.await(first);
            Thread.sleep(600);
            long started = System.nanoTime();
            while (!second.isDone()) {
                group.await(1000);
                Checks.tookLessThan(Duration.ofSeconds(5), started);
            }
            assertNull(second.failure());
            assertNotNull(one.nextAnswered());
        }
    }

    @Test
    void aConnectionThatDiedUnnoticedIsLostAtOnce() {
        try (Nbdkit server = Nbdkit.plugin("memory", "1M").start();
                NbdConnection one = Checks.open(server.uri());
                ConnectionGroup group = new ConnectionGroup(List.of(one));
                Arena arena = Arena.ofConfined()) {
            ProcessHandle.of(server.process().pid()).ifPresent(ProcessHandle::destroyForcibly);
            Waiting.until(
                    "the server is dead",
                    Duration.ofSeconds(5),
                    () -> !server.process().isAlive());
            Request read = one.read(arena.allocate(512), 0);
            long started = System.nanoTime();
            NbdException.ConnectionLost lost = assertThrows(NbdException.ConnectionLost.class, () -> {
                while (!read.isDone()) {
                    group.await(1000);
                }
            });
            Checks.tookLessThan(Duration.ofSeconds(1), started);
            assertEquals(lost, read.failure());
        }
    }

    @Test
    void anInterruptEndsTheWait() throws IOException {
        try (ScriptedNbd silent = ScriptedNbd.start(Script.disk(DISK).answering(asked -> Answer.SILENCE));
                Arena arena = Arena.ofConfined();
                NbdConnection one = Checks.open(silent.uri());
                ConnectionGroup group = new ConnectionGroup(List.of(one))) {
            one.read(arena.allocate(512), 0);
            Thread.currentThread().interrupt();
            long started = System.nanoTime();
            assertThrows(NbdException.Cancelled.class, () -> group.await(5000));
            Checks.tookLessThan(Duration.ofMillis(500), started);
        } finally {
            assertTrue(Thread.interrupted());
        }
    }
}
