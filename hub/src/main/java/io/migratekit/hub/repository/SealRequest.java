package io.migratekit.hub.repository;

import com.google.gson.JsonObject;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What does the writer say about a backup that is all there? */
public record SealRequest(
        @Nullable Instant takenAt,
        @Nullable Boolean quiesced,
        @Nullable JsonObject configuration,
        @Nullable String agent,
        List<SealDisk> disks) {
    public SealRequest {
        disks = List.copyOf(disks);
    }
}
