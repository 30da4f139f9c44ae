package io.migratekit.hub.repository;

import com.google.gson.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What was found of a VM at discovery? */
public record Inventory(
        String name,
        @Nullable String vcenter,
        List<InventoryDisk> disks,
        @Nullable JsonObject configuration) {
    public Inventory {
        disks = List.copyOf(disks);
    }
}
