package io.migratekit.agent.watch;

import java.time.Duration;

/**
 * From when on is a wait worth words?
 *
 * @param stallAfter without any sign of life for so long, a connection counts as stalled ({@code --stall-after})
 * @param extentsTimeout a source that lists extents may be silent for so long ({@code --extents-timeout})
 * @param requestDeadline one request may trickle, but not for longer ({@code --request-deadline})
 * @param stallLog waits from this length on are logged ({@code --stall-log})
 */
public record WatchLimits(Duration stallAfter, Duration extentsTimeout, Duration requestDeadline, Duration stallLog) {
    /** Shorter waits than this are the pulse of a healthy copy, and logging them would be the load. */
    public static final Duration SHORTEST_STALL_LOG = Duration.ofMillis(50);

    public static final WatchLimits DEFAULT = new WatchLimits(
            Duration.ofSeconds(60), Duration.ofSeconds(300), Duration.ofMinutes(10), Duration.ofSeconds(1));

    public WatchLimits {
        if (stallAfter.isNegative() || stallAfter.isZero()) {
            throw new IllegalArgumentException("--stall-after must be longer than nothing");
        }
        if (stallLog.compareTo(SHORTEST_STALL_LOG) < 0) {
            throw new IllegalArgumentException("--stall-log must be at least 50 ms");
        }
    }
}
