package io.migratekit.tunnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A link breaks or falls silent: how soon do clients see it, what are they told, and does the road come back? */
class LossTest {
    private static final Duration SILENCE = Hub.QUICK.silence();
    /** What the watch's ticks, the first interval without a question and a busy machine may add. */
    private static final Duration MARGIN = Duration.ofMillis(1200);

    @TempDir
    Path directory;

    @Test
    void sshdIsKilledAndComesBack() throws Exception {
        Duration doorWait = Duration.ofMillis(1500);
        Hub hub = Hub.start(directory);
        try (EchoServer echo = EchoServer.echo();
                SshTunnel tunnel = SshTunnel.open(
                        hub.spec(Forward.toPort(0, echo.port())).withLimits(Hub.QUICK.withDoorWait(doorWait)))) {
            try (Socket client = talking(tunnel)) {
                hub.sshd.killSessions();
                hub.close();
                long began = System.nanoTime();
                assertEquals(-1, ForwardTest.readOrEnd(client));
                assertWithin(Duration.ofSeconds(1), began);
            }
            // While it is down, who comes waits for a bounded time and is then shown out, with the reason.
            long began = System.nanoTime();
            try (Socket client = TransferTest.connect(tunnel)) {
                assertEquals(-1, ForwardTest.readOrEnd(client));
            }
            assertWithin(doorWait.plusSeconds(1), began);
            assertTrue(System.nanoTime() - began >= doorWait.toNanos() / 2, "it was shown out too soon");
            String refusal = tunnel.view().forwards().getFirst().lastRefusal().orElseThrow();
            assertTrue(refusal.contains("connection refused by 127.0.0.1"), refusal);
            Waiting.until(
                    "the tunnel says that it is down",
                    Duration.ofSeconds(2),
                    () -> tunnel.state() instanceof TunnelState.Down down
                            && down.cause() instanceof TunnelException.Unreachable
                            && down.retryAt().isPresent());

            Process again = restart();
            try {
                Waiting.until("the tunnel is up again", Duration.ofSeconds(5), tunnel::isUp);
                talking(tunnel).close();
                assertEquals(1, tunnel.view().timesLost());
            } finally {
                again.destroy();
            }
        }
    }

