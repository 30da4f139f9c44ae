package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.NotifySocket;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.service.ControlClient;
import io.migratekit.tunnel.service.RuntimeDirectory;
import io.migratekit.tunnel.service.ServiceException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does {@code tunnel run}, in a process of its own, do what systemd and jobs expect of it, over a real sshd? */
class TunnelServiceIT {
    private static final Duration SOON = Duration.ofSeconds(15);
    private static final String CANARY = "canary-passphrase-of-the-service";

    @TempDir
    private Path folder;

    private LoopbackSshd sshd;
    private NotifySocket systemd;
    private RuntimeDirectory sockets;
    private ControlClient client;
    private final List<Process> started = new ArrayList<>();

    @BeforeEach
    void start() throws IOException {
        sshd = LoopbackSshd.start(Files.createDirectory(folder.resolve("ssh")));
        systemd = new NotifySocket(folder.resolve("notify").toString());
        sockets = new RuntimeDirectory(folder.resolve("run"));
        client = new ControlClient(sockets, Duration.ofSeconds(5));
    }

    @AfterEach
    void stop() throws Exception {
        for (Process process : started) {
            process.destroyForcibly();
            assertTrue(process.waitFor(10, TimeUnit.SECONDS));
        }
        systemd.close();
        sshd.close();
    }

    @Test
    void systemdHearsWhatIsTrueAndATermEndsItInTime() throws Exception {
        Process service = run(config("", ""), "hub");
        awaitHeard("READY=1");
        awaitHeard("WATCHDOG=1");
        assertTrue(heard("STATUS=hub up since "), systemd.heard().toString());
        Run status = status("hub");
        assertEquals(0, status.code(), status.err());
        assertTrue(status.out().startsWith("hub: up since "), status.out());
        Run all = status("--json");
        JsonObject tunnel = JsonParser.parseString(all.out())
                .getAsJsonObject()
                .getAsJsonArray("tunnels")
                .get(0)
                .getAsJsonObject();
        assertEquals("up", tunnel.get("state").getAsString(), all.out());

        long begun = System.nanoTime();
        signal("TERM", service);
        Run ended = Run.finish(service, begun);
        assertEquals(143, ended.code(), ended.err());
        assertTrue(
                ended.took().compareTo(Duration.ofSeconds(5)) < 0, ended.took().toString());
        assertTrue(
                systemd.heard().getLast().equals("STOPPING=1"), systemd.heard().toString());
        assertTrue(ended.err().contains("tunnel=hub up server=SSH-2.0-OpenSSH"), ended.err());
        assertFalse(Files.exists(sockets.socket("hub")), "no socket is left behind");
        assertEquals(20, status("hub").code());
    }

    @Test
    void aFrozenHubIsNotAlive() throws Exception {
        Process service = run(config("", ""), "hub");
        awaitHeard("READY=1");
        try (Frozen _ = sshd.freeze()) {
            Waiting.until("the loss is told", SOON, () -> heard("STATUS=hub down"));
            int signs = signsOfLife();
            Thread.sleep(1500);
            assertEquals(signs, signsOfLife(), "a watchdog is fed only while the hub answers");
            Run status = status("hub");
            assertEquals(20, status.code(), status.out());
            assertTrue(status.out().contains("last error: "), status.out());
        }
        int signs = signsOfLife();
        Waiting.until("it is alive again", SOON, () -> signsOfLife() > signs);
        assertTrue(service.isAlive());
    }

