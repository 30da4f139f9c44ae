package io.migratekit.hub.repository;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What does the hub keep of a VM? */
public record Vm(
        String id,
        String name,
        @Nullable String vcenter,
        List<InventoryDisk> disks,
        int points,
        @Nullable LastPoint lastPoint,
        long bytes) {
    public Vm {
        disks = List.copyOf(disks);
    }
}
