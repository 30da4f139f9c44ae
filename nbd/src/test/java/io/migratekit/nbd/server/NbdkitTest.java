package io.migratekit.nbd.server;

import static io.migratekit.nbd.server.ServerProcessTest.assertNothingIsLeftOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.TlsFiles;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Does the real nbdkit serve what it was told to, and does a failure say what it said? */
@Timeout(10)
class NbdkitTest {
    @TempDir
    private Path directory;

    @Test
    void servesAPluginBehindFiltersOnAPrivateSocket() {
        Stopwatch watch = new Stopwatch();
        Nbdkit server = Nbdkit.plugin("memory", "1M")
                .filter("log")
                .parameter("logfile=" + directory.resolve("requests.log"))
                .threads(4)
                .readOnly()
                .exportName("any name")
                .start();
        try (server) {
            assertTrue(server.uri().startsWith("nbd+unix:///any%20name?socket=/"), server.uri());
            assertEquals("1048576", sizeSeenAt(server.uri()));
            assertEquals(
                    0,
                    Tool.outcome(List.of("nbdinfo", "--is", "readonly", server.uri()))
                            .exitStatus());
        }
        assertTrue(Files.exists(directory.resolve("requests.log")));
        watch.assertBelow(Duration.ofSeconds(3));
        assertNothingIsLeftOf(server.process());
    }

    @Test
    void servesOnAFreeLoopbackPort() {
        try (Nbdkit first = Nbdkit.plugin("memory", "1M").loopbackPort(0).start();
                Nbdkit second = Nbdkit.plugin("memory", "2M").loopbackPort(0).start()) {
            assertTrue(first.uri().startsWith("nbd://127.0.0.1:"), first.uri());
            assertEquals("1048576", sizeSeenAt(first.uri()));
            assertEquals("2097152", sizeSeenAt(second.uri()));
        }
    }

    @Test
    void aSocketOfOurChoiceIsFreeAgainAfterwards() {
        Path socket = directory.resolve("chosen.sock");
        for (int round = 0; round < 2; round++) {
            try (Nbdkit server =
                    Nbdkit.plugin("memory", "1M").unixSocket(socket).start()) {
                assertEquals("1048576", sizeSeenAt(server.uri()));
            }
            assertFalse(Files.exists(socket));
        }
    }

    @Test
    void aSocketInUseIsExplainedAndKept() {
        Path socket = directory.resolve("chosen.sock");
        try (Nbdkit server = Nbdkit.plugin("memory", "1M").unixSocket(socket).start()) {
            ServerFailed failure = assertThrows(
                    ServerFailed.class,
                    () -> Nbdkit.plugin("memory", "1M").unixSocket(socket).start());
            assertTrue(failure.remedy().contains("remove the old socket"), failure.getMessage());
            assertEquals("1048576", sizeSeenAt(server.uri()));
        }
    }

    @Test
    void demandsTls() throws IOException {
        Path keys = TlsFiles.psk(directory.resolve("psk"), "alice", 7).resolve("keys.psk");
        try (Nbdkit server =
                Nbdkit.plugin("memory", "1M").loopbackPort(0).tlsPsk(keys).start()) {
            assertEquals(
                    "1048576", sizeSeenAt(server.uri().replace("nbds://", "nbds://alice@") + "?tls-psk-file=" + keys));
            assertFalse(canConnect(server.uri().replace("nbds:", "nbd:")));
        }
        TlsFiles authority = TlsFiles.newAuthority(directory);
        Path served = authority.server("server", "127.0.0.1");
        Path client = authority.client("client");
        Path nobody = authority.anonymousClient("nobody");
        try (Nbdkit server = Nbdkit.plugin("memory", "1M")
                .loopbackPort(0)
                .tlsCertificates(served, true)
                .start()) {
            assertEquals("1048576", sizeSeenAt(server.uri() + "?tls-certificates=" + client));
            assertFalse(canConnect(server.uri() + "?tls-certificates=" + nobody));
        }
    }

    @Test
    void aBadParameterIsNamed() {
        Stopwatch watch = new Stopwatch();
        ServerFailed failure = assertThrows(
                ServerFailed.class, () -> Nbdkit.plugin("memory", "size=green").start());
        watch.assertBelow(Duration.ofSeconds(3));
        assertTrue(failure.said().contains("green"), failure.getMessage());
        assertTrue(
                failure.getMessage().contains("Tried: nbdkit --foreground --exit-with-parent"), failure.getMessage());
    }

    @Test
    void aMissingPluginIsExplained() {
        ServerFailed failure =
                assertThrows(ServerFailed.class, () -> Nbdkit.plugin("no-such").start());
        assertTrue(failure.said().contains("no-such"), failure.getMessage());
        assertTrue(failure.remedy().contains("nbdkit-plugin-"), failure.getMessage());
    }

    @Test
    void aMissingProgramIsExplained() {
        ServerFailed failure = assertThrows(
                ServerFailed.class,
                () -> Nbdkit.plugin("memory", "1M").program("/nowhere/nbdkit").start());
        assertEquals(
                "nbdkit is not installed",
                failure.getMessage().lines().findFirst().orElseThrow());
        assertTrue(failure.remedy().contains("apt-get install nbdkit"), failure.getMessage());
    }

    @Test
    void aFrozenServerIsStoppedWithinItsLimits() {
        Nbdkit server = Nbdkit.plugin("memory", "1M")
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
    void outlivesTheThreadThatStartedItAlthoughItExitsWithItsParent() throws InterruptedException {
        List<Nbdkit> started = new CopyOnWriteArrayList<>();
        Thread starter = Thread.ofPlatform()
                .start(() -> started.add(Nbdkit.plugin("memory", "1M").start()));
        assertTrue(starter.join(Duration.ofSeconds(5)));
        try (Nbdkit server = started.getFirst()) {
            Thread.sleep(100);
            assertEquals("1048576", sizeSeenAt(server.uri()));
        }
    }

    private static String sizeSeenAt(String uri) {
        return Tool.run("nbdinfo", "--size", uri).strip();
    }

    private static boolean canConnect(String uri) {
        return Tool.outcome(List.of("nbdinfo", "--size", uri)).exitStatus() == 0;
    }
}
