package io.migratekit.agent.copy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.migratekit.agent.job.StateDirectory;
import io.migratekit.agent.watch.Progress;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is what counts as done really done, and does a job that ended early go on to the very same end? */
class CopyDurabilityTest {
    private static final int DISK_BYTES = 12 << 20;

    @TempDir
    private Path folder;

    private CopyLab lab;
    private String source;

    @BeforeEach
    void serve() {
        lab = new CopyLab(folder);
        source = lab.serve(Nbdkit.plugin("file", "file=" + lab.noiseFile(DISK_BYTES, 1)));
    }

    @AfterEach
    void stop() {
        lab.close();
    }

    /**
     * Somebody before us may have zeroed it, on a connection that was lost before the flush: then it
     * reads as zero, and is not durable.
     */
    @Test
    void whatReadsAsZeroAlreadyIsFlushedAsWell() {
        String zeroes = lab.serve(Nbdkit.plugin("memory", "size=" + DISK_BYTES));
        Path log = lab.newFile(".log");
        String target = lab.serve(
                Nbdkit.plugin("memory", "size=" + DISK_BYTES).filter("log").parameter("logfile=" + log));
        CopyReport report = lab.copy(CopyLab.spec(zeroes, target));
        assertEquals(DISK_BYTES, report.counts().skipped());
        assertEquals(List.of(), WriteLog.of(log, 0).written());
        assertTrue(WriteLog.of(log, 0).flushes() > 0, "nothing was flushed");
    }

    @Test
    void aJobThatFoundNoSpaceGoesOnWhenThereIsSome() throws IOException {
        assumeTrue(StateDirectory.isRoot(), "only root can mount a small disk");
        Path small = Files.createDirectory(folder.resolve("small"));
        Tool.Outcome mounted =
                Tool.outcome(List.of("mount", "-t", "tmpfs", "-o", "size=5m", "migratekit-test", small.toString()));
        assumeTrue(mounted.exitStatus() == 0, mounted.errors());
        try {
            Path image = new NbdImages(small, 1).qcow2("target.qcow2", DISK_BYTES);
            String target = lab.serve(QemuNbd.of(image, QemuNbd.Format.QCOW2, 8));
            CopyLimits oftenDurable = new CopyLimits(
                    2,
                    8,
                    64 << 10,
                    1 << 20,
                    1 << 20,
                    CopyLab.LIMITS.checkpointEvery(),
                    CopyLab.LIMITS.retryFor(),
                    CopyLab.LIMITS.extraConnect(),
                    1 << 20);
            CopySpec spec = CopyLab.verifying(CopyLab.destinationIsZero(CopyLab.spec(source, target, oftenDurable)));
            CopyException.NoSpace full = assertThrows(CopyException.NoSpace.class, () -> lab.copyJob("job", spec));
            String said = String.valueOf(full.getMessage());
            assertTrue(said.startsWith(target), said);
            assertTrue(
                    said.endsWith("The target has no space left; make room and run the same job again, it goes on from"
                            + " the last checkpoint."),
                    said);
            Tool.run("mount", "-o", "remount,size=40m", small.toString());
            Progress.Counts counts = goOn(spec, target);
            assertTrue(counts.durableBefore() > 0, counts.toString());
        } finally {
            lab.stopLast();
            Tool.run("umount", small.toString());
            lab.serve(Nbdkit.plugin("null"));
        }
    }

    /** What the first run wrote is there, so the proof that all is zero cannot be repeated, and is not needed. */
    @Test
    void aJobThatBeganOnAnEmptyTargetGoesOnOnOneThatIsNot() throws IOException {
        Path trigger = Files.createFile(lab.newFile(".trigger"));
        String target = lab.serve(Nbdkit.plugin("memory", "size=" + DISK_BYTES)
                .filter("error")
                .parameter("error-pwrite=EPERM")
                .parameter("error-pwrite-rate=10%")
                .parameter("error-pwrite-file=" + trigger));
        CopySpec spec = CopyLab.destinationIsZero(CopyLab.spec(source, target));
        assertThrows(CopyException.EndFailed.class, () -> lab.copyJob("job", spec));
        assertFalse(lab.content(target).length == 0);
        Files.delete(trigger);
        goOn(spec, target);
    }

    private Progress.Counts goOn(CopySpec spec, String target) {
        CopyReport report = lab.copyJob("job", spec);
        assertArrayEquals(CopyLab.noise(DISK_BYTES, 1), lab.content(target));
        Progress.Counts counts = report.counts();
        assertEquals(DISK_BYTES, counts.planned());
        assertEquals(
                counts.planned(),
                counts.durableBefore() + counts.copied() + counts.zeroed() + counts.zeroesInData() + counts.skipped(),
                counts.toString());
        String other = lab.serve(Nbdkit.plugin("memory", "size=" + DISK_BYTES));
        assertEquals(lab.copy(CopyLab.spec(source, other)).hashRoot(), report.hashRoot());
        lab.stopLast();
        return counts;
    }
}
