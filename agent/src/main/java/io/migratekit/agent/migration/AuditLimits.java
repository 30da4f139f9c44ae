package io.migratekit.agent.migration;

import java.time.Duration;

/**
 * How much is read again to see whether change tracking tells the truth?
 *
 * @param every of so many incremental backups of a disk to a target, one is audited; 1 is each, 0 is none
 * @param cells so many cells of 1 MiB are read at most, chosen by chance
 * @param targetCells so many are read of the target, before every incremental backup; 0 is none
 * @param atMost reading them ends after this time, with as many as were read by then
 */
public record AuditLimits(int every, int cells, int targetCells, Duration atMost) {
    public static final AuditLimits DEFAULT = new AuditLimits(10, 64, 8, Duration.ofSeconds(60));

    public AuditLimits {
        if (every < 0 || cells < 1 || targetCells < 0) {
            throw new IllegalArgumentException("an audit of every " + every + "th backup with " + cells + " cells");
        }
    }

    public AuditLimits withEvery(int backups) {
        return new AuditLimits(backups, cells, targetCells, atMost);
    }

    /** Whether one is due after so many incremental backups without. */
    boolean isDue(int unaudited) {
        return every > 0 && unaudited + 1 >= every;
    }
}
