package io.migratekit.hub.repository;

import java.util.List;

/** Which layers has a disk, oldest first? */
public record ChainDisk(int key, List<ChainLayer> layers) {
    public ChainDisk {
        layers = List.copyOf(layers);
    }
}
