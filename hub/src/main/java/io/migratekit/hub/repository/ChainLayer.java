package io.migratekit.hub.repository;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is one layer of a chain, and which restore points need it at their top?
 *
 * @param missing its file is not there
 */
public record ChainLayer(
        String layer,
        BackupDisk.Kind kind,
        @Nullable String root,
        @Nullable String parentRoot,
        long bytes,
        List<String> points,
        boolean open,
        boolean missing) {
    public ChainLayer {
        points = List.copyOf(points);
    }
}
