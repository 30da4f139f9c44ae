package io.migratekit.agent.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.job.JobException;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.sim.SimSnapshot;
import io.migratekit.vmware.sim.Trouble;
import io.migratekit.vmware.sim.VmLab;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What if a backup is overtaken by events: its VM is moved, its time is over, its snapshot comes late, its papers are lost? */
@Timeout(120)
class MidRunTest {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final Duration HOUR = Duration.ofHours(1);
    private static final String CREATE = "CreateSnapshot_Task";
    private static final String REMOVE = "RemoveSnapshot_Task";

    private final long seed = Long.getLong("migratekit.seed", System.nanoTime());
    private MigrationLab lab;

    @BeforeEach
    void start(@TempDir Path folder) throws IOException {
        System.out.println("MidRunTest: seed " + seed + " (repeat with -Dmigratekit.seed=" + seed + ")");
        lab = new MigrationLab(folder, 6 * VmLab.MIB);
        lab.guestWrites(new Random(seed), 60);
    }

    @AfterEach
    void stop() {
        lab.close();
    }

    // ---- rule 19: nobody keeps others from moving the VM

    @Test
    void rule19ADiskThatWasMovedIsFoundAgainWhenItsServerHasDied() throws IOException {
        try (MigrationLab.Background backup = lab.inBackground(slow("job"))) {
            backup.awaitCopied(1);
            lab.vm().moveTo("ds2");
            ProcessHandle.current()
                    .descendants()
                    .filter(process -> process.info().commandLine().orElse("").contains("snapshot="))
                    .forEach(process -> Tool.outcome(List.of("kill", "-KILL", "" + process.pid())));
            backup.end();
        }
        assertTrue(lab.told.all().contains("It is started again"), lab.told::all);
        lab.assertTargetsHoldTheLastMoment();
        assertEquals(List.of(), lab.vm().snapshots());
    }

    @Test
    void rule19ADiskThatWasMovedIsFoundAgainWhenReadingFails() throws IOException {
        try (MigrationLab.Background backup = lab.inBackground(slow("job"))) {
            backup.awaitCopied(1);
            lab.standIn().fault("fail-read", "VixDiskLib_Read: A file was not found");
            lab.vm().moveTo("ds2");
            Waiting.until("it is told", LIMIT, () -> lab.told.all().contains("was moved while it was read"));
            lab.standIn().heal("fail-read");
            backup.end();
        }
        assertTrue(lab.told.all().contains("to [ds2] web01/web01.vmdk"), lab.told::all);
        lab.assertTargetsHoldTheLastMoment();
        assertEquals(List.of(), lab.vm().snapshots());
    }

    private MigrationSpec slow(String job) throws IOException {
        return MigrationLab.slowly(lab.spec(job), 1_000_000, HOUR);
    }

    // ---- the deadline is one for the talk with vCenter, too

    @Test
    void theDeadlineBoundsTheTalkWithVCenterAndTheSnapshotStillGoes() throws IOException {
        lab.vcenter().faults().always("QueryChangedDiskAreas", new Trouble.NoAnswer());
        lab.vcenter().faults().always(REMOVE, new Trouble.TaskRuns(Duration.ofSeconds(3)));
        MigrationSpec spec = lab.spec("job");
        long begun = System.nanoTime();
        MigrationSpec hurried = spec.withConnect(spec.connect().withDeadline(Deadline.in(Duration.ofMillis(2500))));
        String said = assertThrows(MigrationException.DeadlinePassed.class, () -> lab.backUp(hurried))
                .getMessage();
        assertTrue(said.contains("within the deadline of 2.5 s"), said);
        assertTrue(System.nanoTime() - begun < 12e9, said);
        assertEquals(List.of(), lab.vm().snapshots(), lab.told::all);
        lab.vcenter().faults().clear();
        lab.backUp("job");
        lab.assertTargetsHoldTheLastMoment();
    }

    @Test
    void aLoginThatIsNotAnsweredIsOverAtTheDeadline() throws IOException {
        lab.vcenter().faults().always("Login", new Trouble.NoAnswer());
        MigrationSpec spec = lab.spec("job");
        long begun = System.nanoTime();
        MigrationSpec hurried = spec.withConnect(spec.connect().withDeadline(Deadline.in(Duration.ofSeconds(1))));
        assertThrows(MigrationException.DeadlinePassed.class, () -> lab.backUp(hurried));
        assertThrows(
                MigrationException.DeadlinePassed.class,
                () -> MigrationPreview.of(
                        spec.withConnect(spec.connect().withDeadline(Deadline.in(Duration.ofSeconds(1)))), lab.told));
        assertTrue(System.nanoTime() - begun < 8e9, "it takes its time");
    }

