package io.migratekit.nbd.server;

import static io.migratekit.nbd.server.ServerProcessTest.assertNothingIsLeftOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.TlsFiles;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.nbd.server.QemuNbd.Format;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Does the real qemu-nbd serve what it was told to, and does a failure say what it said? */
@Timeout(10)
class QemuNbdTest {
    private static final int SIZE_BYTES = 1 << 20;

    @TempDir
    private Path directory;

    private NbdImages images;
    private Path disk;

    @BeforeEach
    void makeDisk() throws IOException {
        images = new NbdImages(directory, 1);
        disk = images.raw("disk, 1:a.img", SIZE_BYTES, new ByteRange(0, 4096));
    }

    @Test
    void servesOnAPrivateSocketUnderAnyName() throws IOException {
        Stopwatch watch = new Stopwatch();
        QemuNbd server =
                QemuNbd.of(disk, Format.RAW, 2).exportName("disk 1/ä?&#").start();
        try (server) {
            assertEquals(SIZE_BYTES, sizeSeenAt(server.uri()));
            assertTrue(server.uri().startsWith("nbd+unix:///disk%201/%C3%A4%3F%26%23?socket=/"), server.uri());
            assertEquals(
                    "rwx------",
                    PosixFilePermissions.toString(
                            Files.getPosixFilePermissions(server.process().directory())));
        }
        watch.assertBelow(Duration.ofSeconds(3));
        assertNothingIsLeftOf(server.process());
    }

    @Test
    void servesAsManyClientsAsStatedAndLeavesTheNextInSilence() throws IOException {
        try (QemuNbd server = QemuNbd.of(disk, Format.RAW, 2).loopbackPort(0).start()) {
            assertTrue(
                    arguments(server).contains("--shared=2"), arguments(server).toString());
            try (Socket first = connect(server);
                    Socket second = connect(server);
                    Socket third = connect(server)) {
                assertTrue(isGreeted(first));
                assertTrue(isGreeted(second));
                assertFalse(isGreeted(third), "the third of two clients was greeted");
            }
        }
    }

    @Test
    void zeroMeansAnyNumberOfClients() throws IOException {
        try (QemuNbd server = QemuNbd.of(disk, Format.RAW, 0).loopbackPort(0).start()) {
            assertTrue(
                    arguments(server).contains("--shared=0"), arguments(server).toString());
            try (Socket first = connect(server);
                    Socket second = connect(server);
                    Socket third = connect(server)) {
                assertTrue(isGreeted(first) && isGreeted(second) && isGreeted(third));
            }
        }
        assertThrows(IllegalArgumentException.class, () -> QemuNbd.of(disk, Format.RAW, -1));
    }

    @Test
    void readinessTakesNoSlot() throws IOException {
        try (QemuNbd server = QemuNbd.of(disk, Format.RAW, 1).loopbackPort(0).start();
                Socket onlyOne = connect(server)) {
            assertTrue(isGreeted(onlyOne));
        }
    }

    @Test
    void endsWithTheLastClientIfItIsNotPersistent() {
        try (QemuNbd server = QemuNbd.of(disk, Format.RAW, 1).persistent(false).start()) {
            // One that goes through the whole handshake: for newer versions nobody else was a client.
            Tool.run("qemu-img", "info", server.uri());
            Waiting.until(
                    "it has ended",
                    Duration.ofSeconds(2),
                    () -> !server.process().isAlive());
        }
    }

    @Test
    void acceptsAllItsOptions() throws IOException {
        Path qcow2 = images.qcow2("disk.qcow2", SIZE_BYTES, new ByteRange(0, 4096));
        images.addBitmap(qcow2, "changes");
        try (QemuNbd server = QemuNbd.of(qcow2, Format.QCOW2, 3)
                .readOnly()
                .cache(QemuNbd.Cache.NONE)
                .aio(QemuNbd.Aio.THREADS)
                .discard(QemuNbd.Discard.UNMAP)
                .detectZeroes(QemuNbd.DetectZeroes.UNMAP)
                .bitmap("changes")
                .allocationDepth()
                .start()) {
            String info = Tool.run("nbdinfo", server.uri());
            assertTrue(info.contains("qemu:dirty-bitmap:changes"), info);
            assertTrue(info.contains("qemu:allocation-depth"), info);
            assertTrue(info.contains("is_read_only: true"), info);
            assertTrue(info.contains("can_multi_conn: true"), info);
        }
    }

    @Test
    void demandsTlsWithKeysSharedBefore() throws IOException {
        Path keys = TlsFiles.psk(directory.resolve("keys, shared"), "alice", 7);
        try (QemuNbd server =
                QemuNbd.of(disk, Format.RAW, 2).loopbackPort(0).tlsPsk(keys).start()) {
            assertTrue(server.uri().startsWith("nbds://127.0.0.1:"), server.uri());
            String uri = server.uri().replace("nbds://", "nbds://alice@") + "?tls-psk-file="
                    + keys.resolve("keys.psk").toString().replace(",", "%2C").replace(" ", "%20");
            assertEquals(SIZE_BYTES, sizeSeenAt(uri));
            assertFalse(canConnect(server.uri().replace("nbds:", "nbd:")));
        }
    }

    @Test
    void demandsTlsWithCertificates() throws IOException {
        TlsFiles authority = TlsFiles.newAuthority(directory);
        Path served = authority.server("server", "127.0.0.1");
        Path client = authority.client("client");
        Path nobody = authority.anonymousClient("nobody");
        try (QemuNbd server = QemuNbd.of(disk, Format.RAW, 2)
                .loopbackPort(0)
                .tlsCertificates(served, true)
                .start()) {
            assertEquals(SIZE_BYTES, sizeSeenAt(server.uri() + "?tls-certificates=" + client));
            assertFalse(canConnect(server.uri() + "?tls-certificates=" + nobody));
        }
    }

