package io.migratekit.tunnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where does a forward lead, and who says why it leads nowhere? */
class ForwardTest {
    @TempDir
    Path directory;

    @Test
    void nothingBehindThePort() throws Exception {
        int port = LoopbackSshd.freePort();
        TunnelException.ForwardRefused e = refused(Forward.toPort(0, port));
        assertEquals("connect failed: Connection refused", e.reason());
        assertSays(e, "127.0.0.1:" + port, "nothing listens there");
    }

    @Test
    void sshdDoesNotPermitIt() throws Exception {
        int port = LoopbackSshd.freePort();
        TunnelException.ForwardRefused e = refused(Forward.toPort(0, port), "PermitOpen 127.0.0.1:1");
        assertEquals("administratively prohibited: open failed", e.reason());
        assertTrue(e.isForbidden(), "nothing is known of what may be there");
        assertSays(e, "PermitOpen 127.0.0.1:" + port);
    }

    @Test
    void noSuchSocketOnTheHub() throws Exception {
        Path missing = directory.resolve("missing");
        TunnelException.ForwardRefused e = refused(Forward.toSocket(0, missing.toString()));
        assertTrue(e.reason().startsWith("connect failed"), e.reason());
        assertSays(e, missing.toString(), "no such socket");
    }

    /** The client is shown out at once, the reason is kept, and the session goes on. */
    private TunnelException.ForwardRefused refused(Forward.Local forward, String... sshdLines) throws IOException {
        try (Hub hub = Hub.start(directory, sshdLines);
                SshTunnel tunnel = SshTunnel.open(hub.spec(forward))) {
            for (int i = 1; i <= 3; i++) {
                long began = System.nanoTime();
                try (Socket client = TransferTest.connect(tunnel)) {
                    assertEquals(-1, readOrEnd(client));
                }
                Duration took = Duration.ofNanos(System.nanoTime() - began);
                assertTrue(took.compareTo(Duration.ofSeconds(2)) < 0, "shown out after " + took);
            }
            ForwardView view = tunnel.view().forwards().getFirst();
            assertEquals(3, view.refused());
            assertEquals(0, view.open());
            assertInstanceOf(TunnelState.Up.class, tunnel.state());
            assertEquals(0, tunnel.view().timesLost());
            TunnelException.ForwardRefused e = assertThrows(
                    TunnelException.ForwardRefused.class, () -> SshTunnel.probe(hub.spec(), forward, HopListener.NONE));
            assertEquals(e.getMessage(), view.lastRefusal().orElseThrow());
            assertEquals(e.isForbidden(), view.forbidden());
            return e;
        }
    }

