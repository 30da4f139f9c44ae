package io.migratekit.hub.repository;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What does the hub keep of a VM?
 *
 * @param lastGood the newest restore point that is complete, and not known to be damaged
 * @param damaged the restore points that are known to be
 */
public record Vm(
        String id,
        String name,
        @Nullable String vcenter,
        List<InventoryDisk> disks,
        int points,
        @Nullable LastPoint lastPoint,
        @Nullable LastPoint lastGood,
        List<String> damaged,
        long bytes) {
    public Vm {
        disks = List.copyOf(disks);
        damaged = List.copyOf(damaged);
    }
}
