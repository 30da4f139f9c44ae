package io.migratekit.vmware;

import java.util.List;
import java.util.Optional;

/**
 * A disk of a VM, as a snapshot's (or the living VM's) configuration describes it.
 *
 * @param key the number by which vSphere knows it within its VM; stays the same while file names change
 * @param label what people call it, such as {@code Hard disk 1}
 * @param file the file behind it, such as {@code [ds1] web01/web01.vmdk}
 * @param backing what kind of file that is, by the name of vSphere's type without its common beginning, such as {@code FlatVer2}
 * @param backingUuid the disk's own id, or its vDisk id where it has none
 * @param mode such as {@code persistent} or {@code independent_persistent}
 * @param sharing such as {@code sharingNone} or {@code sharingMultiWriter}; empty if not told
 * @param encrypted whether its file is encrypted
 * @param parents the files of other VMs that it stands on, nearest first: of a linked or instant clone; else empty
 * @param changeId the moment of its change tracking; nothing if it is not tracked
 */
public record VmDisk(
        int key,
        String label,
        int controllerKey,
        int unitNumber,
        long capacityBytes,
        String file,
        String backing,
        String backingUuid,
        String mode,
        String sharing,
        boolean encrypted,
        List<String> parents,
        Optional<ChangeId> changeId) {
    public VmDisk {
        parents = List.copyOf(parents);
    }

    /** Whether there is data of this disk in files that no snapshot of its VM covers: it is a linked or instant clone. */
    public boolean isClone() {
        return !parents.isEmpty();
    }

    @Override
    public String toString() {
        return "disk " + key + " (" + label + ", " + file + ")";
    }
}
