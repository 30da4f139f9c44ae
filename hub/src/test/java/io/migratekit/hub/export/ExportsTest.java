package io.migratekit.hub.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Are layers served by real qemu-nbd that come back, harm nobody when frozen, and leave nothing behind? */
class ExportsTest {
    private static final ExportKey ONE = new ExportKey("job-1", 2000);
    private static final ExportKey TWO = new ExportKey("job-2", 2000);

    @TempDir
    private Path folder;

    @Test
    void aLayerIsServedToAsManyAsWereAskedForAndOneMore() throws Exception {
        try (Exports exports = Exports.start(pool(4), record())) {
            Exports.Served served = exports.open(ONE, layer("a"), 2);
            assertEquals(3, served.slots());
            try (NbdConnection first = connect(served);
                    NbdConnection second = connect(served);
                    NbdConnection third = connect(served)) {
                assertTrue(first.info().multiConn()
                        && second.info().multiConn()
                        && third.info().multiConn());
                assertEquals(3, exports.find(ONE).orElseThrow().clients());
            }
            assertEquals(served.uri(), exports.open(ONE, layer("a"), 2).uri());
        }
    }

    @Test
    void aKilledServerComesBackAtTheSamePlace() throws Exception {
        try (Exports exports = Exports.start(pool(4), record())) {
            String uri = exports.open(ONE, layer("a"), 1).uri();
            long pid = pid(exports, ONE);
            Tool.outcome(List.of("kill", "-KILL", Long.toString(pid)));
            Waiting.until("another process serves", Duration.ofSeconds(10), () -> pid(exports, ONE) != pid);
            Exports.Served again = exports.open(ONE, layer("a"), 1);
            assertEquals(uri, again.uri());
            connect(again).close();
        }
    }

    @Test
    void aFrozenOneDelaysNobodyElse() throws Exception {
        try (Exports exports = Exports.start(pool(4), record())) {
            exports.open(ONE, layer("a"), 1);
            try (Frozen _ = Frozen.process(pid(exports, ONE))) {
                long start = System.nanoTime();
                exports.open(TWO, layer("b"), 1);
                connect(exports.find(TWO).orElseThrow()).close();
                exports.close(TWO);
                assertTrue(exports.find(ONE).isPresent());
                long millis = (System.nanoTime() - start) / 1_000_000;
                assertTrue(millis < 8000, "it took " + millis + " ms");
            }
        }
    }

    @Test
    void whatAKilledHubLeftOverIsEndedAndServedAtTheSamePort() throws Exception {
        Places pool = pool(4);
        Exports before = Exports.start(pool, record());
        before.open(TWO, layer("b"), 1);
        String uri = before.open(ONE, layer("a"), 1).uri();
        long pid = pid(before, ONE);
        byte[] noted = Files.readAllBytes(record());
        try (Exports after = Exports.start(pool, record())) {
            assertTrue(ProcessHandle.of(pid).isEmpty()
                    || !ProcessHandle.of(pid).get().isAlive());
            before.close();
            assertEquals(uri, after.open(ONE, layer("a"), 1).uri());
        }
        assertNotEquals(0, noted.length);
    }

    @Test
    void aPortOfSomebodyElseIsPassedOver() throws Exception {
        try (ServerSocket somebody = new ServerSocket(0, 1, java.net.InetAddress.ofLiteral("127.0.0.1"))) {
            int taken = somebody.getLocalPort();
            try (Exports exports = Exports.start(new Places.Ports(taken, Math.min(taken + 8, 65535)), record())) {
                String uri = exports.open(ONE, layer("a"), 1).uri();
                assertTrue(!uri.contains(":" + taken + "/"), uri);
            }
        }
    }

    @Test
    void aFullPoolAndALayerThatIsNoneAreSaid() throws Exception {
        try (Exports exports = Exports.start(pool(1), record())) {
            Path none = Files.writeString(folder.resolve("none"), "not a disk");
            ExportFailed no = assertThrows(ExportFailed.class, () -> exports.open(ONE, none, 1));
            assertTrue(String.valueOf(no.getMessage()).contains("qcow2"), no.getMessage());
            exports.open(ONE, layer("a"), 1);
            ExportFailed full = assertThrows(ExportFailed.class, () -> exports.open(TWO, layer("b"), 1));
            assertTrue(String.valueOf(full.getMessage()).contains("--ports"), full.getMessage());
            exports.close(ONE);
            exports.open(TWO, layer("b"), 1);
        }
    }

    @Test
    void socketsAreForTheirOwnerOnly() throws Exception {
        try (Exports exports = Exports.start(new Places.Sockets(folder.resolve("s")), record())) {
            Exports.Served served = exports.open(ONE, layer("a"), 1);
            assertEquals(
                    PosixFilePermissions.fromString("rw-------"),
                    Files.getPosixFilePermissions(folder.resolve("s/job-1-2000.sock")));
            try (NbdConnection _ = connect(served)) {
                assertEquals(1, exports.find(ONE).orElseThrow().clients());
            }
        }
    }

    @Test
    void socketsOfTheKilledAreRemovedByTheNextHub() throws Exception {
        Path sockets = Files.createDirectory(folder.resolve("s"));
        Path left = sockets.resolve("job-9-2000.sock");
        Path other = sockets.resolve("somebody.sock");
        ServerSocketChannel killed = listening(left);
        killed.close(); // A socket's file outlives it, as that of a killed server does.
        try (ServerSocketChannel _ = listening(other);
                Exports _ = Exports.start(new Places.Sockets(sockets), record())) {
            assertFalse(Files.exists(left), "nobody listens there");
            assertTrue(Files.exists(other), "somebody listens there");
        }
    }

    private static ServerSocketChannel listening(Path socket) throws IOException {
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        return channel.bind(UnixDomainSocketAddress.of(socket));
    }

    private static NbdConnection connect(Exports.Served served) {
        return NbdConnection.open(NbdUri.parse(served.uri()), ConnectSpec.of("test"));
    }

    private static long pid(Exports exports, ExportKey key) {
        return Objects.requireNonNullElse(exports.pidOf(key), -1L);
    }

    private Path record() {
        return folder.resolve("exports.json");
    }

    private Path layer(String name) {
        Path file = folder.resolve(name + ".qcow2");
        if (!Files.exists(file)) {
            Tool.outcome(List.of("qemu-img", "create", "-q", "-f", "qcow2", file.toString(), "64M"));
        }
        return file;
    }

    /** Ports that nobody seems to use. */
    private static Places pool(int size) throws Exception {
        try (ServerSocket probe = new ServerSocket(0)) {
            int first = Math.min(probe.getLocalPort(), 65535 - size);
            return new Places.Ports(first, first + size - 1);
        }
    }
}
