package io.migratekit.hub.repository;

import java.time.Duration;

/**
 * What may a repository spend, and for how long does it wait?
 *
 * @param reserveBytes no backup starts with less free than this
 * @param keepAtLeast for how long nobody can delete a restore point
 * @param toolLimit how long one run of qemu-img may take
 */
public record RepositoryLimits(long reserveBytes, Duration keepAtLeast, Duration toolLimit) {
    public static final RepositoryLimits DEFAULTS = new RepositoryLimits(1L << 30, Duration.ZERO, Duration.ofHours(12));
}
