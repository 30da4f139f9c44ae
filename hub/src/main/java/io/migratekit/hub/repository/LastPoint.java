package io.migratekit.hub.repository;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which restore point of a VM is the newest?
 *
 * @param takenAt as the agent said, but never later than it was sealed here: a clock that is wrong must not make it look younger
 */
public record LastPoint(String id, @Nullable Instant takenAt, boolean complete) {
    static LastPoint of(Backup point) {
        Instant taken = point.takenAt();
        Instant sealed = point.sealedAt();
        boolean isOfTheFuture = taken == null || (sealed != null && taken.isAfter(sealed));
        return new LastPoint(point.id(), isOfTheFuture ? sealed : taken, point.complete());
    }
}
