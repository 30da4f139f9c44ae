package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.vmware.Thumbprint;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What if vCenter, the server of a disk, or a target is not as it should be? Bounded, with a code and a cause. */
@Execution(ExecutionMode.CONCURRENT)
@Tag("long")
class MigrateTroubleIT {
    private static final long MIB = 1 << 20;

    private final Random random = new Random(11);

    @TempDir
    private Path folder;

    private static Run run(MigrateLab lab, String job, List<String> trust) {
        try (CopyProcess process = lab.startWith(
                job, List.of(trust, lab.password(), lab.toTargets()), "--timeout", "6s", "--call-timeout", "6s")) {
            return process.end(MigrateLab.LIMIT);
        }
    }

    private static void assertFails(int code, String words, Run run) {
        assertEquals(code, run.code(), run::toString);
        assertTrue(run.err().contains(words), run::toString);
        assertFalse(run.err().contains("unexpected failure"), run::toString);
        assertFalse(run.err().contains("Exception in thread"), run::toString);
        assertTrue(run.took().compareTo(Duration.ofSeconds(60)) < 0, run::toString);
    }

    @Test
    void aServerThatIsNotTrustedGetsNoPassword() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, MIB)) {
            Thumbprint wrong = Thumbprint.parse("ab".repeat(32));
            Run pin = run(lab, "pin", List.of("--vmware-thumbprint", wrong.toString()));
            assertFails(11, wrong.toString(), pin);
            assertFails(11, lab.vcenter().sha256().toString(), pin);

            List<String> ca =
                    List.of("--vmware-ca-file", lab.vcenter().certificateFile().toString());
            lab.vcenter().changeCertificate("localhost", true, Instant.now().minusSeconds(3600));
            assertFails(11, "expired", run(lab, "expired", ca));
            lab.vcenter()
                    .changeCertificate("other.example", false, Instant.now().plusSeconds(3600));
            assertFails(11, "127.0.0.1", run(lab, "name", ca));
            assertEquals(0, lab.vcenter().log().count("Login"));
        }
    }

    @Test
    void aSilentServerIsGivenUp() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, MIB)) {
            lab.vcenter().faults().always("*", new Trouble.NoAnswer());
            assertFails(10, "RetrieveServiceContent within 6000 ms", run(lab, "silent", lab.trust()));
            lab.vcenter().faults().clear();
            lab.vcenter().faults().always("RetrievePropertiesEx", new Trouble.StalledBody(100));
            assertFails(10, "RetrievePropertiesEx within 6000 ms", run(lab, "stalled", lab.trust()));
            lab.vcenter().faults().clear();
            lab.vcenter().stop();
            assertFails(10, lab.vcenter().endpoint().toString(), run(lab, "stopped", lab.trust()));
        }
    }

    /** All of this comes to pass while it copies; the copy itself does not need vCenter. */
    @Test
    void sessionsEndAndVCenterRestartsInMidRun() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 6 * MIB)) {
            lab.guestWrites(random, 40);
            inMidRun(lab, "fault", () -> lab.vcenter().expireSessions());
            inMidRun(lab, "missing", () -> {
                lab.vcenter().faults().lostSessionIsMissing(true);
                lab.vcenter().expireSessions();
            });
            inMidRun(lab, "restart", () -> lab.vcenter().restart());
        }
    }

    private static void inMidRun(MigrateLab lab, String job, Runnable trouble) {
        try (CopyProcess copy = lab.start(job, "--full", "--rate", "500K")) {
            awaitCopying(lab, job, copy);
            trouble.run();
            assertEquals(0, lab.ask("rate", job, "0").code());
            Run run = copy.end(MigrateLab.LIMIT);
            assertEquals(0, run.code(), run::toString);
        }
        lab.vcenter().faults().clear();
        lab.assertDone(job);
    }

    private static void awaitCopying(MigrateLab lab, String job, CopyProcess copy) {
        Waiting.until(
                "it copies",
                MigrateLab.LIMIT,
                () -> lab.ask("status", job, "--json").out().contains("\"copying\"") || !copy.isAlive());
        assertTrue(copy.isAlive(), copy::err);
    }

    @Test
    void anotherCertificateInMidRunLeavesTheSnapshotToARunThatTrustsIt() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 6 * MIB)) {
            lab.guestWrites(random, 40);
            try (CopyProcess copy = lab.start("job", "--rate", "500K")) {
                awaitCopying(lab, "job", copy);
                lab.vcenter().changeCertificate();
                lab.vcenter().cutConnections();
                assertEquals(0, lab.ask("rate", "job", "0").code());
                Run run = copy.end(MigrateLab.LIMIT);
                assertFails(11, lab.vcenter().sha256().toString(), run);
                assertTrue(run.err().contains("everything is copied and durable"), run::toString);
            }
            assertEquals(1, lab.ours().size());
            lab.backUpWell("job");
            lab.assertDone("job");
        }
    }

    @Test
    void aServerOfADiskThatIsKilledIsStartedAgain() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 8 * MIB)) {
            lab.guestWrites(random, 60);
            try (CopyProcess copy = lab.start("job", "--rate", "1M", "--json")) {
                awaitCopying(lab, "job", copy);
                Set<Long> killed = new HashSet<>();
                for (int i = 0; i < 2; i++) {
                    Waiting.until("another nbdkit runs", MigrateLab.LIMIT, () -> !killed.containsAll(nbdkits(copy)));
                    nbdkits(copy).stream()
                            .filter(killed::add)
                            .forEach(pid -> Tool.outcome(List.of("kill", "-KILL", "" + pid)));
                    int times = i + 2;
                    Waiting.until(
                            "it is told",
                            MigrateLab.LIMIT,
                            () -> copy.err().split("It is started again", -1).length >= times || !copy.isAlive());
                }
                lab.ask("rate", "job", "0");
                Run run = copy.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
            }
            lab.assertDone("job");
        }
    }

    /** Those that serve a disk; others only tell which filters there are. */
    private static List<Long> nbdkits(CopyProcess copy) {
        return ProcessHandle.of(copy.pid()).stream()
                .flatMap(ProcessHandle::descendants)
                .filter(process -> process.info().command().orElse("").endsWith("nbdkit")
                        && process.info().commandLine().orElse("").contains("snapshot="))
                .map(ProcessHandle::pid)
                .toList();
    }

    @Test
    void aLibraryThatHangsIsTheSourcesFault() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 4 * MIB)) {
            lab.guestWrites(random, 20);
            lab.standIn().fault("hang-read");
            try (CopyProcess copy =
                    lab.start("job", "-v", "--timeout", "2s", "--retry-for", "6s", "--stall-after", "3s")) {
                Run run = copy.end(MigrateLab.LIMIT);
                assertTrue(List.of(10, 60).contains(run.code()), run::toString);
                assertTrue(run.err().contains("source"), run::toString);
                assertTrue(run.took().compareTo(Duration.ofSeconds(60)) < 0, run::toString);
                System.out.println("aLibraryThatHangs: given up after " + run.took());
                // What is silent gets two seconds to take its leave and five to die of SIGKILL, not twenty and five.
                assertTrue(run.err().contains("waiting up to 7 s for the end of the disk server"), run::toString);
                // What stood still is told of when it stood still, not of when all was over.
                Run why = lab.ask("why", "job");
                assertTrue(why.out().contains("exit code " + run.code() + ": "), why::toString);
                assertFalse(why.out().contains("no work"), why::toString);
                assertEquals(run.code() == 60, why.out().contains("stalled in source-read for"), why::toString);
            }
            lab.assertNoSnapshotOfOurs();
            lab.standIn().heal("hang-read");
            lab.backUpWell("job");
            lab.assertDone("job");
        }
    }

    @Test
    void aTargetThatComesBackIsGoneOnWith() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 8 * MIB)) {
            lab.guestWrites(random, 60);
            try (CopyProcess copy = lab.start("job", "--rate", "1M", "--json")) {
                awaitCopying(lab, "job", copy);
                Tool.run(
                        "kill",
                        "-KILL",
                        Long.toString(lab.target(2000).server().process().pid()));
                lab.target(2000).stop();
                lab.target(2000).start();
                lab.ask("rate", "job", "0");
                Run run = copy.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
            }
            lab.assertDone("job");
        }
    }

    /** What one disk has reached is not lost with the other. */
    @Test
    void aFullTargetOfOneDiskTakesNothingFromTheOther() throws Exception {
        try (MigrateLab lab = new MigrateLab(folder, 4 * MIB, 4 * MIB)) {
            lab.guestWrites(random, 10);
            Path socket = folder.resolve("full.sock");
            List<String> words = new ArrayList<>(
                    List.of("--nbd-target", "2000=" + lab.target(2000).uri(), "--nbd-target"));
            try (Nbdkit full = Nbdkit.plugin("memory", Long.toString(4 * MIB))
                    .filter("error")
                    .parameter("error-pwrite=ENOSPC")
                    .parameter("error-pwrite-rate=100%")
                    .unixSocket(socket)
                    .start()) {
                words.add("2001=" + full.uri());
                try (CopyProcess copy = lab.startWith("job", List.of(lab.trust(), lab.password(), words))) {
                    Run run = copy.end(MigrateLab.LIMIT);
                    assertFails(40, "disk 2001 failed", run);
                    assertTrue(run.err().contains("done and durable: disk [2000]"), run::toString);
                }
            }
            lab.assertNoSnapshotOfOurs();
            lab.target(2000).assertHolds(lab.vcenter().truth(lab.lastSnapshot(), 2000));
            String first = lab.lastSnapshot();
            lab.guestWrites(random, 2);
            try (Nbdkit roomy = Nbdkit.plugin("memory", Long.toString(4 * MIB))
                            .unixSocket(socket)
                            .start();
                    CopyProcess copy =
                            lab.startWith("job", List.of(lab.trust(), lab.password(), words), "--json", "--verify")) {
                Run run = copy.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
                assertTrue(run.out().contains("\"mode\":\"incremental\""), run.out());
                assertTrue(run.out().contains("\"mode\":\"full\""), run.out());
                assertFalse(run.out().contains("\"verified\":false"), run.out());
                Tool.run(
                        "qemu-img",
                        "compare",
                        "-f",
                        "raw",
                        "-F",
                        "raw",
                        roomy.uri(),
                        lab.vcenter().truth(lab.snapshotOf("job"), 2001).toString());
            }
            assertNotEquals(first, lab.lastSnapshot());
            lab.target(2000).assertHolds(lab.vcenter().truth(lab.snapshotOf("job"), 2000));
            lab.assertNoSnapshotOfOurs();
        }
    }
}
