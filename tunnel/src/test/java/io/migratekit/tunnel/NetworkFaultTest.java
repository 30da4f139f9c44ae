package io.migratekit.tunnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A network swallows, resets or forgets: how soon do clients see it, what are they told, and does the road come back? */
class NetworkFaultTest {
    private static final Duration SILENCE = Hub.QUICK.silence();
    /** What the watch's ticks, the first interval without a question and a busy machine may add. */
    private static final Duration MARGIN = Duration.ofMillis(1500);
    /** So soon the hub's firewall forgets a connection on which nothing moves. */
    private static final Duration FORGETS = Duration.ofSeconds(2);
    /** No sign of life is asked for while a test lasts. */
    private static final TunnelLimits WITHOUT_KEEPALIVE = Hub.QUICK
            .withTimeout(Duration.ofSeconds(2))
            .withKeepalive(Duration.ofHours(1), 1)
            .withUnacknowledged(Duration.ofSeconds(2));

    @TempDir
    private static Path directory;

    private static FarHub hub;
    private static UnixEcho echo;
    private static final List<TunnelState> STATES = new CopyOnWriteArrayList<>();

    /** What the packet filter at the hub does to the packets of SSH, and what the link's end is then called. */
    enum Fault {
        BOTH_DIRECTIONS("drop", "drop", "nothing was heard for"),
        TO_THE_HUB("drop", "accept", "nothing was heard for"),
        FROM_THE_HUB("accept", "drop", "nothing was heard for"),
        RESET("reject with tcp reset", "accept", "Connection reset");

        final String chains;
        final String words;

        Fault(String incoming, String outgoing, String words) {
            this.words = words;
            chains = """
                    chain incoming {
                        type filter hook input priority 0
                        tcp dport %1$d %2$s
                    }
                    chain outgoing {
                        type filter hook output priority 0
                        tcp sport %1$d %3$s
                    }
                    """.formatted(FarHub.PORT, incoming, outgoing);
        }
    }

    /** On a machine where we may not, it is said; as root everything else that is missing is a failure. */
    @BeforeAll
    static void makeNetwork() throws IOException {
        assumeTrue(FarHub.canBeMade(), "only root can make a network namespace; these tests were not run");
        hub = FarHub.start(directory);
        echo = UnixEcho.at(directory.resolve("echo"));
    }

    @AfterAll
    static void removeNetwork() {
        if (hub != null) {
            hub.close();
        }
        if (echo != null) {
            echo.close();
        }
    }

    @AfterEach
    void heal() {
        hub.heal();
        STATES.clear();
    }

    private static SshTunnel open(TunnelLimits limits) {
        Forward.Local forward = Forward.toSocket(0, directory.resolve("echo").toString());
        SshTunnel tunnel = SshTunnel.start(hub.spec(forward).withLimits(limits).withDataLinks(1), STATES::add);
        tunnel.awaitUp(Deadline.in(Duration.ofSeconds(10)));
        return tunnel;
    }

    @ParameterizedTest
    @EnumSource
    void anIdleConnectionIsClosedInTimeAndTheRoadComesBack(Fault fault) throws Exception {
        try (SshTunnel tunnel = open(hub.spec().limits())) {
            try (Socket client = talking(tunnel)) {
                long began = System.nanoTime();
                hub.filter(fault.chains);
                assertEquals(-1, ForwardTest.readOrEnd(client));
                assertWithin(SILENCE.plus(MARGIN), began);
            }
            assertLostBecause(fault.words);
            hub.heal();
            Waiting.until("the tunnel is up again", Duration.ofSeconds(10), tunnel::isUp);
            talking(tunnel).close();
            assertEquals(1, tunnel.view().timesLost());
        }
    }

