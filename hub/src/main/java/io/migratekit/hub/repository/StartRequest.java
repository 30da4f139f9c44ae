package io.migratekit.hub.repository;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What does somebody want to write? */
public record StartRequest(
        String id,
        String vm,
        @Nullable String name,
        List<StartDisk> disks,
        @Nullable String supersede) {
    public StartRequest {
        disks = List.copyOf(disks);
    }
}
