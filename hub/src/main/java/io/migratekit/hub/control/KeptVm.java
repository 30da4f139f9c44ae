package io.migratekit.hub.control;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What does a hub's repository know of a VM?
 *
 * @param capacityBytes of all its disks
 * @param newestTakenAt the moment of its newest restore point, if it has one and that says so
 * @param newestSealedAt when that one was sealed
 */
public record KeptVm(
        String vm,
        long capacityBytes,
        @Nullable Instant newestTakenAt,
        @Nullable Instant newestSealedAt) {}
