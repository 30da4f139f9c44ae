package io.migratekit.tunnel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Frozen;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Do all bytes arrive, as they were sent, and without waiting for nothing? */
class TransferTest {
    private static final int MIB = 1024 * 1024;

    @TempDir
    Path directory;

    @Test
    void bytesGoThereAndBack() throws Exception {
        try (Hub hub = Hub.start(directory);
                EchoServer echo = EchoServer.echo();
                SshTunnel tunnel = SshTunnel.open(hub.spec(Forward.toPort(0, echo.port())));
                Socket client = connect(tunnel)) {
            client.getOutputStream().write("hello".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            assertArrayEquals(
                    "hello".getBytes(java.nio.charset.StandardCharsets.US_ASCII),
                    client.getInputStream().readNBytes(5));
            client.shutdownOutput();
            assertEquals(-1, client.getInputStream().read());
        }
    }

    /** Each connection its own session. */
    @Test
    void muchDataBothWaysOnSeveralLinks() throws Exception {
        transfer(4, 64 * MIB);
    }

    /** All through one session, where they are in each other's way, and the server changes its keys all the time. */
    @Test
    void muchDataBothWaysOnOneLinkWhileKeysAreRenewed() throws Exception {
        try (HeardLog log = HeardLog.ofTunnel()) {
            transfer(1, 64 * MIB, "RekeyLimit 8M");
            int renewed = log.text().split("SSH_MSG_NEWKEYS sent", -1).length - 1;
            assertTrue(renewed > 20, "keys were renewed " + renewed + " times");
        }
    }

    private void transfer(int links, int bytesEach, String... sshdLines) throws Exception {
        int connections = 4;
        try (Hub hub = Hub.start(directory, sshdLines);
                EchoServer echo = EchoServer.echo();
                SshTunnel tunnel = SshTunnel.open(hub.spec(Forward.toPort(0, echo.port()))
                        .withLimits(TunnelLimits.DEFAULT)
                        .withDataLinks(links));
                ExecutorService clients = Executors.newCachedThreadPool()) {
            List<Future<Long>> expected = new ArrayList<>();
            List<Future<Long>> actual = new ArrayList<>();
            List<Socket> sockets = new ArrayList<>();
            for (int i = 0; i < connections; i++) {
                long seed = 4711L + i;
                Socket client = connect(tunnel);
                sockets.add(client);
                expected.add(clients.submit(() -> send(client, seed, bytesEach)));
                actual.add(clients.submit(() -> receive(client)));
            }
            for (int i = 0; i < connections; i++) {
                assertEquals(
                        expected.get(i).get(100, TimeUnit.SECONDS),
                        actual.get(i).get(100, TimeUnit.SECONDS),
                        "checksum with seed " + (4711 + i));
                sockets.get(i).close();
            }
            ForwardView view = tunnel.view().forwards().getFirst();
            assertEquals((long) connections * bytesEach, view.bytesToHub());
            assertEquals((long) connections * bytesEach, view.bytesFromHub());
            assertEquals(connections, view.opened());
            assertEquals(links, tunnel.view().links().size());
            assertEquals(0, tunnel.view().timesLost());
        }
    }

    private static long send(Socket client, long seed, int bytes) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        CRC32C sum = new CRC32C();
        byte[] buffer = new byte[100_000];
        OutputStream out = client.getOutputStream();
        for (int left = bytes; left > 0; ) {
            int count = Math.min(left, random.nextInt(1, buffer.length));
            random.nextBytes(buffer);
            sum.update(buffer, 0, count);
            out.write(buffer, 0, count);
            left -= count;
        }
        client.shutdownOutput();
        return sum.getValue();
    }

