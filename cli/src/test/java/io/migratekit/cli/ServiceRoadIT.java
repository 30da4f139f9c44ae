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
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a copy through a tunnel service survive what happens to the service, and say so when it cannot? */
class ServiceRoadIT {
    private static final int MIB = 1 << 20;
    private static final int KILLS = 20;
    /** So often it is not a session of sshd but the service itself that is killed. */
    private static final int SERVICE_EVERY = 5;

    @TempDir
    private Path folder;

    private LoopbackSshd sshd() throws IOException {
        return LoopbackSshd.start(Files.createDirectory(folder.resolve("sshd")));
    }

    private CopyLab lab() throws IOException {
        return new CopyLab(folder, 9, Servers.HEALTHY, 96L * MIB, new ByteRange(0, 48 * MIB));
    }

    private static CopyProcess copy(CopyLab lab, ServiceProcess service, String... words) {
        List<String> line = new ArrayList<>(List.of("--tunnel", "hub", "--rate", "8M", "--checkpoint-every", "2M"));
        line.addAll(List.of(words));
        return lab.start(service.environment(), true, line.toArray(String[]::new));
    }

    @Test
    void aCopySurvivesThatSessionsAndServiceAreKilledAgainAndAgain() throws Exception {
        try (LoopbackSshd sshd = sshd();
                CopyLab lab = lab();
                ServiceProcess service = ServiceProcess.start(folder, sshd);
                CopyProcess copy = copy(lab, service, "--retry-for", "30s")) {
            for (int i = 1; i <= KILLS; i++) {
                lab.awaitTraffic(copy);
                if (i % SERVICE_EVERY == 0) {
                    service.killAndStartAgain();
                } else {
                    sshd.killSessions();
                }
            }
            lab.awaitTraffic(copy);
            Run run = copy.end(Duration.ofSeconds(90));
            assertEquals(0, run.code(), () -> run.err() + service.log());
            // Each kill hit what carried the copy.
            int sessions = KILLS - KILLS / SERVICE_EVERY;
            assertTrue(CopyProcess.count(service.log(), "tunnel=hub down: ") >= sessions, service::log);
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
                CopyProcess copy = copy(lab, service, "--timeout", "2s", "--stall-after", "3s", "--retry-for", "5s")) {
            lab.awaitTraffic(copy);
            try (Frozen _ = sshd.freeze()) {
                assertStalledInTunnel(copy, "nothing was heard for");
            }
        }
    }

    @Test
    void aFrozenServiceIsToldFromAFrozenExport() throws Exception {
        try (LoopbackSshd sshd = sshd();
                CopyLab lab = lab();
                ServiceProcess service = ServiceProcess.start(folder, sshd);
                CopyProcess copy = copy(lab, service, "--timeout", "2s", "--stall-after", "3s", "--retry-for", "5s")) {
            lab.awaitTraffic(copy);
            try (Frozen _ = Frozen.process(service.pid())) {
                assertStalledInTunnel(copy, "is it stopped?");
            }
        }
    }

    private static void assertStalledInTunnel(CopyProcess copy, String words) {
        Run run = copy.end(Duration.ofSeconds(60));
        assertEquals(20, run.code(), run.err());
        assertTrue(run.err().contains("stalled in tunnel: tunnel hub is down: "), run.err());
        assertTrue(run.err().contains("tunnel hub is down for "), run.err());
        assertTrue(run.err().contains(words), run.err());
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
    void whyTheHubRefusedIsSaid() throws Exception {
        try (LoopbackSshd sshd = sshd();
                ServiceProcess service = ServiceProcess.start(folder, sshd)) {
            List<String> line = new ArrayList<>(service.environment());
            line.addAll(List.of(
                    Path.of("..", "bin", "migratekit").toString(), "map", "--tunnel", "hub", "nbd://127.0.0.1:1/disk"));
            Run run = Run.program(line.toArray(String[]::new));
            assertEquals(30, run.code(), run.err());
            assertTrue(run.err().contains("tunnel hub: not let through 1 time: "), run.err());
            assertTrue(run.err().contains("Connection refused"), run.err());
        }
    }
}
