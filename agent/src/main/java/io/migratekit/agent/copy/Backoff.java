package io.migratekit.agent.copy;

import java.time.Duration;
import java.util.SplittableRandom;

/**
 * When is the next try? Pauses grow and vary, and end when nothing was achieved for the whole budget, not counting the
 * time in which the servers did answer: a unit may take long.
 */
final class Backoff {
    private static final long FIRST_MILLIS = 200;
    private static final long LONGEST_MILLIS = 10_000;

    private final Duration budget;
    private final SplittableRandom random = new SplittableRandom();
    private long sinceNanos = System.nanoTime();
    private long pauseMillis = FIRST_MILLIS;

    Backoff(Duration budget) {
        this.budget = budget;
    }

    /** Something was achieved: the budget is whole again. */
    void reset() {
        sinceNanos = System.nanoTime();
        pauseMillis = FIRST_MILLIS;
    }

    /** For so long the servers answered, though nothing was brought to its end. */
    void excuse(long nanos) {
        sinceNanos += nanos;
    }

    boolean isExhausted() {
        return System.nanoTime() - sinceNanos >= budget.toNanos();
    }

    /** How long to pause now; between half and all of the current step, so that workers do not march in step. */
    long nextMillis() {
        long step = pauseMillis;
        pauseMillis = Math.min(LONGEST_MILLIS, pauseMillis * 2);
        return step / 2 + random.nextLong(step / 2 + 1);
    }
}