    @Test
    void readyWaitsForTheHubsHealth() throws Exception {
        int port = LoopbackSshd.freePort();
        run(config("health = \"http://127.0.0.1:" + port + "/health\"", ""), "hub");
        Waiting.until("the lack of health is told", SOON, () -> heard("STATUS=hub up", "the hub is not well"));
        assertFalse(heard("READY=1"), "up is not ready");
        var hub = com.sun.net.httpserver.HttpServer.create(Forward.loopback(port), 0);
        hub.createContext("/health", exchange -> {
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        hub.start();
        try {
            awaitHeard("READY=1");
        } finally {
            hub.stop(0);
        }
    }

    @Test
    void aCommandGoesThroughItWithoutAnyConfigurationOfItsOwn() throws Exception {
        run(config("", ""), "hub");
        awaitHeard("READY=1");
        try (Nbdkit server = Nbdkit.plugin("memory", "1M").loopbackPort(0).start()) {
            Run map = Run.finish(migratekit(List.of("map", "--tunnel", "hub", server.uri())), System.nanoTime());
            assertEquals(0, map.code(), map.err());
            assertEquals("         0     1048576    3  hole,zero\n", map.out());
        }
        Run nobody =
                Run.finish(migratekit(List.of("map", "--tunnel", "nobody", "nbd://127.0.0.1/")), System.nanoTime());
        assertEquals(20, nobody.code(), nobody.err());
    }

    @Test
    void aJobGetsAForwardForAsLongAsItHoldsIt() throws Exception {
        run(config("", ""), "hub");
        awaitHeard("READY=1");
        try (Nbdkit server = Nbdkit.plugin("memory", "1M").loopbackPort(0).start()) {
            String to = server.uri().replaceAll("nbd://([^/]+).*", "$1");
            Path near;
            try (ControlClient.Lease lease = client.lease("hub", to, Forward.Traffic.DATA)) {
                near = ((UnixDomainSocketAddress) lease.address()).getPath();
                try (NbdConnection disk =
                        NbdConnection.open(NbdUri.parse("nbd+unix:///?socket=" + near), ConnectSpec.of("job"))) {
                    assertEquals(1 << 20, disk.info().sizeBytes());
                }
                JsonObject forward =
                        client.status("hub").getAsJsonArray("forwards").get(0).getAsJsonObject();
                assertEquals(to, forward.get("to").getAsString());
                assertTrue(forward.get("bytes-from-hub").getAsLong() > 0, forward.toString());
            }
            Waiting.until("the lease is over", SOON, () -> !Files.exists(near));
        }
        for (String to : List.of("nowhere", "unix:relative", "h:99999")) {
            ServiceException e =
                    assertThrows(ServiceException.class, () -> client.lease("hub", to, Forward.Traffic.DATA));
            assertTrue(e.getMessage().contains(to), e.getMessage());
        }
        ServiceException e = assertThrows(ServiceException.class, () -> client.status("other"));
        assertTrue(e.getMessage().contains("systemctl start migratekit-tunnel@other"), e.getMessage());
    }

    @Test
    void theSocketsAreNobodyElses() throws Exception {
        Process service = run(config("", ""), "hub");
        awaitHeard("READY=1");
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("run"))));
        Run second = Run.finish(run(config("", ""), "hub"), System.nanoTime());
        assertEquals(20, second.code(), second.err());
        assertTrue(second.err().contains("the tunnel runs already"), second.err());
        assertTrue(service.isAlive());
        Files.setPosixFilePermissions(folder.resolve("run"), PosixFilePermissions.fromString("rwxr-xr-x"));
        Run open = Run.finish(run(config("", "").replace("hub", "other"), "other"), System.nanoTime());
        assertEquals(20, open.code(), open.err());
        assertTrue(open.err().contains("others may enter"), open.err());
    }

    @Test
    void noSecretIsTold() throws Exception {
        Path stranger = folder.resolve("stranger");
        io.migratekit.nbd.fixture.Tool.run(
                "ssh-keygen", "-q", "-t", "ed25519", "-N", CANARY, "-f", stranger.toString());
        Path passphrase = Files.writeString(folder.resolve("passphrase"), CANARY + "\n");
        Process service = run(
                config("passphrase-file = \"" + passphrase + "\"", "")
                        .replace(sshd.userKey().toString(), stranger.toString()),
                "hub",
                "-v");
        Waiting.until("the refusal is told", SOON, () -> heard("STATUS=hub down", "authorized_keys"));
        Run status = status("--json");
        signal("QUIT", service);
        Thread.sleep(300);
        signal("TERM", service);
        Run ended = Run.finish(service, System.nanoTime());
        String all = status.out() + ended.out() + ended.err() + systemd.heard();
        assertTrue(ended.out().contains("Full thread dump"), ended.out());
        assertFalse(all.contains(CANARY), "a passphrase was told");
        for (String line : Files.readAllLines(stranger)) {
            assertFalse(all.contains(line), "a key was told");
        }
    }

    private String config(String more, String forwards) {
        return """
                [tunnel.hub]
                host = "127.0.0.1"
                port = %d
                key = "%s"
                known-hosts = "%s"
                keepalive = "300ms"
                timeout = "2s"
                %s
                %s
                """.formatted(sshd.port(), sshd.userKey(), sshd.knownHosts(), more, forwards);
    }

    private Process run(String config, String... words) throws IOException {
        Path file = Files.writeString(folder.resolve("migratekit.toml"), config);
        List<String> line = new ArrayList<>(List.of("tunnel", "run", "--config", file.toString()));
        line.addAll(List.of(words));
        Process process = migratekit(line);
        started.add(process);
        return process;
    }

    private Run status(String... words) throws IOException {
        List<String> line = new ArrayList<>(List.of("tunnel", "status"));
        line.addAll(List.of(words));
        return Run.finish(migratekit(line), System.nanoTime());
    }

    private Process migratekit(List<String> words) throws IOException {
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "io.migratekit.cli.Main"));
        line.addAll(words);
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment()
                .putAll(Map.of(
                        "MIGRATEKIT_RUNTIME_DIR", folder.resolve("run").toString(),
                        "NOTIFY_SOCKET", folder.resolve("notify").toString(),
                        "WATCHDOG_USEC", "1200000"));
        return builder.start();
    }

    private static void signal(String name, Process process) {
        assertEquals(
                0, Run.program("kill", "-" + name, Long.toString(process.pid())).code());
    }

    private void awaitHeard(String words) {
        Waiting.until("systemd heard " + words, SOON, () -> heard(words));
    }

    private boolean heard(String beginning, String... words) {
        return systemd.heard().stream()
                .anyMatch(line ->
                        line.startsWith(beginning) && List.of(words).stream().allMatch(line::contains));
    }

    private int signsOfLife() {
        return (int) systemd.heard().stream().filter("WATCHDOG=1"::equals).count();
    }
}
