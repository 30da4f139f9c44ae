package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.SilentServer;
import io.migratekit.nbd.fixture.SilentServer.Manner;
import io.migratekit.nbd.fixture.TlsFiles;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a connection leave anything behind, however it ends? Thousands of them, and then a look at what has grown. */
class LeakTest {
    private static final int WARM_UP_ROUNDS = 600;
    /** A leak grows in each of them; what else this JVM takes or gives back, in few. */
    private static final int WINDOWS = 9;

    private static final int ROUNDS_A_WINDOW = 80;
    /**
     * Less than the smallest thing that could be forgotten. More than nothing, because the JVM keeps
     * some 200 bytes of each thread that was for a while, and every TLS handshake has one.
     */
    private static final long MOST_BYTES_A_CONNECTION = 200;

    @TempDir
    private Path folder;

    @Test
    void thousandsOfConnectionsLeaveNothingBehind() throws IOException {
        Path image = new NbdImages(folder, 0).raw("disk.raw", 4 << 20);
        TlsFiles.psk(folder.resolve("other-keys"), "alice", 2);
        long started = System.nanoTime();
        try (QemuNbd server = QemuNbd.of(image, QemuNbd.Format.RAW, 0)
                        .exportName("disk")
                        .start();
                Nbdkit encrypted = Nbdkit.plugin("memory", "1M")
                        .tlsPsk(TlsFiles.psk(folder.resolve("keys"), "alice", 1).resolve("keys.psk"))
                        .start();
                SilentServer hangsUp = SilentServer.onUnixSocket(folder.resolve("h.sock"), Manner.HANGS_UP);
                SilentServer breaksOff = saying("b.sock", "NBDMAGICIHAVEOPT\0\3");
                SilentServer other = saying("n.sock", "SSH-2.0-somebody else\r\n")) {
            List<Runnable> kinds = List.of(
                    () -> normal(server.uri()),
                    () -> refused(server.uri()),
                    () -> failing(hangsUp),
                    () -> failing(breaksOff),
                    () -> failing(other),
                    () -> abandoned(server.uri()));
            // Fewer of these: libnbd spins through the handshake, which takes long where processors are few.
            List<Runnable> encryptedKinds =
                    List.of(() -> normal(withKey(encrypted, "keys")), () -> rejected(withKey(encrypted, "other-keys")));
            for (int i = 0; i < WARM_UP_ROUNDS; i++) {
                runAll(i, kinds, encryptedKinds);
            }
            List<ProcessUsage> usages = new ArrayList<>(List.of(ProcessUsage.now()));
            for (int window = 0; window < WINDOWS; window++) {
                for (int i = 0; i < ROUNDS_A_WINDOW; i++) {
                    runAll(i, kinds, encryptedKinds);
                }
                usages.add(ProcessUsage.now());
            }
            assertNotGrown(usages, ROUNDS_A_WINDOW * kinds.size());
        }
        Checks.tookLessThan(Duration.ofSeconds(100), started);
    }

    private static void runAll(int round, List<Runnable> always, List<Runnable> seldom) {
        always.forEach(Runnable::run);
        if (round % 8 == 0) {
            seldom.forEach(Runnable::run);
        }
    }

    private static void assertNotGrown(List<ProcessUsage> usages, int connections) {
        String seen = connections + " connections between any two of " + usages;
        System.out.println("LeakTest: " + seen);
        ProcessUsage first = usages.getFirst();
        // The ends of the fixtures are in this process, too, and are closed a moment later than ours.
        Waiting.until(
                "no descriptor is left behind, seen " + seen,
                Duration.ofSeconds(5),
                () -> ProcessUsage.openDescriptors() <= first.descriptors());
        assertTrue(usages.getLast().threads() <= first.threads() + 2, seen); // the compiler's come and go
        long most = connections * MOST_BYTES_A_CONNECTION;
        assertTrue(medianGrowth(usages, ProcessUsage::mallocBytes) < most, seen);
        assertTrue(medianGrowth(usages, ProcessUsage::codeBytes) < most, seen);
    }

    private static long medianGrowth(List<ProcessUsage> usages, ToLongFunction<ProcessUsage> what) {
        return IntStream.range(1, usages.size())
                .mapToLong(i -> what.applyAsLong(usages.get(i)) - what.applyAsLong(usages.get(i - 1)))
                .sorted()
                .skip(WINDOWS / 2)
                .findFirst()
                .orElseThrow();
    }

    // ---- the ways in which a connection ends

    /** Hangs up behind its words: one that stayed would keep a descriptor of this process for each client. */
    private SilentServer saying(String socket, String words) throws IOException {
        byte[] bytes = words.getBytes(StandardCharsets.ISO_8859_1);
        return SilentServer.onUnixSocket(folder.resolve(socket), Manner.sayingAndHangingUp(bytes));
    }

    private static void normal(String uri) {
        try (NbdConnection connection = Checks.open(uri, ConnectSpec.BASE_ALLOCATION);
                Arena arena = Arena.ofConfined()) {
            connection.await(connection.read(arena.allocate(4096), 0));
            ExtentMap.of(connection, ConnectSpec.BASE_ALLOCATION).next();
        }
    }

    private static void refused(String uri) {
        assertThrows(NbdException.Refused.class, () -> Checks.open(uri.replace("/disk", "/nosuch")));
    }

    private String withKey(Nbdkit server, String keys) {
        return server.uri().replace("://", "://alice@") + "&tls-psk-file=" + folder.resolve(keys + "/keys.psk");
    }

    private static void rejected(String uri) {
        assertThrows(NbdException.TlsFailed.class, () -> Checks.open(uri));
    }

    private static void failing(SilentServer server) {
        assertThrows(NbdException.class, () -> Checks.open(server.uri()));
    }

    /** Closed with requests of all kinds in flight. */
    private static void abandoned(String uri) {
        try (Arena arena = Arena.ofShared();
                NbdConnection connection = Checks.open(uri, ConnectSpec.BASE_ALLOCATION)) {
            for (int i = 0; i < 8; i++) {
                connection.read(arena.allocate(65536), i * 65536L);
            }
            connection.blockStatus(0, 1 << 20);
            connection.flush();
        }
    }
}