    /** The writer of a link then hangs in a full socket. */
    @ParameterizedTest
    @EnumSource
    void connectionsInFullFlowAreClosedInTime(Fault fault) throws Exception {
        try (SshTunnel tunnel = open(hub.spec().limits())) {
            List<CompletableFuture<Void>> floods = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                Socket client = TransferTest.connect(tunnel);
                floods.add(run(() -> flood(client)));
                CompletableFuture<Void> _ = run(() -> drain(client));
            }
            Waiting.until(
                    "much is under way",
                    Duration.ofSeconds(10),
                    () -> tunnel.view().forwards().getFirst().bytesFromHub() > 10_000_000);
            long began = System.nanoTime();
            hub.filter(fault.chains);
            for (CompletableFuture<Void> flood : floods) {
                assertThrows(ExecutionException.class, () -> flood.get(20, TimeUnit.SECONDS));
            }
            assertWithin(SILENCE.plus(MARGIN), began);
            assertLostBecause(fault.words);
        }
    }

    /** Without signs of life it is the kernel that counts, and it counts from the first byte that nobody acknowledges. */
    @Test
    void theSecondNetHolds() throws Exception {
        try (SshTunnel tunnel = open(WITHOUT_KEEPALIVE);
                Socket client = talking(tunnel)) {
            hub.filter(Fault.BOTH_DIRECTIONS.chains);
            long began = System.nanoTime();
            client.getOutputStream().write(42);
            assertEquals(-1, ForwardTest.readOrEnd(client));
            assertWithin(WITHOUT_KEEPALIVE.unacknowledged().plus(MARGIN), began);
            assertLostBecause("forgot");
        }
    }

    @Test
    void signsOfLifeKeepAForgetfulFirewallAwake() throws Exception {
        forgetIdleConnections();
        try (SshTunnel tunnel = open(hub.spec().limits())) {
            try (Socket client = talking(tunnel)) {
                Thread.sleep(FORGETS.multipliedBy(2));
                client.getOutputStream().write(43);
                assertEquals(43, client.getInputStream().read());
            }
            assertEquals(0, tunnel.view().timesLost());
        }
    }

    @Test
    void withoutSignsOfLifeTheNextUseShowsThatItForgot() throws Exception {
        forgetIdleConnections();
        try (SshTunnel tunnel = open(WITHOUT_KEEPALIVE)) {
            try (Socket client = talking(tunnel)) {
                Thread.sleep(FORGETS.multipliedBy(2));
                assertTrue(tunnel.isUp(), "nobody can know yet");
                long began = System.nanoTime();
                client.getOutputStream().write(43);
                assertEquals(-1, ForwardTest.readOrEnd(client));
                assertWithin(WITHOUT_KEEPALIVE.unacknowledged().plus(MARGIN), began);
            }
            assertLostBecause("forgot");
            Waiting.until("the tunnel is up again", Duration.ofSeconds(10), tunnel::isUp);
            talking(tunnel).close();
        }
    }

    /** A firewall that follows connections and swallows what belongs to none, as those of routers do. */
    private static void forgetIdleConnections() {
        hub.in("sysctl", "-q", "-w", "net.netfilter.nf_conntrack_tcp_loose=0");
        hub.filter("""
                ct timeout forgetful {
                    protocol tcp
                    l3proto ip
                    policy = { established: %d }
                }
                chain follow {
                    type filter hook prerouting priority -200
                    ct timeout set "forgetful"
                }
                chain incoming {
                    type filter hook input priority 0
                    ct state established accept
                    tcp dport %d ct state new tcp flags & (syn | ack) == syn accept
                    ip protocol tcp drop
                }
                """.formatted(FORGETS.toSeconds(), FarHub.PORT));
    }

    private static Socket talking(SshTunnel tunnel) throws IOException {
        Socket client = TransferTest.connect(tunnel);
        client.getOutputStream().write(42);
        assertEquals(42, client.getInputStream().read());
        return client;
    }

    private static CompletableFuture<Void> run(Runnable work) {
        return CompletableFuture.runAsync(
                work, thread -> Thread.ofPlatform().daemon().start(thread));
    }

    private static void flood(Socket client) {
        byte[] much = new byte[1 << 20];
        try {
            while (true) {
                client.getOutputStream().write(much);
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void drain(Socket client) {
        try {
            client.getInputStream().transferTo(java.io.OutputStream.nullOutputStream());
        } catch (IOException e) {
            // It is over, which the other direction looks at.
        }
    }

    private static void assertLostBecause(String words) {
        Waiting.until("the cause is told", Duration.ofSeconds(2), () -> !causes().isEmpty());
        String first = causes().getFirst();
        assertTrue(first.contains(words), first);
    }

    private static List<String> causes() {
        return STATES.stream()
                .filter(TunnelState.Down.class::isInstance)
                .map(state -> ((TunnelState.Down) state).cause().getMessage())
                .toList();
    }

    private static void assertWithin(Duration limit, long beganNanos) {
        Duration took = Duration.ofNanos(System.nanoTime() - beganNanos);
        assertTrue(took.compareTo(limit) < 0, "took " + took + ", allowed are " + limit);
    }
}
