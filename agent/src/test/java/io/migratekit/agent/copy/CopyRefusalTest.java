package io.migratekit.agent.copy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.server.Nbdkit;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is what cannot work refused before anything is written, and before a job is remembered? */
class CopyRefusalTest {
    private static final int DISK_BYTES = 3 << 20;

    @TempDir
    private Path folder;

    private CopyLab lab;
    private String source;
    private Path log;

    @BeforeEach
    void serve() {
        lab = new CopyLab(folder);
        source = lab.serve(Nbdkit.plugin("file", "file=" + lab.noiseFile(DISK_BYTES, 1)));
        log = lab.newFile(".log");
    }

    @AfterEach
    void stop() {
        lab.close();
    }

    private Nbdkit.Builder target(int sizeBytes) {
        return Nbdkit.plugin("memory", "size=" + sizeBytes).filter("log").parameter("logfile=" + log);
    }

    private void assertRefused(CopySpec spec, String why) {
        String said = assertThrows(CopyException.Refused.class, () -> lab.copyJob("job", spec))
                .getMessage();
        String wanted = spec.target() + ": " + why + "; nothing was written";
        assertTrue((said + " (").startsWith(wanted + " ("), said);
        assertEquals(List.of(), WriteLog.of(log, 0).written());
        assertEquals(List.of(), lab.store().list(), "no job is remembered");
    }

    @Test
    void aTargetThatIsTooSmall() {
        String target = lab.serve(target(DISK_BYTES - 1));
        assertRefused(
                CopyLab.spec(source, target), "the target has 3145727 bytes, too few for ranges that end at 3145728");
    }

    @Test
    void aTargetThatIsReadOnly() {
        assertRefused(CopyLab.spec(source, lab.serve(target(DISK_BYTES).readOnly())), "the target is read-only");
    }

    @Test
    void rangesThatAreNotMadeOfTheTargetsBlocks() {
        String target = lab.serve(target(DISK_BYTES + 4096)
                .filter("blocksize-policy")
                .parameter("blocksize-minimum=4096")
                .parameter("blocksize-preferred=4096")
                .parameter("blocksize-maximum=1M")
                .parameter("blocksize-error-policy=error"));
        String odd = lab.serve(Nbdkit.plugin("memory", "size=" + (DISK_BYTES + 1)));
        assertRefused(
                CopyLab.spec(odd, target),
                "the target takes only whole blocks of 4096 bytes, and the range at 0 with 3145729 bytes is not made"
                        + " of them");
    }

    @Test
    void aTargetThatIsNotZeroAsWasPromised() {
        String target =
                lab.serve(Nbdkit.plugin("file", "file=" + old()).filter("log").parameter("logfile=" + log));
        assertRefused(
                CopyLab.destinationIsZero(CopyLab.spec(source, target)),
                "the target does not read as zero at byte 0, so --destination-is-zero does not hold");
        assertArrayEquals(CopyLab.noise(DISK_BYTES, 2), lab.content(target));
    }

    private Path old() {
        return lab.noiseFile(DISK_BYTES, 2);
    }

    @Test
    void aTargetThatCannotProveToBeZero() {
        assertRefused(
                CopyLab.destinationIsZero(
                        CopyLab.spec(source, lab.serve(target(DISK_BYTES).option("--no-sr")))),
                "the target does not list its extents, so --destination-is-zero cannot be proved");
    }

    @Test
    void aTargetThatFailsToProveToBeZero() {
        String target = lab.serve(target(DISK_BYTES)
                .filter("error")
                .parameter("error-extents=EIO")
                .parameter("error-extents-rate=100%"));
        assertRefused(
                CopyLab.destinationIsZero(CopyLab.spec(source, target)),
                "the target does not list its extents, so --destination-is-zero cannot be proved");
    }

    @Test
    void whatIsZeroAsPromisedIsNotAskedAgain() {
        String target = lab.serve(target(DISK_BYTES));
        CopyReport report = lab.copyJob("job", CopyLab.destinationIsZero(CopyLab.spec(source, target)));
        assertEquals(DISK_BYTES, report.counts().copied());
        assertArrayEquals(CopyLab.noise(DISK_BYTES, 1), lab.content(target));
        assertEquals(Optional.empty(), report.warnings().stream().findAny());
    }
}
