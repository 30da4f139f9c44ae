package io.migratekit.agent.watch;

import io.migratekit.nbd.Durations;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How long has something lasted while this process was running? If the process was stopped (SIGSTOP, a debugger, a
 * frozen virtual machine) nobody could look whether something had arrived, so that time says nothing about the peers.
 *
 * <p>The monitor ticks regularly; a gap between two ticks is such a time. A machine that slept shows it differently:
 * the running clock stands still with it, but the wall clock has gone on.
 */
final class AwakeClock {
    /** A busy machine delays a tick, too; this much it does not. */
    static final long GAP_NANOS = Duration.ofSeconds(2).toNanos();

    private static final int REMEMBERED = 32;

    private record Gap(long fromNanos, long toNanos) {}

    private final long tickNanos;
    private volatile List<Gap> gaps = List.of();
    private long lastNanos;
    private long lastWallMillis;

    AwakeClock(Duration tick, long nowNanos, long wallMillis) {
        tickNanos = tick.toNanos();
        lastNanos = nowNanos;
        lastWallMillis = wallMillis;
    }

    /** The monitor is awake at this moment. Says what it noticed, if anything. */
    Optional<String> tick(long nowNanos, long wallMillis) {
        long passed = nowNanos - lastNanos;
        long slept = Duration.ofMillis(wallMillis - lastWallMillis).toNanos() - passed;
        long expected = lastNanos + tickNanos;
        lastNanos = nowNanos;
        lastWallMillis = wallMillis;
        if (passed >= GAP_NANOS) {
            List<Gap> more = new ArrayList<>(gaps.size() == REMEMBERED ? gaps.subList(1, REMEMBERED) : gaps);
            more.add(new Gap(expected, nowNanos));
            gaps = List.copyOf(more);
            return Optional.of("this process did not run for " + show(nowNanos - expected)
                    + " (stopped, or the machine was overloaded); that time does not count as silence");
        }
        if (slept >= GAP_NANOS) {
            return Optional.of(
                    "the wall clock went on by " + show(slept)
                            + " while nothing ran: this machine slept, or its clock was set. Connections may not have survived");
        }
        return Optional.empty();
    }

    /** The time from then to now, without the gaps. */
    long age(long sinceNanos, long nowNanos) {
        long age = nowNanos - sinceNanos;
        for (Gap gap : gaps) {
            long from = gap.fromNanos - sinceNanos > 0 ? gap.fromNanos : sinceNanos;
            age -= Math.max(0, gap.toNanos - from);
        }
        return Math.max(0, age);
    }

    private static String show(long nanos) {
        return Durations.show(Duration.ofNanos(nanos));
    }
}