    /** The next attempt may be half a minute away; a client at the door is a reason to make it now. */
    @Test
    void whoComesWhileItIsDownIsLetInWhenItIsBack() throws Exception {
        Hub hub = Hub.start(directory);
        Persistence lazy = new Persistence(Duration.ofMinutes(1), Duration.ofMinutes(1), Optional.empty());
        try (EchoServer echo = EchoServer.echo();
                SshTunnel tunnel =
                        SshTunnel.open(hub.spec(Forward.toPort(0, echo.port())).withPersistence(lazy))) {
            hub.sshd.killSessions();
            hub.close();
            Waiting.until("it is down", Duration.ofSeconds(2), () -> tunnel.state() instanceof TunnelState.Down);
            try (Socket early = TransferTest.connect(tunnel)) {
                early.getOutputStream().write("early".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                TransferTest.connect(tunnel).close();
                Waiting.until(
                        "it is seen that one has left",
                        Duration.ofSeconds(2),
                        () -> tunnel.view().forwards().getFirst().refused() == 1);
                Process again = restart();
                try {
                    long began = System.nanoTime();
                    assertEquals(
                            "early",
                            new String(
                                    early.getInputStream().readNBytes(5), java.nio.charset.StandardCharsets.US_ASCII));
                    assertWithin(Hub.QUICK.doorWait(), began);
                    assertEquals(1, tunnel.view().forwards().getFirst().opened());
                } finally {
                    again.destroy();
                }
            }
        }
    }

    /** Waiting helps only if nobody has to change anything. */
    @Test
    void whoComesWhenOnlyAPersonCanHelpIsShownOutAtOnce() throws Exception {
        try (Hub hub = Hub.start(directory)) {
            Files.writeString(directory.resolve("sshd/authorized_keys"), "");
            try (SshTunnel tunnel = SshTunnel.start(hub.spec(Forward.toPort(0, 1)), _ -> {})) {
                long began = System.nanoTime();
                try (Socket client = TransferTest.connect(tunnel)) {
                    assertEquals(-1, ForwardTest.readOrEnd(client));
                }
                assertWithin(Duration.ofSeconds(5), began);
                String refusal =
                        tunnel.view().forwards().getFirst().lastRefusal().orElseThrow();
                assertTrue(refusal.contains("authorized_keys"), refusal);
            }
        }
    }

    /** The same server once more, on the same port with the same keys. */
    private Process restart() throws IOException {
        return new ProcessBuilder(
                        "/usr/sbin/sshd",
                        "-D",
                        "-e",
                        "-f",
                        directory.resolve("sshd/sshd_config").toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("again.log").toFile())
                .start();
    }

    @Test
    void aKilledSessionIsReplaced() throws Exception {
        try (Hub hub = Hub.start(directory);
                EchoServer echo = EchoServer.echo();
                SshTunnel tunnel = SshTunnel.open(hub.spec(Forward.toPort(0, echo.port())))) {
            for (int round = 1; round <= 3; round++) {
                try (Socket client = talking(tunnel)) {
                    long began = System.nanoTime();
                    hub.sshd.killSessions();
                    assertEquals(-1, ForwardTest.readOrEnd(client));
                    assertWithin(Duration.ofSeconds(1), began);
                }
                int lost = round;
                Waiting.until(
                        "the tunnel is up for the next round",
                        Duration.ofSeconds(5),
                        () -> tunnel.isUp() && tunnel.view().timesLost() == lost);
            }
        }
    }

    /**
     * The kernel of a stopped sshd goes on acknowledging until its buffers are full; then our writer
     * hangs in the socket and holds jsch's lock, which jsch's own keepalive waits for.
     */
    @Test
    void sshdStandsStillUnderHeavyUpload() throws Exception {
        try (Hub hub = Hub.start(directory);
                EchoServer sink = EchoServer.start((in, _) -> in.transferTo(java.io.OutputStream.nullOutputStream()));
                SshTunnel tunnel =
                        SshTunnel.open(hub.spec(Forward.toPort(0, sink.port())).withDataLinks(1))) {
            List<Socket> clients = new ArrayList<>();
            List<CompletableFuture<Void>> uploads = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                Socket client = TransferTest.connect(tunnel);
                clients.add(client);
                uploads.add(CompletableFuture.runAsync(
                        () -> upload(client),
                        run -> Thread.ofPlatform().daemon().start(run)));
            }
            Waiting.until(
                    "much is under way",
                    Duration.ofSeconds(10),
                    () -> tunnel.view().forwards().getFirst().bytesToHub() > 20_000_000);
            try (Frozen _ = hub.sshd.freeze()) {
                long began = System.nanoTime();
                for (CompletableFuture<Void> upload : uploads) {
                    assertThrows(ExecutionException.class, () -> upload.get(20, TimeUnit.SECONDS));
                }
                assertWithin(SILENCE.plus(MARGIN), began);
                Waiting.until(
                        "the cause is known",
                        Duration.ofSeconds(1),
                        () -> tunnel.view().timesLost() == 1);
            }
            for (Socket client : clients) {
                client.close();
            }
        }
    }

    @Test
    void sshdStandsStillAndGoesOn() throws Exception {
        List<TunnelState> states = new java.util.concurrent.CopyOnWriteArrayList<>();
        try (Hub hub = Hub.start(directory);
                EchoServer echo = EchoServer.echo();
                SshTunnel tunnel = SshTunnel.start(hub.spec(Forward.toPort(0, echo.port())), states::add)) {
            tunnel.awaitUp(Deadline.in(Duration.ofSeconds(5)));
            try (Socket client = talking(tunnel)) {
                try (Frozen _ = hub.sshd.freeze()) {
                    long began = System.nanoTime();
                    assertEquals(-1, ForwardTest.readOrEnd(client));
                    assertWithin(SILENCE.plus(MARGIN), began);
                }
            }
            // The clients are told first, and then everybody else.
            Waiting.until(
                    "the tunnel says that it is down",
                    Duration.ofSeconds(5),
                    () -> states.stream().anyMatch(TunnelState.Down.class::isInstance));
            TunnelException cause = states.stream()
                    .filter(TunnelState.Down.class::isInstance)
                    .map(state -> ((TunnelState.Down) state).cause())
                    .findFirst()
                    .orElseThrow();
            assertInstanceOf(TunnelException.LinkLost.class, cause);
            assertTrue(cause.getMessage().contains("nothing was heard for"), cause.getMessage());
            Waiting.until("the tunnel is up again", Duration.ofSeconds(8), tunnel::isUp);
            talking(tunnel).close();
        }
    }

