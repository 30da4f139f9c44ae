package io.migratekit.hub.repository;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Which restore point of a VM is the newest? */
public record LastPoint(String id, @Nullable Instant takenAt, boolean complete) {
    static LastPoint of(Backup point) {
        return new LastPoint(point.id(), point.takenAt(), point.complete());
    }
}
