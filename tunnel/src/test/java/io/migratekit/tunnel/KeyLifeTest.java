package io.migratekit.tunnel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How long do native keys live, and what if there can be none? */
class KeyLifeTest {
    private static final int MIB = 1024 * 1024;
    private static final int KEYS_OF_A_SESSION = 2;

    @TempDir
    Path directory;

    /** The server takes new keys every mebibyte; what they replace must go, and in the end everything. */
    @Test
    void keysAreFreedWhenNewOnesAreInUseAndWithTheSession() throws Exception {
        awaitHeld(0); // Sessions of other tests may just be ending.
        byte[] sent = new byte[16 * MIB];
        new SplittableRandom(7).nextBytes(sent);
        try (Hub hub = Hub.start(directory, "RekeyLimit 1M");
                EchoServer echo = EchoServer.echo();
                SshTunnel tunnel =
                        SshTunnel.open(hub.spec(Forward.toPort(0, echo.port())).withDataLinks(1));
                Socket client = TransferTest.connect(tunnel)) {
            CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
                try {
                    client.getOutputStream().write(sent);
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            assertArrayEquals(sent, client.getInputStream().readNBytes(sent.length));
            writer.get(30, TimeUnit.SECONDS);
            int held = GnuTls.held();
            assertTrue(
                    held >= KEYS_OF_A_SESSION && held <= 2 * KEYS_OF_A_SESSION,
                    "after some 16 exchanges of keys " + held + " are held");
            assertEquals(0, tunnel.view().timesLost());
        }
        awaitHeld(0);
    }

    private static void awaitHeld(int expected) throws InterruptedException {
        for (int i = 0; i < 500 && GnuTls.held() != expected; i++) {
            Thread.sleep(20);
        }
        assertEquals(expected, GnuTls.held(), "keys held, long after the sessions ended");
    }

    /** A JVM that may not call native code stands for a machine without the library. */
    @Test
    void withoutTheLibraryItWorksAllTheSameAndSaysSo() throws Exception {
        try (Hub hub = Hub.start(directory);
                EchoServer echo = EchoServer.echo()) {
            Process child = new ProcessBuilder(List.of(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "--illegal-native-access=deny",
                            "-XX:TieredStopAtLevel=1",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Child.class.getName(),
                            Integer.toString(hub.sshd.port()),
                            hub.sshd.userKey().toString(),
                            hub.sshd.knownHosts().toString(),
                            Integer.toString(echo.port())))
                    .redirectErrorStream(true)
                    .start();
            CompletableFuture<String> said = CompletableFuture.supplyAsync(() -> {
                try {
                    return new String(child.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            try {
                String words = said.get(60, TimeUnit.SECONDS);
                assertTrue(words.contains("native: false, echo: 1048576 bytes"), words);
                assertTrue(words.contains("AES-GCM comes from Java, which is slow for the first seconds"), words);
            } finally {
                child.destroyForcibly();
            }
        }
    }

    /** Sends a mebibyte through a tunnel and back. */
    static final class Child {
        private Child() {}

        public static void main(String[] args) throws IOException {
            TunnelSpec spec = TunnelSpec.of(
                            "child",
                            Hub.target(Integer.parseInt(args[0])),
                            SshKeys.of(Path.of(args[1])),
                            new HostKeys.KnownHosts(List.of(Path.of(args[2]))))
                    .withForwards(Forward.toPort(0, Integer.parseInt(args[3])));
            try (SshTunnel tunnel = SshTunnel.open(spec);
                    Socket client = TransferTest.connect(tunnel)) {
                byte[] sent = new byte[MIB];
                new SplittableRandom(11).nextBytes(sent);
                CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
                    try {
                        client.getOutputStream().write(sent);
                    } catch (IOException e) {
                        throw new java.io.UncheckedIOException(e);
                    }
                });
                byte[] got = client.getInputStream().readNBytes(sent.length);
                writer.join();
                assertArrayEquals(sent, got);
                System.out.println("native: " + GnuTls.isUsable() + ", echo: " + got.length + " bytes");
            }
        }
    }
}
