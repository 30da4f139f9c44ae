package io.migratekit.hub.repository;

import java.util.List;

/** Which layers has a VM, per disk? */
public record Chain(String vm, List<ChainDisk> disks) {
    public Chain {
        disks = List.copyOf(disks);
    }
}
