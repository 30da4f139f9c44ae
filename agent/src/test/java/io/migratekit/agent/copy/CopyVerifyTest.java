package io.migratekit.agent.copy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.server.Nbdkit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is it noticed when the target does not hold what was written to it? */
class CopyVerifyTest {
    private static final int DISK_BYTES = 6 << 20;
    private static final int BAD_OFFSET = (3 << 20) + 700_001;

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

    /** Says that all is well, and puts a zero byte into the midst of one write. */
    private String corrupting() {
        return corruptingWhile("true");
    }

    private String corruptingWhile(String condition) {
        Path file = lab.noiseFile(DISK_BYTES, 2);
        return lab.serve(Scripted.serving(
                file,
                "pwrite=" + Scripted.WRITE + "; [ $4 -le " + BAD_OFFSET + " ] && [ $(($4 + $3)) -gt " + BAD_OFFSET
                        + " ] && " + condition + " && printf '\\000' | dd of=$FILE bs=1 seek=" + BAD_OFFSET
                        + " conv=notrunc status=none; exit 0"));
    }

    private void assertMismatch(UnaryOperator<Ranges> ranges) {
        CopySpec spec = CopyLab.verifying(CopyLab.spec(source, corrupting()));
        CopyException.Mismatch found = assertThrows(CopyException.Mismatch.class, () -> lab.copy(spec, ranges));
        assertTrue(
                found.offset() <= BAD_OFFSET && BAD_OFFSET < found.offset() + (1 << 20),
                "found at " + found.offset() + ", is at " + BAD_OFFSET);
        assertEquals(
                spec.target() + ": what reads back from offset " + found.offset()
                        + " on (within 1048576 bytes) is not what was read from " + spec.source()
                        + ". Either the target lost a write, or somebody else writes to it. The next run of this job copies"
                        + " everything again.",
                found.getMessage());
    }

    @Test
    void aCopyThatIsProvedWrongIsMadeAnewByTheNextRun() throws IOException {
        Path sick = Files.createFile(folder.resolve("sick"));
        CopySpec spec = CopyLab.spec(source, corruptingWhile("[ -e " + sick + " ]"));
        assertThrows(CopyException.Mismatch.class, () -> lab.copyJob("wrong", CopyLab.verifying(spec)));
        Files.delete(sick);
        CopyReport report = lab.copyJob("wrong", spec); // It does not have to be asked to verify to be made right.
        assertEquals(0, report.counts().durableBefore());
        assertArrayEquals(lab.content(source), lab.content(spec.target().toString()));
    }

    @Test
    void aJobThatWasFinishedWithoutVerifyingIsNotCalledVerified() {
        CopySpec spec = CopyLab.spec(source, lab.serve(Nbdkit.plugin("memory", "size=" + DISK_BYTES)));
        lab.copyJob("plain", spec);
        CopyException.Refused refused =
                assertThrows(CopyException.Refused.class, () -> lab.copyJob("plain", CopyLab.verifying(spec)));
        assertTrue(String.valueOf(refused.getMessage()).contains("was finished without --verify"), refused.toString());
    }

    @Test
    void oneWrongByteInAWholeDisk() {
        assertMismatch(all -> all);
    }

    @Test
    void oneWrongByteInARange() {
        assertMismatch(_ -> Ranges.of(List.of(
                new ByteRange(1000, 5000), new ByteRange(BAD_OFFSET - 10, 20), new ByteRange(5 << 20, 100_000))));
    }

    @Test
    void whatLiesOutsideTheRangesIsNotLookedAt() {
        CopySpec spec = CopyLab.verifying(CopyLab.spec(source, corrupting()));
        CopyReport report = lab.copy(spec, _ -> Ranges.of(List.of(new ByteRange(1000, 5000))));
        assertEquals(5000, report.counts().verified());
    }
}
