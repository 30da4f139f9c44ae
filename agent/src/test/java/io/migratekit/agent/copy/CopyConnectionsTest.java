package io.migratekit.agent.copy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What if a server gives fewer connections than it promises, or none any more? */
class CopyConnectionsTest {
    private static final int DISK_BYTES = 24 << 20;

    @TempDir
    private Path folder;

    private CopyLab lab;
    private Path disk;

    @BeforeEach
    void makeDisk() {
        lab = new CopyLab(folder);
        disk = lab.noiseFile(DISK_BYTES, 1);
    }

    @AfterEach
    void stop() {
        lab.close();
    }

    private String narrowTarget(int clients) throws IOException {
        Path image = new NbdImages(folder, 1).qcow2("target.qcow2", DISK_BYTES);
        return lab.serve(QemuNbd.of(image, QemuNbd.Format.QCOW2, clients));
    }

    @Test
    void aWorkerThatGetsOnlySomeOfItsConnectionsWorksWithThose() throws IOException {
        String from = lab.serve(
                Nbdkit.plugin("file", "file=" + disk).filter("multi-conn").parameter("multi-conn-mode=disable"));
        String to = narrowTarget(2);
        CopyReport report = lab.copy(CopyLab.spec(from, to));
        assertArrayEquals(CopyLab.noise(DISK_BYTES, 1), lab.content(to));
        assertEquals(1, report.warnings().size(), report.warnings().toString());
        assertTrue(
                report.warnings()
                        .getFirst()
                        .startsWith("worker-1 works with 1 connection to the source and 2 to the target, no more are"
                                + " to be had: target: " + to),
                report.warnings().toString());
    }

    @Test
    void workersThatGetNoConnectionAreNotNeededNeitherForCopyNorForVerify() throws IOException {
        String from = lab.serve(Nbdkit.plugin("file", "file=" + disk));
        String to = narrowTarget(2);
        long begun = System.nanoTime();
        CopyReport report = lab.copy(CopyLab.verifying(CopyLab.spec(from, to)));
        assertTrue(System.nanoTime() - begun < Duration.ofSeconds(10).toNanos(), "nobody waits for a full greeting");
        assertArrayEquals(CopyLab.noise(DISK_BYTES, 1), lab.content(to));
        assertTrue(
                report.warnings().stream().allMatch(warning -> warning.contains("got no connection of its own")),
                report.warnings().toString());
    }

    /** A server that is asked to end waits for its clients, and the only slot of another one stays taken. */
    @Test
    void aCopyOfNothingLeavesNoConnectionBehind() throws IOException {
        String from = lab.serve(Nbdkit.plugin("file", "file=" + disk));
        String to = narrowTarget(1);
        lab.copy(CopyLab.spec(from, to), _ -> Ranges.of(List.of()));
        long begun = System.nanoTime();
        assertEquals(DISK_BYTES, lab.content(to).length);
        assertTrue(System.nanoTime() - begun < Duration.ofSeconds(5).toNanos(), "the slot was not free at once");
    }

    /** All workers notice at the same moment; one of them has to say why the copy ended. */
    @Test
    void aServerThatGoesAwayForGoodIsWhyTheCopyEnds() {
        for (int i = 0; i < 5; i++) {
            String from = lab.serve(
                    Nbdkit.plugin("file", "file=" + disk).filter("delay").parameter("rdelay=20ms"));
            String to = lab.serve(Nbdkit.plugin("memory", "size=" + DISK_BYTES));
            assertEndsWhen(from, to);
            lab.stopLast();
            lab.stopLast();
        }
    }

    private void assertEndsWhen(String from, String to) {
        CopyLimits patience = new CopyLimits(
                5,
                1,
                64 << 10,
                1 << 20,
                1 << 20,
                Duration.ofSeconds(1),
                Duration.ZERO,
                Duration.ofMillis(300),
                1 << 20);
        Thread end = Thread.ofPlatform().start(() -> {
            sleep();
            lab.stopLast();
            lab.serve(Nbdkit.plugin("null")); // So that there is one to be stopped.
        });
        CopyException.EndFailed failed =
                assertThrows(CopyException.EndFailed.class, () -> lab.copy(CopyLab.spec(from, to, patience)));
        assertTrue(String.valueOf(failed.getMessage()).startsWith("target: " + to), failed.getMessage());
        assertEquals(List.of(), List.of(failed.getSuppressed()));
        assertTrue(join(end));
    }

    private static void sleep() {
        try {
            Thread.sleep(300);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static boolean join(Thread thread) {
        try {
            return thread.join(Duration.ofSeconds(10));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
