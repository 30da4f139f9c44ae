package io.migratekit.agent.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.job.JobEvent;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JournalLine;
import io.migratekit.nbd.fixture.ChainTarget;
import io.migratekit.vmware.sim.SimDisk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is it noticed when change tracking lies, or when the target is not the one that was written? */
class AuditTest {
    private static final int CELLS = 24;
    private static final int DISK = 2000;

    @TempDir
    private Path folder;

    private MigrationLab lab;
    private Random random;

    @BeforeEach
    void start() throws IOException {
        long seed = Long.getLong("migratekit.seed", System.nanoTime());
        System.out.println("AuditTest: seed " + seed + " (repeat with -Dmigratekit.seed=" + seed + ")");
        random = new Random(seed);
        lab = new MigrationLab(folder, CELLS * MigrationLab.MIB + 512);
    }

    @AfterEach
    void stop() {
        lab.close();
    }

    /** One small write into each cell. */
    private void writeIntoEveryCell() throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(disk().file().toFile(), "rw")) {
            for (int cell = 0; cell < CELLS; cell++) {
                byte[] bytes = new byte[4096];
                random.nextBytes(bytes);
                file.seek(cell * MigrationLab.MIB + 4096L * random.nextInt(256));
                file.write(bytes);
            }
        }
    }

    private SimDisk disk() {
        return lab.vm().disk(DISK);
    }

    private ChainTarget target() {
        return java.util.Objects.requireNonNull(lab.targets().get(DISK));
    }

    private MigrationReport.Disk backUp(String job, AuditLimits audit) throws IOException {
        MigrationReport report = lab.backUp(lab.spec(job).withAudit(audit));
        return report.disks().getFirst();
    }

    private static AuditLimits every(int backups) {
        return AuditLimits.DEFAULT.withEvery(backups);
    }

    @Test
    void halfOfTheChangesWereMissed() throws IOException {
        writeIntoEveryCell();
        backUp("first", every(1));
        disk().dropChanges(0.5);
        // Each cell is one chance of two: that all were told is one chance of sixteen million.
        writeIntoEveryCell();
        target().newLayer();
        MigrationReport.Disk caught = backUp("second", every(1));
        assertTrue(caught.whole());
        assertTrue(caught.reason().contains("has missed changes since"), caught.reason());
        assertTrue(caught.audit().contains(" differ, the first at offset "), caught.audit());
        lab.assertTargetsHoldTheLastMoment();
        String journal = lab.store().journal(new JobId("second"), 100).stream()
                .filter(line -> line.event().equals(JobEvent.WARNING.word()))
                .map(JournalLine::toString)
                .reduce("", String::concat);
        assertTrue(journal.contains("CHANGE TRACKING CANNOT BE TRUSTED"), journal);
        assertTrue(
                lab.told.warnings.stream().anyMatch(line -> line.contains("off and on again")),
                lab.told.warnings.toString());
    }

    @Test
    void withoutAnAuditNobodyWouldHaveNoticed() throws IOException {
        writeIntoEveryCell();
        backUp("first", every(0));
        disk().dropChanges(0.5);
        writeIntoEveryCell();
        target().newLayer();
        assertFalse(backUp("second", every(0)).whole());
        assertThrows(AssertionError.class, lab::assertTargetsHoldTheLastMoment);
    }

    @Test
    void rule3TrackingThatBeganOverASnapshotIsFoundOut() throws IOException {
        lab.vm().changeTracking(false);
        lab.vm().removeSnapshot(lab.vm().addSnapshot("a stun", ""));
        var foreign = lab.vm().addSnapshot("somebody's", "");
        lab.vm().changeTracking(true);
        writeIntoEveryCell();
        backUp("first", every(1));
        writeIntoEveryCell();
        target().newLayer();
        assertTrue(backUp("second", every(1)).reason().contains("has missed changes"));
        lab.assertTargetsHoldTheLastMoment();
        assertEquals(List.of(foreign), lab.vm().snapshots());
    }

    @Test
    void whatIsHonestPassesAndIsLookedAtEverySoOften() throws IOException {
        writeIntoEveryCell();
        backUp("first", every(3));
        for (int i = 1; i <= 6; i++) {
            lab.guestWrites(random, 1);
            target().newLayer();
            MigrationReport.Disk next = backUp("next-" + i, every(3));
            assertFalse(next.whole(), next.reason());
            assertEquals(i % 3 == 0, next.audit().contains("nothing was missed"), i + ": " + next.audit());
        }
        assertTrue(lab.told.warnings.isEmpty(), lab.told.warnings.toString());
        lab.assertTargetsHoldTheLastMoment();
    }

    @Test
    void whereTheHashesAreLostTheTargetIsNotBelieved() throws IOException {
        writeIntoEveryCell();
        backUp("first", every(2));
        try (Stream<Path> files = Files.walk(folder.resolve("state"))) {
            for (Path file : files.filter(path -> path.endsWith("hashes")).toList()) {
                Files.writeString(file, "damaged");
            }
        }
        target().startOver(disk().capacityBytes());
        lab.guestWrites(random, 1);
        MigrationReport.Disk second = backUp("second", every(2));
        assertTrue(second.whole());
        assertTrue(second.reason().contains("cannot be told"), second.reason());
        lab.assertTargetsHoldTheLastMoment();
        lab.guestWrites(random, 1);
        target().newLayer();
        assertFalse(backUp("third", every(2)).whole());
        lab.assertTargetsHoldTheLastMoment();
    }

    /** The newest hash file then says nothing, and the one before has to do. */
    @Test
    void aTargetThatWasRolledBackIsNoticedAlsoWhenNothingWasCopiedLast() throws IOException {
        writeIntoEveryCell();
        backUp("first", every(0));
        writeIntoEveryCell(); // A write of the lab may be one of zeroes where zeroes are.
        target().newLayer();
        backUp("second", every(0));
        backUp("nothing-changed", every(0));
        target().rollBack();
        lab.guestWrites(random, 1);
        assertTrue(backUp("third", every(0)).whole());
        lab.assertTargetsHoldTheLastMoment();
    }

    @Test
    void anIncrementWithoutHashesMakesNoFalseAlarm() throws IOException {
        writeIntoEveryCell();
        backUp("first", every(1));
        writeIntoEveryCell();
        target().newLayer();
        lab.backUp(lab.spec("second").withHash(false));
        lab.guestWrites(random, 1);
        target().newLayer();
        MigrationReport.Disk third = backUp("third", every(1));
        assertFalse(third.whole(), third.reason());
        assertTrue(third.audit().contains("without hashes"), third.audit());
        lab.assertTargetsHoldTheLastMoment();
    }

    @Test
    void aTargetThatWasReplacedIsNoticed() throws IOException {
        writeIntoEveryCell();
        backUp("first", every(0));
        target().startOver(disk().capacityBytes());
        lab.guestWrites(random, 1);
        MigrationReport.Disk second = backUp("second", every(0));
        assertTrue(second.whole());
        assertTrue(second.reason().contains("was replaced, rolled back or written to"), second.reason());
        lab.assertTargetsHoldTheLastMoment();
    }

    @Test
    void aTargetThatWasRolledBackIsNoticed() throws IOException {
        writeIntoEveryCell();
        backUp("first", every(0));
        writeIntoEveryCell();
        target().newLayer();
        backUp("second", every(0));
        target().rollBack();
        lab.guestWrites(random, 1);
        MigrationReport.Disk third = backUp("third", every(0));
        assertTrue(third.whole());
        lab.assertTargetsHoldTheLastMoment();
    }
}
