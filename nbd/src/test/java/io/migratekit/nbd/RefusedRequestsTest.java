package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.ScriptedNbd;
import io.migratekit.nbd.fixture.ScriptedNbd.Script;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is a request that cannot go well refused before it is sent, and does a mistake of the program cost nothing but an exception? */
class RefusedRequestsTest {
    private static final int DISK = 8 << 20;

    @TempDir
    private Path folder;

    // ---- refused on our side

    @Test
    void whatTheServerCannotDoIsRefusedBeforeItIsSent() throws IOException {
        Script script = Script.disk(DISK).insistingOnBlocksOf(512);
        try (ScriptedNbd server = ScriptedNbd.start(script);
                NbdConnection connection = Checks.open(server.uri());
                Arena arena = Arena.ofConfined()) {
            MemorySegment block = arena.allocate(512);
            assertRefused(() -> connection.read(block, DISK), "cannot ask for read of 512 bytes at " + DISK);
            assertRefused(() -> connection.read(block, DISK - 256), "cannot ask for");
            assertRefused(() -> connection.read(block, -512), "cannot ask for");
            assertRefused(() -> connection.read(block, Long.MAX_VALUE - 511), "cannot ask for");
            assertRefused(() -> connection.read(block, 1), "unaligned");
            assertRefused(() -> connection.read(block.asSlice(0, 100), 0), "unaligned");
            assertRefused(
                    () -> connection.read(block.asSlice(0, 0), 0), "cannot ask for read of 0 bytes at 0: it is empty");
            assertRefused(() -> connection.zero(0, 0, true), "it is empty");
            assertRefused(() -> connection.trim(0, -1), "it is empty");
            assertRefused(() -> connection.write(block, 100, false), "unaligned");
            assertRefused(() -> connection.zero(0, DISK + 512, true), "cannot ask for");
            assertRefused(() -> connection.trim(256, 512), "unaligned");
            assertRefused(() -> connection.read(arena.allocate(65 << 20), 0), "cannot ask for");
            assertEquals(0, connection.inFlight());
            assertEquals(0, server.requests());
            connection.await(connection.read(block, 512));
            Checks.scriptedContent(block, 512);
        }
    }