    @Test
    void aMissingFileIsNamed() {
        Stopwatch watch = new Stopwatch();
        ServerFailed failure = assertThrows(
                ServerFailed.class,
                () -> QemuNbd.of(directory.resolve("nowhere"), Format.RAW, 2).start());
        watch.assertBelow(Duration.ofSeconds(3));
        assertTrue(
                failure.getMessage().contains(directory.resolve("nowhere") + "': No such file"), failure.getMessage());
        assertTrue(failure.getMessage().contains("Tried: qemu-nbd --shared=2 --format=raw"), failure.getMessage());
        assertEquals("qemu-nbd", failure.program());
    }

    /** It makes its socket before it opens the image, and leaves it when it cannot, or when it is killed on its way. */
    @Test
    void aServerThatDoesNotStartLeavesNoSocket() throws IOException {
        Path socket = directory.resolve("a.sock");
        QemuNbd.Builder builder = QemuNbd.of(disk, Format.QCOW2, 2).unixSocket(socket);
        assertThrows(ServerFailed.class, builder::start);
        assertFalse(Files.exists(socket));
        Path neverReady = Files.writeString(
                directory.resolve("never-ready"),
                "#!/bin/sh\ntouch " + socket + "\ntrap '' TERM\nwhile :; do sleep 0.05; done\n");
        assertTrue(neverReady.toFile().setExecutable(true));
        ServerLimits soon = new ServerLimits(
                Duration.ofSeconds(1),
                Duration.ofMillis(300),
                Duration.ofSeconds(5),
                ServerLimits.DEFAULTS.keptOutputBytes());
        assertThrows(
                ServerFailed.class,
                () -> builder.program(neverReady.toString()).limits(soon).start());
        assertFalse(Files.exists(socket));
    }

    @Test
    void aWrongFormatIsExplained() {
        ServerFailed failure = assertThrows(
                ServerFailed.class, () -> QemuNbd.of(disk, Format.QCOW2, 2).start());
        assertTrue(failure.remedy().contains("qemu-img info"), failure.getMessage());
    }

    @Test
    void aLayerThatIsServedAlreadyIsExplained() throws IOException {
        Path layer = images.qcow2("layer.qcow2", SIZE_BYTES); // Of a raw file qemu-nbd lets several servers write.
        try (QemuNbd first = QemuNbd.of(layer, Format.QCOW2, 2).start()) {
            assertTrue(first.process().isAlive());
            ServerFailed failure = assertThrows(
                    ServerFailed.class, () -> QemuNbd.of(layer, Format.QCOW2, 2).start());
            assertTrue(failure.said().contains("lock"), failure.getMessage());
            assertTrue(failure.remedy().contains("serve a file once"), failure.getMessage());
        }
    }

    @Test
    void aPortThatIsTakenIsExplained() throws IOException {
        try (ServerSocket other = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            ServerFailed failure = assertThrows(
                    ServerFailed.class,
                    () -> QemuNbd.of(disk, Format.RAW, 2)
                            .loopbackPort(other.getLocalPort())
                            .start());
            assertTrue(failure.remedy().contains("another port"), failure.getMessage());
        }
    }

    @Test
    void aMissingProgramIsExplained() {
        ServerFailed failure = assertThrows(
                ServerFailed.class,
                () -> QemuNbd.of(disk, Format.RAW, 2)
                        .program("qemu-nbd-that-is-not-there")
                        .start());
        assertTrue(
                failure.getMessage().startsWith("qemu-nbd-that-is-not-there is not installed"), failure.getMessage());
        assertTrue(failure.remedy().contains("qemu-utils"), failure.getMessage());
    }

    @Test
    void aFrozenServerIsStoppedWithinItsLimits() {
        QemuNbd server = QemuNbd.of(disk, Format.RAW, 2)
                .limits(ServerLimits.DEFAULTS.withStop(Duration.ofMillis(300)))
                .start();
        Stopwatch watch = new Stopwatch();
        try (Frozen _ = Frozen.process(server.process().pid())) {
            server.close();
        }
        watch.assertBelow(Duration.ofSeconds(2));
        assertNothingIsLeftOf(server.process());
    }

    @Test
    void aSocketOfOurChoiceIsRemovedAtTheEnd() {
        Path socket = directory.resolve("chosen.sock");
        try (QemuNbd server = QemuNbd.of(disk, Format.RAW, 2).unixSocket(socket).start()) {
            assertEquals(SIZE_BYTES, sizeSeenAt(server.uri()));
        }
        assertFalse(Files.exists(socket));
        assertThrows(
                IllegalArgumentException.class,
                () -> QemuNbd.of(disk, Format.RAW, 2).unixSocket(Path.of("/" + "x".repeat(107))));
    }

    private static long sizeSeenAt(String uri) {
        return Long.parseLong(Tool.run("nbdinfo", "--size", uri).strip());
    }

    private static boolean canConnect(String uri) {
        return Tool.outcome(List.of("nbdinfo", "--size", uri)).exitStatus() == 0;
    }

    private static List<String> arguments(QemuNbd server) {
        return List.of(ProcessHandle.of(server.process().pid())
                .flatMap(process -> process.info().arguments())
                .orElseThrow());
    }

    private static Socket connect(QemuNbd server) throws IOException {
        return new Socket(
                InetAddress.ofLiteral("127.0.0.1"), URI.create(server.uri()).getPort());
    }

    private static boolean isGreeted(Socket client) throws IOException {
        client.setSoTimeout(300);
        try {
            return new String(client.getInputStream().readNBytes(8), StandardCharsets.US_ASCII).equals("NBDMAGIC");
        } catch (SocketTimeoutException silence) {
            return false;
        }
    }
}
