package io.migratekit.agent.migration;

import io.migratekit.agent.job.JobException;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.VmRef;
import io.migratekit.vmware.VmSnapshot;

/**
 * What is to be said when a run is refused before it has taken up the snapshot that the run before has left? That it
 * stands and grows, and how it goes: nobody would look for it.
 */
final class StandingSnapshot {
    private static final String HOW_IT_GOES =
            "It goes with the command that the job began with, with any other backup of the VM, or, when its lease has"
                    + " ended%s, by: migratekit vmware snapshots --ours --remove-expired";

    private StandingSnapshot() {}

    /** Looks at the VM; what cannot be looked at is not told. */
    static void tell(MigrationSpec spec, VCenter vcenter, VmRef vm, MigrationListener listener) {
        try {
            for (VmSnapshot snapshot : VmSnapshot.ours(vcenter, vm)) {
                if (LivingBackup.isOf(spec.store(), spec.id().text(), snapshot)) {
                    listener.warned("the snapshot " + snapshot.moref() + " of " + vm + ", with which this job froze the"
                            + " VM, still stands and grows with every write. "
                            + HOW_IT_GOES.formatted(" (" + snapshot.label().expires() + ")"));
                }
            }
        } catch (VSphereException e) {
            listener.warned(
                    "whether a snapshot of this job still stands at " + vm + " could not be seen: " + e.getMessage());
        }
    }

    /** The same before anybody has talked to vCenter, from what this job wrote down. */
    static void suspect(MigrationSpec spec, MigrationListener listener) {
        String which;
        try {
            var begun = Generation.read(spec.store().folderOf(spec.id()));
            if (begun.isEmpty()) {
                return;
            }
            which = begun.get().snapshot();
        } catch (JobException e) {
            which = "that it took";
        }
        listener.warned("if this job was killed, its snapshot " + which + " still stands and grows with every write. "
                + HOW_IT_GOES.formatted(""));
    }
}
