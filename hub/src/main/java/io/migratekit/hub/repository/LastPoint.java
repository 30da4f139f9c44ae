package io.migratekit.hub.repository;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which restore point of a VM is the newest?
 *
 * @param takenAt as the agent said
 * @param moment the same, as far as it can be true
 */
public record LastPoint(
        String id,
        @Nullable Instant takenAt,
        Instant moment,
        @Nullable Instant sealedAt,
        boolean complete) {
    static LastPoint of(Backup point) {
        return new LastPoint(point.id(), point.takenAt(), point.moment(), point.sealedAt(), point.complete());
    }
}
