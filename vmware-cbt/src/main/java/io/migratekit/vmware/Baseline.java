package io.migratekit.vmware;

import java.util.List;

/**
 * What has to be remembered of a disk's last backup, so that the next one may ask what changed since? The
 * change id alone is worth nothing: all the rest says whether it is still about the same disk.
 *
 * @param vcenterUuid the instance UUID of the vCenter or ESXi host
 * @param vmUuid the instance UUID of the VM
 * @param backingUuid as {@link VmDisk#backingUuid}
 * @param parents as {@link VmDisk#parents}: what changes there, no change tracking of this disk tells
 */
public record Baseline(
        String vcenterUuid,
        String vmUuid,
        int diskKey,
        String backingUuid,
        long capacityBytes,
        List<String> parents,
        ChangeId changeId) {
    public Baseline {
        parents = List.copyOf(parents);
    }
}
