package io.migratekit.agent.copy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.job.ChildJvm;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Does a copy of a huge disk with very many extents need no more memory than one of a small disk? With
 * {@code -Dmigratekit.huge=true} the disk is the largest one that VMware knows.
 */
class HugeDiskTest {
    /** The largest one takes a minute, nearly all of it in a million questions for extents. */
    private static final boolean HUGE = Boolean.getBoolean("migratekit.huge");

    private static final long DISK_BYTES = HUGE ? 64L << 40 : 4L << 40;
    private static final long EXTENTS = HUGE ? 5_000_000 : 300_000;
    private static final String HEAP = HUGE ? "128m" : "32m";
    private static final int DATA_BYTES = 64 << 10;
    private static final int DATA_EXTENTS = 1000;

    @Test
    @Timeout(1200)
    void manyTebibytesAndExtentsAreCopiedInASmallHeap(@TempDir Path folder) throws IOException {
        Path extents = folder.resolve("extents");
        writeExtents(extents);
        Path image = folder.resolve("target.qcow2");
        Tool.run("qemu-img", "create", "-q", "-f", "qcow2", image.toString(), Long.toString(DISK_BYTES));
        try (Nbdkit source = Nbdkit.plugin("pattern", "size=" + DISK_BYTES)
                        .filter("extentlist")
                        .parameter("extentlist=" + extents)
                        .readyWithin(Duration.ofSeconds(30))
                        .start();
                QemuNbd target = QemuNbd.of(image, QemuNbd.Format.QCOW2, 8).start();
                ChildJvm child = ChildJvm.start(HugeDisk.class, HEAP, folder.toString(), source.uri(), target.uri())) {
            assertEquals(
                    0,
                    child.awaitEnd(Duration.ofSeconds(1000)),
                    () -> child.lines().toString());
            System.out.println("HugeDiskTest: " + child.awaitLine("seconds "));
            assertTrue(child.has("warnings []"), () -> child.lines().toString());
            String counts = child.awaitLine("counts ");
            assertTrue(counts.contains("planned=" + DISK_BYTES), counts);
            assertTrue(counts.contains(" copied=" + (long) DATA_EXTENTS * DATA_BYTES), counts);
            assertTrue(counts.contains(" zeroed=0, zeroesInData=0,"), counts);
        }
    }

    /** Every other extent is allocated zeroes, the rest holes; a few are data instead. */
    private static void writeExtents(Path file) throws IOException {
        long pairs = EXTENTS / 2;
        long step = DISK_BYTES / pairs / DATA_BYTES * DATA_BYTES;
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            for (long i = 0; i < pairs; i++) {
                boolean data = i % (pairs / DATA_EXTENTS) == 0;
                out.write(i * step + " " + DATA_BYTES + (data ? "\n" : " zero\n"));
                // The filter fills gaps by itself, but needs hours for so many.
                long end = i + 1 == pairs ? DISK_BYTES : (i + 1) * step;
                out.write(i * step + DATA_BYTES + " " + (end - i * step - DATA_BYTES) + " hole,zero\n");
            }
        }
    }
}
