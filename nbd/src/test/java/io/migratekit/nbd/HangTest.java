package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Fault;
import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.SilentServer;
import io.migratekit.nbd.fixture.SilentServer.Manner;
import io.migratekit.nbd.fixture.SshForward;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * Does every silence end within its limit, and is it called by its name? Each test makes a real peer
 * stop at one point of the conversation and asserts an upper bound of time, the kind of failure and
 * what the message says.
 */
class HangTest {
    private static final Duration LIMIT = Duration.ofMillis(700);
    /** What the issue of all this promises: no wait lasts longer than its limit plus this. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    private static final long MIB = 1 << 20;

    @TempDir
    private Path folder;

    // ---- the hang this project comes from

    @Test
    void secondClientOfSingleSlotServerIsToldOfSharedInsteadOfHanging() throws IOException {
        try (QemuNbd server = qemu(1);
                NbdConnection first = NbdConnection.open(NbdUri.parse(server.uri()), spec())) {
            assertEquals(2 * MIB, first.info().sizeBytes());
            assertNoGreeting(server.uri());
        }
    }

    @Test
    void secondClientThroughRealTunnelIsToldOfSharedInsteadOfHanging() throws IOException {
        try (QemuNbd server = qemu(1);
                LoopbackSshd sshd = LoopbackSshd.start(newFolder("ssh"));
                SshForward tunnel = sshd.forwardToPort(port(server.uri()));
                NbdConnection first = NbdConnection.open(NbdUri.parse(tunnel.uri("disk")), spec())) {
            assertEquals(2 * MIB, first.info().sizeBytes());
            assertNoGreeting(tunnel.uri("disk"));
        }
    }

    @Test
    void severalClientsAreServedWhenTheServerHasSlotsForThem() throws IOException {
        try (QemuNbd server = qemu(4);
                NbdConnection first = NbdConnection.open(NbdUri.parse(server.uri()), spec());
                NbdConnection second = NbdConnection.open(NbdUri.parse(server.uri()), spec())) {
            assertTrue(first.info().multiConn() && second.info().multiConn());
        }
    }

    // ---- silence before and inside the handshake

    @Test
    void silentServerHasNoGreeting() throws IOException {
        try (SilentServer server = SilentServer.onLoopback(Manner.SILENT)) {
            assertNoGreeting(server.uri());
        }
        try (SilentServer server = SilentServer.onUnixSocket(folder.resolve("silent.sock"), Manner.SILENT)) {
            assertNoGreeting(server.uri());
        }
    }

    @Test
    void tunnelThatAcceptsAndLeadsNowhereHasNoGreeting() throws IOException {
        try (FaultProxy tunnel = FaultProxy.halfOpen()) {
            assertNoGreeting(tunnel.uri("disk"));
        }
    }

    @Test
    void frozenServerHasNoGreeting() throws IOException {
        try (QemuNbd server = qemu(4)) {
            try (Frozen _ = Frozen.process(server.process().pid())) {
                assertNoGreeting(server.uri());
            }
            map(server.uri(), spec()); // it was only asleep
        }
    }

    @Test
    void silenceAtAnyByteOfTheConversationEndsInTime() throws IOException {
        try (QemuNbd server = qemu(0)) {
            int whole = bytesOfWholeMap(server);
            for (int bytes = 0; bytes < whole; bytes += 1 + whole / 16) {
                try (FaultProxy proxy = FaultProxy.toLoopback(port(server.uri()))) {
                    proxy.set(Fault.freezeAfter(bytes));
                    ConnectSpec impatient =
                            spec().withLimits(Limits.of(Duration.ofMillis(500), Duration.ofMillis(500)));
                    NbdException.NoAnswer silence = assertEndsWithin(
                            Duration.ofMillis(500),
                            NbdException.NoAnswer.class,
                            () -> map(proxy.uri("disk"), impatient),
                            "frozen after " + bytes + " bytes");
                    assertEquals(bytes < 18, silence.awaited() == Wait.GREETING, silence.getMessage());
                    assertTrue(silence.getMessage().contains("libnbd state "), silence.getMessage());
                    assertEquals(bytes >= 18, silence.answered().contains("greeting"), silence.getMessage());
                }
            }
        }
    }

    @Test
    void endOfConnectionAtAnyByteIsNoticedAtOnceAndPlaced() throws IOException {
        try (QemuNbd server = qemu(0)) {
            int whole = bytesOfWholeMap(server);
            for (int bytes = 0; bytes < whole; bytes += 3) {
                try (FaultProxy proxy = FaultProxy.toLoopback(port(server.uri()))) {
                    proxy.set(Fault.cutAfter(bytes));
                    NbdException.ConnectionLost lost = assertEndsWithin(
                            Duration.ZERO,
                            NbdException.ConnectionLost.class,
                            () -> map(proxy.uri("disk"), spec()),
                            "cut after " + bytes + " bytes");
                    String expected = bytes == 0
                            ? "instead of sending the NBD greeting"
                            : bytes < 18
                                    ? "after " + bytes + " of the 18 bytes of the NBD greeting"
                                    : "connection broke";
                    assertTrue(lost.getMessage().contains(expected), bytes + ": " + lost.getMessage());
                }
            }
        }
    }

    // ---- silence after the handshake: the state says nothing then, only the age of the request

    @Test
    void serverFrozenAfterTheHandshakeIsNoticedInEveryKindOfRequest() throws IOException {
        List<Consumer<NbdConnection>> requests = List.of(
                connection -> connection.await(connection.blockStatus(0, MIB)),
                connection -> connection.await(connection.zero(0, MIB, true)),
                connection -> connection.await(connection.trim(0, MIB)),
                connection -> connection.await(connection.flush()),
                connection -> {
                    try (Arena arena = Arena.ofConfined()) {
                        connection.await(connection.read(arena.allocate(4096), 0));
                    }
                },
                connection -> {
                    try (Arena arena = Arena.ofConfined()) {
                        connection.await(connection.write(arena.allocate(4096), 0, false));
                    }
                });
        List<Wait> waits = List.of(Wait.BLOCK_STATUS, Wait.ZERO, Wait.TRIM, Wait.FLUSH, Wait.READ, Wait.WRITE);
        try (QemuNbd server = qemu(0)) {
            for (int i = 0; i < requests.size(); i++) {
                Consumer<NbdConnection> request = requests.get(i);
                long begun;
                try (NbdConnection connection = NbdConnection.open(NbdUri.parse(server.uri()), spec());
                        Frozen _ = Frozen.process(server.process().pid())) {
                    NbdException.NoAnswer silence = assertEndsWithin(
                            LIMIT,
                            NbdException.NoAnswer.class,
                            () -> request.accept(connection),
                            waits.get(i).id());
                    assertEquals(waits.get(i), silence.awaited());
                    assertEquals("READY", silence.state());
                    assertTrue(silence.getMessage().contains("acknowledged everything"), silence.getMessage());
                    begun = System.nanoTime();
                }
                assertTrue(System.nanoTime() - begun < GRACE.toNanos(), "closing must not wait for a frozen server");
            }
        }
    }

    @Test
    void serverFrozenBetweenOptionsIsNoticed() throws IOException {
        try (QemuNbd server = qemu(0);
                NbdNegotiation negotiation = NbdNegotiation.open(NbdUri.parse(server.uri()), spec());
                Frozen _ = Frozen.process(server.process().pid())) {
            NbdException.NoAnswer silence = assertEndsWithin(
                    LIMIT, NbdException.NoAnswer.class, () -> negotiation.info("disk"), "info from a frozen server");
            assertEquals(Wait.EXPORT, silence.awaited());
        }
    }

    @Test
    void killedServerIsNoticedAtOnce() throws IOException {
        try (Nbdkit server = Nbdkit.plugin("memory", "1M")
                        .filter("delay")
                        .parameter("rdelay=30")
                        .start();
                NbdConnection connection = NbdConnection.open(NbdUri.parse(server.uri()), spec());
                Arena arena = Arena.ofConfined()) {
            Request read = connection.read(arena.allocate(4096), 0);
            ProcessHandle.of(server.process().pid()).orElseThrow().destroyForcibly();
            NbdException.ConnectionLost lost = assertEndsWithin(
                    Duration.ZERO, NbdException.ConnectionLost.class, () -> connection.await(read), "killed mid-read");
            assertTrue(lost.getMessage().contains("while requests were in flight"), lost.getMessage());
        }
    }

    // ---- slow is not hung

    @Test
    void serverThatTricklesSucceedsAlthoughItTakesManyTimesTheLimit() throws IOException {
        try (QemuNbd server = qemu(0);
                FaultProxy proxy = FaultProxy.toLoopback(port(server.uri()))) {
            proxy.set(Fault.trickle(60));
            long begun = System.nanoTime();
            assertEquals(3, map(proxy.uri("disk"), spec()).size());
            Duration took = Duration.ofNanos(System.nanoTime() - begun);
            assertTrue(took.compareTo(LIMIT.multipliedBy(2)) > 0, "too quick to prove anything: " + took);
        }
    }

    @Test
    void onlyTheDeadlineEndsAServerThatTrickles() throws IOException {
        try (QemuNbd server = qemu(0);
                FaultProxy proxy = FaultProxy.toLoopback(port(server.uri()))) {
            proxy.set(Fault.trickle(20));
            Duration deadline = Duration.ofMillis(1500);
            NbdException.DeadlinePassed end = assertEndsWithin(
                    deadline,
                    NbdException.DeadlinePassed.class,
                    () -> map(proxy.uri("disk"), spec().withDeadline(Deadline.in(deadline))),
                    "trickling");
            assertTrue(end.getMessage().contains("the deadline of 1.5 s passed"), end.getMessage());
        }
    }

    @Test
    void extentsMayTakeLongerThanEverythingElse() throws IOException {
        try (Nbdkit server = Nbdkit.plugin("memory", "1M")
                .filter("delay")
                .parameter("delay-extents=3")
                .start()) {
            ConnectSpec patient = spec().withLimits(Limits.of(LIMIT, Duration.ofSeconds(10)));
            assertEquals(1, map(server.uri(), patient).size());
        }
    }

    // ---- no silence, but no NBD either

    @Test
    void whatIsNotNbdIsQuoted() throws IOException {
        try (SilentServer web = SilentServer.onLoopback(Manner.HTTP);
                SilentServer noise = SilentServer.onLoopback(Manner.noise(42, 64));
                LoopbackSshd sshd = LoopbackSshd.start(newFolder("ssh"))) {
            for (String uri : List.of(web.uri(), noise.uri(), "nbd://127.0.0.1:" + sshd.port())) {
                NbdException.NotNbd failure =
                        assertEndsWithin(LIMIT, NbdException.NotNbd.class, () -> map(uri, spec()), "not NBD: " + uri);
                assertTrue(failure.getMessage().contains("does not speak NBD; it says \""), failure.getMessage());
            }
            String message = assertThrows(
                            NbdException.NotNbd.class, () -> map("nbd://127.0.0.1:" + sshd.port(), spec()))
                    .getMessage();
            assertTrue(message.contains("SSH-2.0-OpenSSH"), message);
        }
    }

    @Test
    void liveTunnelWithNothingBehindItIsNoServer() throws IOException {
        try (LoopbackSshd sshd = LoopbackSshd.start(newFolder("ssh"));
                SshForward tunnel = sshd.forwardToPort(closedPort())) {
            NbdException.ConnectionLost lost = assertEndsWithin(
                    LIMIT, NbdException.ConnectionLost.class, () -> map(tunnel.uri("disk"), spec()), "empty tunnel");
            assertTrue(lost.getMessage().contains("a tunnel whose far end finds no server"), lost.getMessage());
        }
    }

    @Test
    void unreachableServersSayWhy() throws IOException {
        String port = "nbd://127.0.0.1:" + closedPort();
        assertSays(NbdException.Unreachable.class, port, "connection refused");
        assertSays(
                NbdException.Unreachable.class,
                "nbd://no-such-host.invalid/",
                "host name no-such-host.invalid is not known");
        assertSays(
                NbdException.Unreachable.class,
                "nbd+unix:///?socket=" + folder.resolve("none.sock"),
                "there is no socket " + folder.resolve("none.sock"));
        assertSays(NbdException.Unreachable.class, "nbd+unix:///?socket=" + folder, "is not a socket");
        try (QemuNbd server = qemu(1)) {
            assertSays(
                    NbdException.Refused.class,
                    server.uri().replace("/disk", "/other"),
                    "the server has no export named 'other'");
        }
    }

    @Test
    void nameServerThatNeverAnswersIsNamed() {
        NbdException.NoAnswer silence = assertEndsWithin(
                LIMIT,
                NbdException.NoAnswer.class,
                () -> map("nbd://" + StubbornResolver.silentHost() + "/", spec()),
                "resolve");
        assertEquals(Wait.RESOLVE, silence.awaited());
        assertTrue(silence.getMessage().contains("try the numeric address"), silence.getMessage());
    }

    @Test
    void hostThatSwallowsConnectionsIsNamed() throws IOException {
        try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            List<Socket> fillers = new ArrayList<>();
            try {
                // Linux drops the first packet of a connection while the queue of the listening socket is full.
                for (int i = 0; i < 4; i++) {
                    Socket filler = new Socket();
                    fillers.add(filler);
                    try {
                        filler.connect(
                                new InetSocketAddress(InetAddress.getLoopbackAddress(), full.getLocalPort()), 100);
                    } catch (IOException e) {
                        break; // full now
                    }
                }
                NbdException.NoAnswer silence = assertEndsWithin(
                        LIMIT,
                        NbdException.NoAnswer.class,
                        () -> map("nbd://127.0.0.1:" + full.getLocalPort(), spec()),
                        "connect");
                assertEquals(Wait.CONNECT, silence.awaited());
            } finally {
                for (Socket filler : fillers) {
                    filler.close();
                }
            }
        }
    }

    // ---- helpers

    private QemuNbd qemu(int shared) throws IOException {
        NbdImages images = new NbdImages(folder, 1);
        Path disk = images.qcow2("disk.qcow2", 2 * MIB, new ByteRange(MIB / 2, MIB));
        return QemuNbd.of(disk, QemuNbd.Format.QCOW2, shared)
                .exportName("disk")
                .loopbackPort(0)
                .start();
    }

    private Path newFolder(String name) throws IOException {
        return Files.createDirectory(folder.resolve(name));
    }

    private static ConnectSpec spec() {
        return ConnectSpec.of("test")
                .withContexts(List.of(ConnectSpec.BASE_ALLOCATION))
                .withLimits(Limits.of(LIMIT, LIMIT));
    }

    private static List<Extent> map(String uri, ConnectSpec spec) {
        List<Extent> extents = new ArrayList<>();
        try (NbdConnection connection = NbdConnection.open(NbdUri.parse(uri), spec)) {
            ExtentMap.of(connection, ConnectSpec.BASE_ALLOCATION).forEachRemaining(extents::add);
        }
        return extents;
    }

    private static int bytesOfWholeMap(QemuNbd server) throws IOException {
        try (FaultProxy proxy = FaultProxy.toLoopback(port(server.uri()))) {
            map(proxy.uri("disk"), spec());
            return (int) proxy.bytesToClient();
        }
    }

    private static void assertNoGreeting(String uri) {
        NbdException.NoAnswer silence =
                assertEndsWithin(LIMIT, NbdException.NoAnswer.class, () -> map(uri, spec()), "no greeting");
        assertEquals(Wait.GREETING, silence.awaited());
        assertEquals("MAGIC.RECV_MAGIC", silence.state());
        for (String word : List.of("no NBD greeting within 700 ms", "MAGIC.RECV_MAGIC", "--shared=N")) {
            assertTrue(silence.getMessage().contains(word), silence.getMessage());
        }
    }

    private static void assertSays(Class<? extends NbdException> type, String uri, String words) {
        NbdException failure = assertEndsWithin(LIMIT, type, () -> map(uri, spec()), uri);
        assertTrue(failure.getMessage().contains(words), failure.getMessage());
    }

    private static <T extends Throwable> T assertEndsWithin(
            Duration limit, Class<T> type, Executable action, String what) {
        long begun = System.nanoTime();
        T failure = assertThrows(type, action, what);
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        assertTrue(took.compareTo(limit.plus(GRACE)) < 0, what + ": took " + took + ", " + failure.getMessage());
        return failure;
    }

    private static int port(String uri) {
        return ((NbdUri.Tcp) NbdUri.parse(uri).transport()).port();
    }

    private static int closedPort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