    @Test
    void aRefusedRequestDoesNotTouchThoseInFlight() {
        onOpenConnection(connection -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment buffer = arena.allocate(8192);
                Request read = connection.read(buffer, 8192);
                assertRefused(() -> connection.read(buffer, DISK), "cannot ask for");
                assertEquals(1, connection.inFlight());
                connection.await(read);
                Checks.scriptedContent(buffer, 8192);
            }
        });
    }

    @Test
    void aReadOnlyExportIsNotWritten() throws IOException {
        Path image = new NbdImages(folder, 0).raw("disk.raw", DISK);
        try (Nbdkit nbdkit = Nbdkit.plugin("memory", "1M").readOnly().start();
                QemuNbd qemu =
                        QemuNbd.of(image, QemuNbd.Format.RAW, 1).readOnly().start()) {
            for (String uri : List.of(nbdkit.uri(), qemu.uri())) {
                try (NbdConnection connection = Checks.open(uri);
                        Arena arena = Arena.ofConfined()) {
                    assertTrue(connection.info().readOnly());
                    MemorySegment buffer = arena.allocate(512);
                    assertRefused(() -> connection.write(buffer, 0, false), "write");
                    assertRefused(() -> connection.zero(0, 512, true), "cannot ask for zero");
                    assertRefused(() -> connection.trim(0, 512), "cannot ask for trim");
                    connection.await(connection.read(buffer, 0));
                }
            }
        }
    }

    private static void assertRefused(Runnable request, String expected) {
        Checks.message(assertThrows(NbdException.RequestFailed.class, request::run), expected);
    }

    // ---- mistakes of the program

    @Test
    void buffersOnTheHeapAreRefused() {
        onOpenConnection(connection -> {
            MemorySegment heap = MemorySegment.ofArray(new byte[512]);
            assertThrows(IllegalArgumentException.class, () -> connection.read(heap, 0));
            assertThrows(IllegalArgumentException.class, () -> connection.write(heap, 0, false));
        });
    }

    @Test
    void anotherThreadIsRefused() {
        onOpenConnection(connection -> {
            try (Arena arena = Arena.ofShared()) {
                MemorySegment buffer = arena.allocate(512);
                Request pending = connection.read(buffer, 0);
                assertRefusedThere(Thread.ofPlatform(), () -> connection.read(buffer, 0));
                assertRefusedThere(Thread.ofPlatform(), () -> connection.write(buffer, 0, false));
                assertRefusedThere(Thread.ofPlatform(), () -> connection.zero(0, 512, true));
                assertRefusedThere(Thread.ofPlatform(), () -> connection.trim(0, 512));
                assertRefusedThere(Thread.ofPlatform(), connection::flush);
                assertRefusedThere(Thread.ofPlatform(), connection::poll);
                assertRefusedThere(Thread.ofPlatform(), () -> connection.await(pending));
                assertRefusedThere(Thread.ofPlatform(), connection::close);
                assertRefusedThere(Thread.ofVirtual(), connection::poll);
                connection.await(pending);
            }
        });
    }

    @Test
    void aVirtualThreadIsRefused() throws IOException {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK))) {
            assertRefusedThere(
                    Thread.ofVirtual(), () -> Checks.open(server.uri()).close());
        }
    }

    private static void assertRefusedThere(Thread.Builder where, Runnable call) {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread = where.unstarted(call);
        thread.setUncaughtExceptionHandler((t, e) -> thrown.set(e));
        thread.start();
        try {
            assertTrue(thread.join(Duration.ofSeconds(5)));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        assertEquals(
                IllegalStateException.class,
                thrown.get() == null ? null : thrown.get().getClass());
    }

    @Test
    void anotherConnectionsRequestIsRefusedAndNotWaitedForInVain() {
        onOpenConnection(one -> onOpenConnection(other -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment buffer = arena.allocate(512);
                Request foreign = other.read(buffer, 0);
                one.read(arena.allocate(512), 0);
                assertThrows(IllegalArgumentException.class, () -> one.await(foreign));
                other.await(foreign);
            }
        }));
    }

    @Test
    void afterCloseNothingIsPossibleAndClosingAgainDoesNothing() {
        try (Nbdkit server = Nbdkit.plugin("memory", "1M").start();
                Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(512);
            NbdConnection connection = Checks.open(server.uri());
            Request abandoned = connection.read(buffer, 0);
            connection.close();
            assertTrue(abandoned.isDone());
            assertEquals(0, connection.inFlight());
            connection.close();
            connection.close();
            assertThrows(IllegalStateException.class, () -> connection.read(buffer, 0));
            assertThrows(IllegalStateException.class, connection::flush);
            assertThrows(IllegalStateException.class, () -> connection.hasContext(ConnectSpec.BASE_ALLOCATION));
            Request known = connection.poll();
            assertTrue(known == null || known.isDone());
            assertNull(connection.poll());
            assertNotNull(connection.info());
        }
    }

    /** The other thread may be inside libnbd's look-up of a name, for minutes, when the owner gives up. */
    @Test
    void aHandleThatAnotherThreadStillConnectsIsEndedByThatThread() throws IOException, InterruptedException {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK))) {
            Handle handle = new Handle("lent");
            handle.lend();
            handle.close();
            Thread connecting = Thread.ofPlatform().start(() -> handle.connectTcp("127.0.0.1", server.port()));
            assertTrue(connecting.join(Duration.ofSeconds(5)));
            assertTrue(handle.isOver());
        }
    }

    private static void onOpenConnection(Consumer<NbdConnection> test) {
        try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK));
                NbdConnection connection = Checks.open(server.uri())) {
            test.accept(connection);
            // Whatever was refused, the connection is none the worse for it.
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment buffer = arena.allocate(512);
                connection.await(connection.read(buffer, 1024));
                Checks.scriptedContent(buffer, 1024);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
