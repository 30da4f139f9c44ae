package io.migratekit.vmware;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What does the list of a VM's snapshots say of one, anybody's?
 *
 * @param ours the same as something that can be renewed and removed; only if it is ours
 */
public record SnapshotInfo(String moref, String name, Instant created, Optional<VmSnapshot> ours) {
    /** All in the VM's whole tree, parents before children. */
    public static List<SnapshotInfo> all(VCenter vc, VmRef vm) {
        return SnapshotTree.of(vc, vm).stream()
                .map(node -> new SnapshotInfo(
                        node.moref(),
                        node.name(),
                        node.created(),
                        SnapshotLabels.read(node.name(), node.description())
                                .map(label -> new VmSnapshot(vc, vm, node, label, null))))
                .toList();
    }
}
