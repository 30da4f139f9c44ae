package io.migratekit.agent.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.job.ChildJvm;
import io.migratekit.vmware.sim.Extents;
import io.migratekit.vmware.sim.SimVm;
import io.migratekit.vmware.sim.SimulatedVCenter;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Is an incremental backup of a huge disk with very many changes planned in little memory? A million with -Dmigratekit.huge=true. */
class ManyExtentsTest {
    private static final boolean HUGE = Boolean.getBoolean("migratekit.huge");
    private static final int EXTENTS = HUGE ? 1_000_000 : 200_000;
    private static final String HEAP = HUGE ? "128m" : "40m";
    private static final long DISK_BYTES = 10L << 40;
    private static final int EXTENT_BYTES = 64 << 10;

    @Test
    @Timeout(900)
    void rule11VeryManyChangesArePlannedInASmallHeap(@TempDir Path folder) throws IOException {
        try (SimulatedVCenter vcenter = SimulatedVCenter.start(Files.createDirectories(folder.resolve("vcenter")))) {
            SimVm vm = vcenter.addVm("web01").changeTracking(true);
            long stride = DISK_BYTES / EXTENTS / EXTENT_BYTES * EXTENT_BYTES;
            vm.addDisk(DISK_BYTES).answer(Extents.comb(EXTENTS, EXTENT_BYTES, stride));
            writeLogin(folder.resolve("login"), vcenter);
            try (ChildJvm child = ChildJvm.start(ManyExtents.class, HEAP, folder.toString())) {
                assertEquals(
                        0,
                        child.awaitEnd(Duration.ofSeconds(800)),
                        () -> child.lines().toString());
                System.out.println("ManyExtentsTest: " + EXTENTS + " extents, heap " + HEAP + ": " + child.lines());
                assertTrue(child.awaitLine("whole ").startsWith("whole false"));
                assertEquals("ranges " + EXTENTS, child.awaitLine("ranges "));
                assertEquals("planned " + (long) EXTENTS * EXTENT_BYTES, child.awaitLine("planned "));
            }
        }
    }

    private static void writeLogin(Path file, SimulatedVCenter vcenter) throws IOException {
        Properties login = new Properties();
        login.setProperty("port", String.valueOf(vcenter.endpoint().port()));
        login.setProperty("user", vcenter.settings().username());
        login.setProperty("password", vcenter.settings().password());
        login.setProperty("pin", vcenter.sha256().toString());
        Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try (Writer out = Files.newBufferedWriter(file)) {
            login.store(out, null);
        }
    }
}