    // ---- a snapshot that comes when nobody waits for it any more

    @Test
    void aSnapshotThatTakesLongerThanWeWaitIsRemovedWhenItIsThere() throws IOException {
        lab.vcenter().faults().once(CREATE, new Trouble.TaskRuns(Duration.ofSeconds(13)));
        MigrationSpec spec = lab.spec("job");
        String said = assertThrows(VSphereException.NoAnswer.class, () -> lab.backUp(spec))
                .getMessage();
        assertTrue(said.contains("did not end within 10.0 s"), said);
        assertEquals(List.of(), lab.vm().snapshots());
        assertTrue(lab.told.all().contains("was still being taken when we stopped waiting for it"), lab.told::all);
    }

    // ---- a run that is refused says what stands

    private String killedRun(String job) throws IOException {
        lab.vcenter().faults().always(REMOVE, Trouble.fault("NoPermission"));
        MigrationSpec spec = lab.spec(job);
        lab.standIn().fault("die-on-read");
        assertThrows(RuntimeException.class, () -> lab.backUp(spec));
        lab.standIn().heal("die-on-read");
        lab.vcenter().faults().clear();
        lab.told.warnings.clear();
        return lab.vm().snapshots().getFirst().moref();
    }

    private void assertStands(String snapshot) {
        String said = String.join("\n", lab.told.warnings);
        assertTrue(said.contains(snapshot) && said.contains("stands and grows with every write"), said);
        assertTrue(said.contains("any other backup of the VM"), said);
        assertTrue(said.contains("migratekit vmware snapshots --ours --remove-expired"), said);
        assertEquals(1, lab.told.warnings.size(), said);
    }

    @Test
    void aResumeThatIsRefusedSaysThatItsSnapshotStands() throws IOException {
        String snapshot = killedRun("job");
        lab.vm().disk(2000).mode("independent_persistent");
        assertThrows(MigrationException.DiskRefused.class, () -> lab.backUp("job"));
        assertStands(snapshot);
        lab.vm().disk(2000).mode("persistent");
        lab.told.warnings.clear();
        MigrationSpec other = lab.spec("job").withHash(false);
        assertThrows(JobException.Mismatch.class, () -> lab.backUp(other));
        assertStands(snapshot);
        lab.told.warnings.clear();
        lab.backUp("job");
        assertEquals(List.of(), lab.told.warnings);
        lab.assertTargetsHoldTheLastMoment();
        assertEquals(List.of(), lab.vm().snapshots());
    }

    @Test
    void aDamagedDocumentIsNoReasonToForgetTheSnapshot() throws IOException {
        String snapshot = killedRun("job");
        Files.writeString(lab.store().folderOf(lab.spec("job").id()).path().resolve("migration.json"), "{\"version\":");
        String said = assertThrows(JobException.Damaged.class, () -> lab.backUp("job"))
                .getMessage();
        assertTrue(said.contains("migration.json cannot be used"), said);
        assertStands(snapshot);
        lab.backUp("other");
        lab.assertTargetsHoldTheLastMoment();
        assertEquals(
                List.of(), lab.vm().snapshots().stream().map(SimSnapshot::name).toList());
    }

    // ---- what is of no use is said once

    @Test
    void aMilestoneThatIsOfNoUseIsComplainedOfOnce() throws IOException {
        MigrationReport first = lab.backUp("first");
        Path ofVm = lab.store().folderOfVm(first.vmUuid()).path();
        try (var files = Files.newDirectoryStream(ofVm, "disk-*.json")) {
            for (Path file : files) {
                Files.writeString(file, "nonsense");
            }
        }
        try (Said said = new Said(Milestones.class)) {
            assertTrue(lab.backUp("second").disks().getFirst().whole());
            assertEquals(1, said.count("cannot be used, so the next backup is a full one"), said.toString());
        }
        lab.assertTargetsHoldTheLastMoment();
        assertFalse(lab.backUp("third").disks().getFirst().whole());
    }
}
