package io.migratekit.agent.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.copy.RateLimit;
import io.migratekit.nbd.fixture.ChainTarget;
import io.migratekit.vmware.sim.VmLab;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
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
            MigrationSpec usual = lab.spec("job");
            MigrationSpec slow = new MigrationSpec(
                    usual.id(),
                    usual.store(),
                    usual.vcenter(),
                    usual.vmPath(),
                    usual.targets(),
                    usual.skippedDisks(),
                    usual.diskServer(),
                    usual.connect(),
                    usual.limits(),
                    usual.watch(),
                    new RateLimit(600_000),
                    usual.quiesce(),
                    usual.full(),
                    usual.hash(),
                    usual.verify(),
                    usual.disksAtOnce(),
                    usual.audit(),
                    Duration.ofSeconds(2));
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
}