    private static long receive(Socket client) throws IOException {
        CRC32C sum = new CRC32C();
        byte[] buffer = new byte[128 * 1024];
        InputStream in = client.getInputStream();
        for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
            sum.update(buffer, 0, count);
        }
        return sum.getValue();
    }

    /** sshd answers under Nagle's algorithm: without our hurry each answer to a write takes 40 ms. */
    @Test
    void oneRequestAtATimeIsNotHeldBack() throws Exception {
        int requests = 100;
        byte[] request = new byte[28 + 64 * 1024]; // as an NBD write
        byte[] answer = new byte[16];
        try (Hub hub = Hub.start(directory);
                EchoServer server = EchoServer.start((in, out) -> {
                    while (in.readNBytes(request.length).length == request.length) {
                        out.write(answer);
                    }
                });
                SshTunnel tunnel = SshTunnel.open(hub.spec(Forward.toPort(0, server.port())));
                Socket client = connect(tunnel)) {
            long[] nanos = new long[requests];
            for (int i = 0; i < requests; i++) {
                long began = System.nanoTime();
                client.getOutputStream().write(request);
                assertEquals(answer.length, client.getInputStream().readNBytes(answer.length).length);
                nanos[i] = System.nanoTime() - began;
            }
            Arrays.sort(nanos);
            Duration median = Duration.ofNanos(nanos[requests / 2]);
            assertTrue(median.compareTo(Duration.ofMillis(20)) < 0, "median of an answer: " + median);
            assertTrue(tunnel.view().forwards().getFirst().firstByte().isPresent());
        }
    }

    /** One client leaves 64 MiB of answers lying; the other, in the same session, must not notice. */
    @Test
    void aSlowReaderHoldsUpNobodyElse() throws Exception {
        byte[] much = new byte[64 * MIB];
        new SplittableRandom(1).nextBytes(much);
        try (Hub hub = Hub.start(directory);
                EchoServer flood = EchoServer.start((in, out) -> {
                    in.read();
                    out.write(much);
                });
                EchoServer echo = EchoServer.echo();
                SshTunnel tunnel =
                        SshTunnel.open(hub.spec(Forward.toPort(0, flood.port())).withDataLinks(1));
                Socket lazy = connect(tunnel)) {
            Forward.LocalTcp second = Forward.toPort(0, echo.port());
            tunnel.add(second);
            lazy.getOutputStream().write(1);
            Thread.sleep(1000); // Long enough for the window to fill up.
            try (Socket brisk = new Socket()) {
                brisk.connect(tunnel.address(second));
                brisk.setSoTimeout(2000);
                long began = System.nanoTime();
                for (int i = 0; i < 20; i++) {
                    brisk.getOutputStream().write(new byte[4096]);
                    assertEquals(4096, brisk.getInputStream().readNBytes(4096).length);
                }
                assertTrue(System.nanoTime() - began < 2_000_000_000L, "20 answers took more than 2 s");
            }
            assertEquals(1, tunnel.view().links().size());
            // The keepalives were answered all the time, and what was left lying is complete.
            Thread.sleep(2 * Hub.QUICK.silence().toMillis());
            byte[] got = lazy.getInputStream().readNBytes(much.length);
            assertArrayEquals(much, got);
            assertEquals(0, tunnel.view().timesLost());
        }
    }

    @Test
    void theRoundTripIsMeasured() throws Exception {
        try (Hub hub = Hub.start(directory);
                SshTunnel tunnel = SshTunnel.open(hub.spec())) {
            Duration roundTrip = tunnel.measureRoundTrip(Duration.ofSeconds(10));
            assertTrue(roundTrip.isPositive() && roundTrip.toMillis() < 2000, "round trip: " + roundTrip);
            try (Frozen _ = hub.sshd.freeze()) {
                long began = System.nanoTime();
                assertEquals(Duration.ZERO, tunnel.measureRoundTrip(Duration.ofMillis(100)), "nobody answered");
                assertTrue(System.nanoTime() - began < 5_000_000_000L, "it took too long to give up");
            }
        }
    }

    static Socket connect(SshTunnel tunnel) throws IOException {
        Forward.Local forward =
                (Forward.Local) tunnel.view().forwards().getFirst().forward();
        Socket client = new Socket();
        client.connect((InetSocketAddress) tunnel.address(forward));
        client.setTcpNoDelay(true);
        client.setSoTimeout(30_000);
        return client;
    }
}