    @Test
    void toASocketOnTheHubFromASocketHere() throws Exception {
        Path far = directory.resolve("far");
        Path near = directory.resolve("near");
        Forward.LocalUnix forward =
                new Forward.LocalUnix(UnixDomainSocketAddress.of(near), far.toString(), Forward.Traffic.DATA);
        try (Hub hub = Hub.start(directory);
                ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(far));
            try (SshTunnel tunnel = SshTunnel.open(hub.spec(forward));
                    SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(near));
                    SocketChannel atServer = server.accept()) {
                int unused = client.write(ByteBuffer.wrap(new byte[] {1, 2, 3}));
                assertEquals(3, unused);
                assertEquals(3, Channels.newInputStream(atServer).readNBytes(3).length);
                assertEquals(near, ((UnixDomainSocketAddress) tunnel.address(forward)).getPath());
                assertEquals(
                        "rw-------",
                        java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(near)));
            }
            assertTrue(!Files.exists(near), "the socket must go with the tunnel");
        }
    }

    @Test
    void theOtherWayRound() throws Exception {
        int hubPort = LoopbackSshd.freePort();
        try (Hub hub = Hub.start(directory);
                EchoServer echo = EchoServer.echo();
                SshTunnel tunnel = SshTunnel.open(
                        hub.spec(new Forward.ReverseTcp("127.0.0.1", hubPort, Forward.loopback(echo.port()))));
                Socket caller = new Socket()) {
            caller.setSoTimeout(5000);
            caller.connect(Forward.loopback(hubPort));
            caller.getOutputStream().write(new byte[] {7, 8, 9});
            assertEquals(3, caller.getInputStream().readNBytes(3).length);
            caller.shutdownOutput();
            assertEquals(-1, caller.getInputStream().read());
            assertEquals(3, tunnel.view().forwards().getFirst().bytesFromHub());
        }
    }

    @Test
    void aPortThatIsTakenOnTheHub() throws Exception {
        try (Hub hub = Hub.start(directory);
                EchoServer echo = EchoServer.echo()) {
            TunnelSpec spec = hub.spec(new Forward.ReverseTcp("127.0.0.1", echo.port(), Forward.loopback(echo.port())));
            TunnelException e = assertThrows(
                    TunnelException.ForwardRefused.class,
                    () -> SshTunnel.open(spec).close());
            assertSays(e, "does not listen on 127.0.0.1:" + echo.port(), "port is taken");
        }
    }

    @Test
    void aPortThatIsTakenHere() throws Exception {
        try (Hub hub = Hub.start(directory);
                EchoServer echo = EchoServer.echo()) {
            TunnelSpec spec = hub.spec(Forward.toPort(echo.port(), 1));
            TunnelException e = assertThrows(
                    TunnelException.ListenFailed.class,
                    () -> SshTunnel.open(spec).close());
            assertSays(e, ":" + echo.port(), "ss -lnp");
        }
    }

    @Test
    void nobodyOutsideMayComeIn() {
        Forward open = new Forward.LocalTcp(new InetSocketAddress("0.0.0.0", 0), "127.0.0.1", 1, Forward.Traffic.DATA);
        TunnelException e = assertThrows(TunnelException.BadSpec.class, () -> TunnelSpec.check(open));
        assertSays(e, "knows no passwords");
    }

    @Test
    void controlKeepsTheBaseLinkForItself() throws Exception {
        try (Hub hub = Hub.start(directory);
                EchoServer echo = EchoServer.echo()) {
            Forward.LocalTcp control =
                    new Forward.LocalTcp(Forward.loopback(0), "127.0.0.1", echo.port(), Forward.Traffic.CONTROL);
            Forward.LocalTcp data = Forward.toPort(0, echo.port());
            try (SshTunnel tunnel = SshTunnel.open(
                    hub.spec(control, data).withDataLinks(2).withLimits(Hub.QUICK.withIdle(Duration.ofMillis(500))))) {
                try (Socket a = client(tunnel, data);
                        Socket b = client(tunnel, data);
                        Socket c = client(tunnel, data);
                        Socket d = client(tunnel, control)) {
                    for (Socket each : new Socket[] {a, b, c, d}) {
                        each.getOutputStream().write(1);
                        assertEquals(1, each.getInputStream().read());
                    }
                    assertEquals(3, tunnel.view().links().size());
                    assertEquals(1, tunnel.view().links().getFirst().relays());
                }
                Waiting.until(
                        "idle data links are closed",
                        Duration.ofSeconds(6),
                        () -> tunnel.view().links().size() == 1);
                tunnel.remove(data);
                assertThrows(TunnelException.BadSpec.class, () -> tunnel.address(data));
            }
        }
    }

    private static Socket client(SshTunnel tunnel, Forward.Local forward) throws IOException {
        Socket client = new Socket();
        client.connect(tunnel.address(forward));
        client.setSoTimeout(5000);
        return client;
    }

    /** A reset is an end, too. */
    static int readOrEnd(Socket client) {
        try {
            return client.getInputStream().read();
        } catch (java.net.SocketTimeoutException e) {
            throw new AssertionError("the client was left in silence", e);
        } catch (IOException e) {
            return -1;
        }
    }

    private static void assertSays(TunnelException e, String... words) {
        for (String word : words) {
            assertTrue(e.getMessage().contains(word), () -> "\"" + word + "\" is missing in: " + e.getMessage());
        }
    }
}