    /** Nothing moves, in either direction, and nobody says goodbye. */
    @Test
    void theNetworkGoesDark() throws Exception {
        try (Hub hub = Hub.start(directory);
                FaultProxy network = FaultProxy.toLoopback(hub.sshd.port());
                EchoServer echo = EchoServer.echo();
                SshTunnel tunnel = SshTunnel.open(through(hub, network, Forward.toPort(0, echo.port())))) {
            try (Socket client = talking(tunnel)) {
                long began = System.nanoTime();
                network.freeze();
                assertEquals(-1, ForwardTest.readOrEnd(client));
                assertWithin(SILENCE.plus(MARGIN), began);
            }
            network.thaw();
            Waiting.until("the tunnel is up again", Duration.ofSeconds(8), tunnel::isUp);
            talking(tunnel).close();
        }
    }

    @Test
    void closingNeverWaitsForTheHub() throws Exception {
        try (Hub hub = Hub.start(directory);
                EchoServer sink = EchoServer.start((in, _) -> in.transferTo(java.io.OutputStream.nullOutputStream()))) {
            SshTunnel tunnel =
                    SshTunnel.open(hub.spec(Forward.toPort(0, sink.port())).withLimits(TunnelLimits.DEFAULT));
            try (Socket client = TransferTest.connect(tunnel);
                    Frozen _ = hub.sshd.freeze()) {
                CompletableFuture<Void> upload = CompletableFuture.runAsync(
                        () -> upload(client),
                        run -> Thread.ofPlatform().daemon().start(run));
                Thread.sleep(1000); // Long enough to fill all buffers up to a writer that hangs.
                long began = System.nanoTime();
                tunnel.close();
                assertWithin(Duration.ofMillis(500), began);
                assertThrows(ExecutionException.class, () -> upload.get(5, TimeUnit.SECONDS));
                assertWithin(Duration.ofSeconds(1), began);
                Waiting.until(
                        "no thread of the tunnel is left",
                        Duration.ofSeconds(3),
                        () -> Thread.getAllStackTraces().keySet().stream()
                                .noneMatch(thread -> thread.getName().contains("test-")
                                        || thread.getName().contains("-test")));
            }
        }
    }

    @Test
    void aBudgetEnds() throws Exception {
        Hub hub = Hub.start(directory);
        Persistence budget =
                new Persistence(Duration.ofMillis(50), Duration.ofMillis(200), Optional.of(Duration.ofSeconds(1)));
        try (SshTunnel tunnel = SshTunnel.open(hub.spec().withPersistence(budget))) {
            hub.sshd.killSessions();
            hub.close();
            long began = System.nanoTime();
            Waiting.until(
                    "it gives up",
                    Duration.ofSeconds(4),
                    () -> tunnel.state() instanceof TunnelState.Down down
                            && down.retryAt().isEmpty());
            assertWithin(Duration.ofSeconds(3), began);
        }
    }

    private static TunnelSpec through(Hub hub, FaultProxy network, Forward forward) throws IOException {
        TunnelSpec spec = hub.spec(forward);
        String key = Tool.run("cat", hub.sshd.knownHosts().toString()).split(" ", 2)[1];
        Path known = Files.writeString(
                hub.sshd.knownHosts().resolveSibling("known_through"), "[127.0.0.1]:" + network.port() + " " + key);
        return TunnelSpec.of(
                        spec.name(), Hub.target(network.port()), spec.keys(), new HostKeys.KnownHosts(List.of(known)))
                .withLimits(spec.limits())
                .withPersistence(spec.persistence())
                .withForwards(forward);
    }

    private static Socket talking(SshTunnel tunnel) throws IOException {
        Socket client = TransferTest.connect(tunnel);
        client.getOutputStream().write(42);
        assertEquals(42, client.getInputStream().read());
        return client;
    }

    private static void upload(Socket client) {
        byte[] much = new byte[1 << 20];
        try {
            while (true) {
                client.getOutputStream().write(much);
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void assertWithin(Duration limit, long beganNanos) {
        Duration took = Duration.ofNanos(System.nanoTime() - beganNanos);
        assertTrue(took.compareTo(limit) < 0, "took " + took + ", allowed are " + limit);
    }
}
