package io.migratekit.hub.repository;

import com.google.gson.JsonObject;
import org.jspecify.annotations.Nullable;

/** What is one disk of a backup? What is not known yet, or not for its kind, is null. */
public record BackupDisk(
        int key,
        @Nullable String label,
        long capacityBytes,
        Kind kind,
        @Nullable String why,
        @Nullable String layer,
        long layerBytes,
        @Nullable Parent parent,
        @Nullable String root,
        @Nullable String hashedBy,
        @Nullable JsonObject moment,
        @Nullable String missing) {
    /** Whether a layer has all of its disk, or what changed since its parent. */
    public enum Kind {
        FULL,
        INCREMENTAL
    }
}
