package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.cli.CopyLab.Servers;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.service.ControlClient;
import io.migratekit.tunnel.service.ServiceException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a copy through a tunnel service survive what happens to the service, and say so when it cannot? */
@Tag("long")
class ServiceRoadIT {
    private static final int MIB = 1 << 20;
    private static final int KILLS = 20;
    /** So often it is not a session of sshd but the service itself that is killed. */
    private static final int SERVICE_EVERY = 5;

    private static final String[] QUICK_TO_STALL = {
        "--timeout", "2s", "--extents-timeout", "3s", "--stall-after", "3s", "--retry-for", "5s"
    };

    @TempDir
    private Path folder;

    private LoopbackSshd sshd() throws IOException {
        return LoopbackSshd.start(Files.createDirectory(folder.resolve("sshd")));
    }

    private CopyLab lab() throws IOException {
        return new CopyLab(folder, 9, Servers.HEALTHY, 128L * MIB, new ByteRange(0, 96 * MIB));
    }

    private static CopyProcess copy(CopyLab lab, ServiceProcess service, String... words) {
        List<String> line = new ArrayList<>(List.of("--tunnel", "hub", "--rate", "1M", "--checkpoint-every", "2M"));
        line.addAll(List.of(words));
        return lab.start(service.environment(), true, line.toArray(String[]::new));
    }

    @Test
    void aCopySurvivesThatSessionsAndServiceAreKilledAgainAndAgain() throws Exception {
        try (LoopbackSshd sshd = sshd();
                CopyLab lab = lab();
                ServiceProcess service = ServiceProcess.start(folder, sshd);
                CopyProcess copy = copy(lab, service, "--retry-for", "90s")) {
            for (int i = 1; i <= KILLS; i++) {
                lab.awaitTraffic(copy);
                if (i % SERVICE_EVERY == 0) {
                    service.killAndStartAgain();
                } else {
                    CopyLab.breakRoad(sshd);
                }
            }
            lab.awaitTraffic(copy);
            assertEquals(0, lab.ask("rate", "200M").code());
            Run run = copy.end(Duration.ofSeconds(90));
            assertEquals(0, run.code(), () -> run.err() + service.log());
            assertEquals(
                    KILLS / SERVICE_EVERY, CopyProcess.count(run.err(), "the service was started again"), run.err());
            assertEquals(0, lab.compare().exitStatus());
        }
    }

    @Test
    void aFrozenHubIsToldFromAFrozenExport() throws Exception {
        try (LoopbackSshd sshd = sshd();
                CopyLab lab = lab();
                ServiceProcess service = ServiceProcess.start(folder, sshd);
                CopyProcess copy = copy(lab, service, QUICK_TO_STALL)) {
            lab.awaitTraffic(copy);
            try (Frozen _ = sshd.freeze()) {
                assertStalledInTunnel(copy, "(nothing was heard for|no SSH greeting within) ");
            }
        }
    }

    @Test
    void aFrozenServiceIsToldFromAFrozenExport() throws Exception {
        try (LoopbackSshd sshd = sshd();
                CopyLab lab = lab();
                ServiceProcess service = ServiceProcess.start(folder, sshd);
                CopyProcess copy = copy(lab, service, QUICK_TO_STALL)) {
            lab.awaitTraffic(copy);
            try (Frozen _ = Frozen.process(service.pid())) {
                assertStalledInTunnel(copy, "is it stopped[?]");
            }
        }
    }

    private static void assertStalledInTunnel(CopyProcess copy, String words) {
        Run run = copy.end(Duration.ofSeconds(60));
        assertEquals(20, run.code(), run.err());
        assertTrue(run.err().contains("stalled in tunnel: tunnel hub is down: "), run.err());
        assertTrue(run.err().contains("tunnel hub is down for "), run.err());
        assertTrue(Pattern.compile(words).matcher(run.err()).find(), run.err());
    }

    /** The address of a lease outlives its service in the hands of a job; it must never lead to another's disk. */
    @Test
    void noTwoLeasesEverHaveTheSameAddress() throws Exception {
        try (LoopbackSshd sshd = sshd();
                ServiceProcess service = ServiceProcess.start(folder, sshd)) {
            Path before;
            try (ControlClient.Lease lease = service.client().lease("hub", "127.0.0.1:1", Forward.Traffic.DATA)) {
                before = ((UnixDomainSocketAddress) lease.address()).getPath();
                assertTrue(lease.isHeld());
                service.killAndStartAgain();
                Waiting.until("the loss is seen", Duration.ofSeconds(5), () -> !lease.isHeld());
                assertTrue(Files.exists(before), "a killed service leaves its sockets");
            }
            service.awaitUp();
            assertFalse(Files.exists(before), "the next run tidies up");
            try (ControlClient.Lease lease = service.client().lease("hub", "127.0.0.1:1", Forward.Traffic.DATA)) {
                assertNotEquals(before, ((UnixDomainSocketAddress) lease.address()).getPath());
            }
        }
    }

