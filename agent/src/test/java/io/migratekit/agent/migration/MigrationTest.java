package io.migratekit.agent.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.ChainTarget;
import io.migratekit.vmware.sim.Extents;
import io.migratekit.vmware.sim.VmLab;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a backup hold exactly one moment of every disk, and is nothing of ours left at the VM? */
class MigrationTest {
    @TempDir
    private Path folder;

    private static Random random(String test) {
        long seed = Long.getLong("migratekit.seed", System.nanoTime());
        System.out.println(test + ": seed " + seed + " (repeat with -Dmigratekit.seed=" + seed + ")");
        return new Random(seed);
    }

    @Test
    void everythingFirstThenWhatChanged() throws IOException {
        Random random = random("everythingFirstThenWhatChanged");
        try (MigrationLab lab = new MigrationLab(folder, 24 * VmLab.MIB, 9 * VmLab.MIB + 512)) {
            lab.guestWrites(random, 20);
            MigrationReport full = lab.backUp("first");
            lab.assertTargetsHoldTheLastMoment();
            assertTrue(full.disks().stream().allMatch(MigrationReport.Disk::whole), full::json);
            assertTrue(lab.vm().snapshots().isEmpty());
            for (int i = 0; i < 3; i++) {
                lab.targets().values().forEach(ChainTarget::newLayer);
                lab.guestWrites(random, 3);
                MigrationReport next = lab.backUp("next-" + i);
                lab.assertTargetsHoldTheLastMoment();
                assertFalse(next.disks().stream().anyMatch(MigrationReport.Disk::whole), lab.told::all);
                assertTrue(lab.vm().snapshots().isEmpty());
            }
            assertEquals(4, lab.targets().values().iterator().next().layers());
        }
    }

    @Test
    void rule17TheLeaseIsRenewedWhileItRuns() throws IOException {
        Random random = random("rule17TheLeaseIsRenewedWhileItRuns");
        try (MigrationLab lab = new MigrationLab(folder, 3 * VmLab.MIB)) {
            lab.guestWrites(random, 30);
            MigrationSpec slow = MigrationLab.slowly(lab.spec("job"), 600_000, Duration.ofSeconds(2));
            lab.backUp(slow);
            int renewals = lab.vcenter().log().count("RenameSnapshot");
            assertTrue(
                    renewals >= 2,
                    () -> renewals + " renewals: " + lab.vcenter().log().methods());
            lab.assertTargetsHoldTheLastMoment();
            assertTrue(lab.vm().snapshots().isEmpty());
        }
    }

    @Test
    void whoGoesOnLateFindsTheTargetAsOthersHaveLeftIt() throws IOException {
        Random random = random("whoGoesOnLateFindsTheTargetAsOthersHaveLeftIt");
        try (MigrationLab lab = new MigrationLab(folder, MigrationLab.MIB, MigrationLab.MIB)) {
            lab.guestWrites(random, 3);
            MigrationSpec interrupted = lab.spec("interrupted");
            ChainTarget second = java.util.Objects.requireNonNull(lab.targets().get(2001));
            second.stop();
            assertThrows(RuntimeException.class, () -> lab.backUp(interrupted));
            second.start();
            lab.guestWrites(random, 3);
            MigrationReport other = lab.backUp("other");
            lab.guestWrites(random, 3);
            MigrationReport.Disk late = lab.backUp("interrupted").disks().getFirst();
            lab.assertTargetsHoldTheLastMoment();
            String since = other.disks().getFirst().changeId().orElseThrow().text();
            assertTrue(late.reason().contains("what changed since " + since), late.reason());
        }
    }

    @Test
    void rule21ALinkedCloneIsCopiedWholeWithItsParentsPartAndThatIsSaid() throws IOException {
        Random random = random("rule21ALinkedCloneIsCopiedWholeWithItsParentsPartAndThatIsSaid");
        try (MigrationLab lab = new MigrationLab(folder, 2 * VmLab.MIB, VmLab.MIB)) {
            lab.guestWrites(random, 4);
            lab.vm().disk(2000).linkedTo("[ds1] golden/golden.vmdk");
            // Change tracking knows what was written since the disk was cloned, and nothing of what was there.
            lab.vm().disk(2000).answer(Extents.comb(1, 65_536, 65_536));
            MigrationReport first = lab.backUp("first");
            assertTrue(
                    first.warnings()
                            .toString()
                            .contains("is a linked clone: a part of it is in [ds1] golden/golden.vmdk"),
                    first::json);
            assertFalse(first.warnings().toString().contains("2001"), first::json);
            lab.assertTargetsHoldTheLastMoment();
            lab.vm().disk(2000).answer(null);
            lab.guestWrites(random, 2);
            MigrationReport next = lab.backUp("next");
            assertEquals(List.of(), next.warnings());
            assertFalse(next.disks().stream().anyMatch(MigrationReport.Disk::whole), next::json);
            lab.assertTargetsHoldTheLastMoment();
            lab.vm().disk(2000).linkedTo("[ds1] other/other.vmdk");
            MigrationReport moved = lab.backUp("moved");
            assertTrue(moved.disks().getFirst().reason().contains("stands on other files"), moved::json);
            assertFalse(moved.disks().getLast().whole(), moved::json);
            lab.assertTargetsHoldTheLastMoment();
        }
    }

    /** Each disk takes buffers of the ESXi host, and it has few. */
    @Test
    void rule24NoMoreDisksAtOnceThanAllowed() throws Exception {
        Random random = random("rule24NoMoreDisksAtOnceThanAllowed");
        long mib = VmLab.MIB;
        try (MigrationLab lab = new MigrationLab(folder, mib, mib, mib, mib, mib)) {
            lab.guestWrites(random, 10);
            MigrationSpec two = MigrationLab.slowly(lab.spec("job"), 3 * mib, Duration.ofHours(1));
            long most = 0;
            Thread backup = Thread.ofPlatform().start(() -> lab.backUp(two));
            while (backup.isAlive()) {
                long open = ProcessHandle.current()
                        .descendants()
                        .filter(process -> process.info().command().orElse("").endsWith("nbdkit")
                                && process.info().commandLine().orElse("").contains("snapshot="))
                        .count();
                most = Math.max(most, open);
                Thread.sleep(5);
            }
            assertEquals(2, two.disksAtOnce());
            assertEquals(2, most, lab.told::all);
            lab.assertTargetsHoldTheLastMoment();
        }
    }

    /** VDDK says "NFC error 5"; what one can do about it is said instead, and nothing is left. */
    @Test
    void rule24AHostWithoutBuffersIsExplained() throws IOException {
        try (MigrationLab lab = new MigrationLab(folder, VmLab.MIB)) {
            lab.standIn().fault("fail-open", "NFC error 5: Failed to allocate the requested 24117272 bytes");
            RuntimeException e = assertThrows(RuntimeException.class, () -> lab.backUp("job"));
            String said = String.valueOf(e.getMessage());
            assertTrue(said.contains("has no buffers left for reading disks (NFC). Read fewer disks"), said);
            assertTrue(lab.vm().snapshots().isEmpty());
        }
    }
}
