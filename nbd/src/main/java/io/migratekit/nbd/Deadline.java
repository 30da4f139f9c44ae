package io.migratekit.nbd;

import java.time.Duration;

/**
 * When does this have to be over? A point in time that a whole piece of work must not pass.
 *
 * <p>A deadline differs from a timeout: a timeout bounds one wait in which nothing happens, a
 * deadline bounds everything, also work that makes progress.
 */
public final class Deadline {
    /** No end: for work that only timeouts bound. */
    public static final Deadline NEVER = new Deadline(Long.MAX_VALUE, Duration.ZERO);

    private final long endNanos;
    private final Duration total;

    private Deadline(long endNanos, Duration total) {
        this.endNanos = endNanos;
        this.total = total;
    }

    /** The deadline that lies the given time ahead of now. */
    public static Deadline in(Duration total) {
        return new Deadline(System.nanoTime() + total.toNanos(), total);
    }

    /** How long the work was given in all; zero for {@link #NEVER}. */
    public Duration total() {
        return total;
    }

    /** Nanoseconds left, never negative; {@link Long#MAX_VALUE} for {@link #NEVER}. */
    public long remainingNanos() {
        return this == NEVER ? Long.MAX_VALUE : Math.max(0, endNanos - System.nanoTime());
    }

    public boolean isOver() {
        return remainingNanos() == 0;
    }

    /** The shorter one of the time left and the given time: the bound of one wait within this deadline. */
    public Duration atMost(Duration timeout) {
        return Duration.ofNanos(Math.min(timeout.toNanos(), remainingNanos()));
    }

    @Override
    public String toString() {
        return this == NEVER ? "never" : "in " + Duration.ofNanos(remainingNanos());
    }
}
