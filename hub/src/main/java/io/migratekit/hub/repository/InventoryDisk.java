package io.migratekit.hub.repository;

import org.jspecify.annotations.Nullable;

/** Which disk does a VM have? */
public record InventoryDisk(int key, @Nullable String label, long capacityBytes) {}
