package io.migratekit.agent.copy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.watch.Side;
import io.migratekit.nbd.server.Nbdkit;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a copy when a server answers with errors, or will not say all it could? */
class CopyTroubleTest {
    private static final int DISK_BYTES = 6 << 20;
    private static final long BAD_OFFSET = (4 << 20) + 12345;

    @TempDir
    private Path folder;

    private CopyLab lab;
    /** Every other 64 KiB of it are a hole. */
    private Path disk;

    private byte[] wanted;

    @BeforeEach
    void makeDisk() throws IOException {
        lab = new CopyLab(folder);
        disk = lab.newFile(".raw");
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(DISK_BYTES);
            for (int offset = 0; offset < DISK_BYTES; offset += 128 << 10) {
                file.seek(offset);
                file.write(CopyLab.noise(64 << 10, offset));
            }
        }
        wanted = Files.readAllBytes(disk);
    }

    @AfterEach
    void stop() {
        lab.close();
    }

    private Nbdkit.Builder source() {
        return Nbdkit.plugin("file", "file=" + disk);
    }

    /** All of it is old data. */
    private Nbdkit.Builder target() {
        return Nbdkit.plugin("file", "file=" + lab.noiseFile(DISK_BYTES, 7));
    }

    private CopyReport copyAndCompare(Nbdkit.Builder source, Nbdkit.Builder target) {
        String to = lab.serve(target);
        CopyReport report = lab.copy(CopyLab.verifying(CopyLab.spec(lab.serve(source), to)));
        assertArrayEquals(wanted, lab.content(to));
        return report;
    }

    // ---- extents

    @Test
    void aSourceWithoutExtentsIsReadAsAWholeWithOneWarning() {
        CopyReport report = copyAndCompare(source().option("--no-sr"), target());
        assertEquals(
                List.of("the source does not list its extents, so everything is read (it does not offer"
                        + " base:allocation)"),
                report.warnings());
        assertEquals(DISK_BYTES, report.counts().data());
        assertEquals(DISK_BYTES / 2, report.counts().zeroesInData());
    }

    @Test
    void aTargetWithoutExtentsIsZeroedWithOneWarning() {
        CopyReport report = copyAndCompare(source(), target().option("--no-sr"));
        assertEquals(
                List.of("the target does not list its extents, so zeroes are written where it may read zero already"
                        + " (it does not offer base:allocation)"),
                report.warnings());
    }

    @Test
    void blockStatusThatFailsCostsOneWarning() {
        CopyReport report = copyAndCompare(failing(source(), "extents"), failing(target(), "extents"));
        assertEquals(2, report.warnings().size(), report.warnings().toString());
        for (String side : List.of("source", "target")) {
            assertTrue(
                    report.warnings().stream()
                            .anyMatch(warning -> warning.startsWith("the " + side + " does not list its extents, so ")
                                    && warning.contains("Input/output error")),
                    report.warnings().toString());
        }
    }

    private static Nbdkit.Builder failing(Nbdkit.Builder server, String what) {
        return server.filter("error").parameter("error-" + what + "=EIO").parameter("error-" + what + "-rate=100%");
    }

    @Test
    void answersThatTellOfOneChunkAtATimeArePutTogether() {
        String extents = "extents=e=$(( ($4 / 65536 + 1) * 65536 )); [ $(( $4 / 65536 % 2 )) = 1 ] && t=hole,zero;"
                + " echo $4 $((e - $4)) $t";
        CopyReport report = copyAndCompare(scripted(disk, extents, "can_extents=exit 0"), target());
        assertEquals(List.of(), report.warnings());
        assertEquals(DISK_BYTES / 2, report.counts().zeroed());
    }

    // ---- errors that pass

    @Test
    void aRequestThatFailsOnceIsMadeAgain() throws IOException {
        for (String what : List.of("pread", "pwrite", "zero")) {
            boolean reads = what.equals("pread");
            Path old = lab.noiseFile(DISK_BYTES, 7);
            String from = lab.serve(reads ? failingOnce(disk, what) : source());
            String to = lab.serve(reads ? target() : failingOnce(old, what));
            CopyReport report = lab.copy(CopyLab.spec(from, to));
            assertArrayEquals(wanted, lab.content(to));
            assertEquals(
                    List.of("1 requests failed at first and had to be made again; the servers' logs say why"),
                    report.warnings());
            lab.stopLast();
            lab.stopLast();
        }
    }

    /** Whoever of several requests removes the file is the one to fail. */
    private static Nbdkit.Builder failingOnce(Path file, String what) throws IOException {
        Path trigger = Files.createFile(Path.of(file + ".trigger"));
        String once = "=rm " + trigger + " 2>/dev/null && { echo 'EIO once' >&2; exit 1; }; ";
        String work = switch (what) {
            case "pread" -> Scripted.READ;
            case "pwrite" -> Scripted.WRITE;
            default -> Scripted.ZERO;
        };
        return Scripted.serving(file, "can_zero=exit 0", "zero=" + Scripted.ZERO, what + once + work);
    }

    // ---- errors that stay

    @Test
    void aBlockThatCannotBeReadEndsTheCopy() {
        assertEnd(Side.SOURCE, "read", scripted(disk, failingAt("pread")), target());
    }

    @Test
    void aBlockThatCannotBeWrittenEndsTheCopy() {
        assertEnd(Side.TARGET, "write", source(), scripted(lab.noiseFile(DISK_BYTES, 3), failingAt("pwrite")));
    }

    private void assertEnd(Side side, String request, Nbdkit.Builder source, Nbdkit.Builder target) {
        String from = lab.serve(source);
        String to = lab.serve(target);
        long begun = System.nanoTime();
        CopyException.EndFailed failed =
                assertThrows(CopyException.EndFailed.class, () -> lab.copyJob("job", CopyLab.spec(from, to)));
        long millis = (System.nanoTime() - begun) / 1_000_000;
        assertEquals(side, failed.side());
        String said = String.valueOf(failed.getMessage());
        String uri = side == Side.SOURCE ? from : to;
        assertTrue(said.startsWith(side.id() + ": " + uri), said);
        assertTrue(said.contains(request) && said.contains("(3 attempts)"), said);
        long offset = BAD_OFFSET / (64 << 10) * (64 << 10);
        assertTrue(said.contains(Long.toString(offset)), said);
        assertTrue(millis < 15_000, "took " + millis + " ms");
        assertEquals(List.of(), workers(), "all workers are gone");
    }

    private static List<String> workers() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("worker-"))
                .toList();
    }

    private static String failingAt(String what) {
        return what + "=[ $4 -le " + BAD_OFFSET + " ] && [ $(($4 + $3)) -gt " + BAD_OFFSET
                + " ] && { echo 'EIO bad block' >&2; exit 1; }; "
                + (what.equals("pread") ? Scripted.READ : Scripted.WRITE);
    }

    private Nbdkit.Builder scripted(Path file, String... scripts) {
        return Scripted.serving(file, scripts);
    }
}
