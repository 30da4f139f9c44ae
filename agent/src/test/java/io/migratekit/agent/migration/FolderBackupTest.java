package io.migratekit.agent.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.vmware.DiskServerSpec;
import io.migratekit.vmware.sim.SimSnapshot;
import io.migratekit.vmware.sim.VmLab;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Is a VM that is off backed up without VDDK, through the HTTPS folder of its datastore, and refused where that is wrong? */
@Timeout(120)
class FolderBackupTest {
    private static final String GET = "GET /folder";

    private final long seed = Long.getLong("migratekit.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private MigrationLab lab;

    @BeforeEach
    void start(@TempDir Path folder) throws IOException {
        System.out.println("FolderBackupTest: seed " + seed + " (repeat with -Dmigratekit.seed=" + seed + ")");
        lab = new MigrationLab(folder, 6 * VmLab.MIB, VmLab.MIB + 512);
        lab.source = DiskServerSpec.Source.FOLDER;
        lab.standIn().fault("fail-open", "nobody may come this way");
        lab.vm().poweredOff();
        lab.guestWrites(random, 8);
    }

    @AfterEach
    void stop() {
        lab.close();
    }

    @Test
    void everythingFirstThenWhatChanged() throws IOException {
        MigrationReport full = lab.backUp("first");
        lab.assertTargetsHoldTheLastMoment();
        assertTrue(full.disks().stream().allMatch(MigrationReport.Disk::whole), full::json);
        assertTrue(lab.vcenter().log().count(GET) > 0, lab.vcenter().log().methods()::toString);
        lab.newLayers();
        lab.vm().poweredOn();
        lab.guestWrites(random, 2);
        lab.vm().poweredOff();
        MigrationReport next = lab.backUp("next");
        lab.assertTargetsHoldTheLastMoment();
        assertFalse(next.disks().stream().anyMatch(MigrationReport.Disk::whole), next::json);
        assertEquals(List.of(), lab.vm().snapshots());
    }

    @Test
    void aRunningVmAndOneWithSnapshotsAreRefusedBeforeTheyAreFrozen() throws IOException {
        lab.vm().poweredOn();
        assertRefused("the VM is not powered off");
        lab.vm().poweredOff();
        SimSnapshot others = lab.vm().addSnapshot("by hand", "not ours");
        assertRefused("the VM has snapshots");
        assertEquals(List.of(others), lab.vm().snapshots());
        MigrationPreview preview = MigrationPreview.of(lab.spec("preview"), lab.told);
        assertTrue(preview.disks().stream().allMatch(disk -> disk.mode().equals("refused")), preview::json);
        assertEquals(0, lab.vcenter().log().count("CreateSnapshot_Task"));
        lab.vm().removeSnapshot(others);
        lab.backUp("refused");
        lab.assertTargetsHoldTheLastMoment();
    }

    private void assertRefused(String why) throws IOException {
        MigrationSpec spec = lab.spec("refused");
        String said = assertThrows(MigrationException.DiskRefused.class, () -> lab.backUp(spec))
                .getMessage();
        assertTrue(said.contains(why), said);
    }

    /** The cookie with which a disk is read is not valid for ever, and curl does not know how to get another one. */
    @Test
    void aSessionThatIsLostWhileItReadsIsReplaced() throws IOException {
        lab.guestWrites(random, 60); // Else some seeds leave so little to read that it is over before.
        MigrationSpec slow = MigrationLab.slowly(lab.spec("job"), 1_000_000, Duration.ofSeconds(2));
        try (MigrationLab.Background backup = lab.inBackground(slow)) {
            backup.awaitCopied(VmLab.MIB + 513); // So the first disk is being copied, whatever the order.
            lab.vcenter().expireSessions();
            backup.end();
        }
        assertTrue(
                lab.told.all().contains("the session at vCenter with which the disk is read is over"), lab.told::all);
        lab.assertTargetsHoldTheLastMoment();
        assertEquals(List.of(), lab.vm().snapshots());
    }

    /** Our own snapshot of a run that was killed is no chain of somebody else's. */
    @Test
    void aSnapshotOfOursThatStandsIsNoReasonToRefuse() throws IOException {
        lab.vcenter().faults().always("RemoveSnapshot_Task", io.migratekit.vmware.sim.Trouble.fault("NoPermission"));
        MigrationSpec spec = lab.spec("job");
        assertThrows(MigrationException.SnapshotLeft.class, () -> lab.backUp(spec));
        lab.vcenter().faults().clear();
        assertEquals(1, lab.vm().snapshots().size());
        lab.guestWrites(random, 2);
        lab.backUp("other");
        lab.assertTargetsHoldTheLastMoment();
        assertEquals(List.of(), lab.vm().snapshots());
    }
}