    @Test
    void sshdIsStoppedForAWhileAndStartedAgain() throws Exception {
        try (LoopbackSshd sshd = sshd();
                CopyLab lab = lab();
                ServiceProcess service = ServiceProcess.start(folder, sshd);
                CopyProcess copy = copy(lab, service, "--retry-for", "90s")) {
            lab.awaitTraffic(copy);
            CopyLab.breakRoad(sshd);
            sshd.stop();
            Waiting.until(
                    "the service knows",
                    Duration.ofSeconds(10),
                    () -> service.log().contains("connection refused by"));
            sshd.startAgain();
            lab.awaitTraffic(copy);
            assertEquals(0, lab.ask("rate", "200M").code());
            Run run = copy.end(Duration.ofSeconds(60));
            assertEquals(0, run.code(), () -> run.err() + service.log());
            assertEquals(0, lab.compare().exitStatus());
        }
    }

    /** What the hub refuses is said where the command was typed, by both ways, and soon. */
    @Test
    void whyTheHubRefusedIsSaid() throws Exception {
        try (LoopbackSshd sshd = sshd();
                LoopbackSshd strict =
                        LoopbackSshd.start(Files.createDirectory(folder.resolve("strict")), "PermitOpen 127.0.0.1:9");
                ServiceProcess service = ServiceProcess.start(folder, sshd);
                ServiceProcess ofStrict = ServiceProcess.start(Files.createDirectory(folder.resolve("s")), strict)) {
            String closed = "nbd://127.0.0.1:1/disk";
            String missing = "nbd+unix:///disk?socket=" + folder.resolve("missing");
            List<String> list = List.of("hub", "list", "--hub", "http://127.0.0.1:1");
            assertRefused(service, sshd, List.of("map", closed), 30, "nothing listens there");
            assertRefused(service, sshd, List.of("info", missing), 30, "no such socket");
            assertRefused(service, sshd, list, 42, "nothing listens there");
            for (List<String> command : List.of(List.of("map", closed), List.of("info", closed), list)) {
                assertRefused(ofStrict, strict, command, 20, "PermitOpen 127.0.0.1:1");
            }
        }
    }

    private static void assertRefused(
            ServiceProcess service, LoopbackSshd sshd, List<String> command, int code, String words) {
        Run far = run(service, command, "--tunnel", "hub");
        String told = code == 20 ? "tunnel hub is down" : "tunnel hub: not let through ";
        assertTrue(far.err().contains(told), far.err());
        Run own = run(
                service,
                command,
                "--ssh",
                System.getProperty("user.name") + "@127.0.0.1:" + sshd.port(),
                "--ssh-key",
                sshd.userKey().toString(),
                "--ssh-known-hosts",
                sshd.knownHosts().toString());
        for (Run run : List.of(far, own)) {
            assertEquals(code, run.code(), run.err());
            assertTrue(run.err().contains(words), run.err());
            assertTrue(
                    run.took().compareTo(Duration.ofSeconds(10)) < 0, run.took().toString());
        }
    }

    private static Run map(ServiceProcess service, String... words) {
        return run(service, List.of("map"), words);
    }

    private static Run run(ServiceProcess service, List<String> command, String... words) {
        List<String> line = new ArrayList<>(service.environment());
        line.add(Path.of("..", "bin", "migratekit").toString());
        line.addAll(command);
        line.addAll(List.of(words));
        return Run.program(line);
    }

    /** Nobody waits for what only a person can mend, and when it is mended the service need not be started again. */
    @Test
    void aServiceThatIsNotLetInSaysSoUntilThatIsMended() throws Exception {
        try (LoopbackSshd sshd = sshd()) {
            Path known = sshd.knownHosts();
            String right = Files.readString(known);
            String other = Files.readString(known.resolveSibling("user_key.pub"));
            Files.writeString(known, "[127.0.0.1]:" + sshd.port() + " " + other);
            try (ServiceProcess service = ServiceProcess.launch(folder, sshd)) {
                Waiting.until(
                        "the service says so",
                        Duration.ofSeconds(15),
                        () -> service.log().contains("another host key"));
                awaitState(service, "down");
                Run run = map(service, "--tunnel", "hub", "nbd://127.0.0.1:1/disk");
                assertEquals(20, run.code(), run.err());
                assertTrue(run.err().contains("the tunnel hub is not up: it is down: "), run.err());
                assertTrue(run.err().contains("another host key"), run.err());
                assertTrue(
                        run.took().compareTo(Duration.ofSeconds(10)) < 0,
                        run.took().toString());
                Files.writeString(known, right);
                awaitState(service, "up");
            }
        }
    }

    private static void awaitState(ServiceProcess service, String state) {
        Waiting.until("the tunnel is " + state, Duration.ofSeconds(45), () -> {
            try {
                return service.client().status("hub").get("state").getAsString().equals(state);
            } catch (ServiceException e) {
                return false;
            }
        });
    }
}
