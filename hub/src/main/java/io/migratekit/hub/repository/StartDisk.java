package io.migratekit.hub.repository;

import org.jspecify.annotations.Nullable;

/** Which disk is to be written, and all of it or what changed? */
public record StartDisk(int key, @Nullable String label, long capacityBytes, Wanted kind) {
    /** AUTO: an increment where there is a parent. */
    public enum Wanted {
        AUTO,
        FULL,
        INCREMENTAL
    }
}
