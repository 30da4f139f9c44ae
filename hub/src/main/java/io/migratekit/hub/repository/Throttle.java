package io.migratekit.hub.repository;

import java.util.concurrent.TimeUnit;

/** How fast may be read? Sleeps a little whenever more was read than the time allows. */
final class Throttle {
    private static final long LONGEST_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final double NANOS = 1e9;

    private final long bytesPerSecond;
    private long dueNanos = System.nanoTime();

    /** @param bytesPerSecond 0: as fast as it goes */
    Throttle(long bytesPerSecond) {
        this.bytesPerSecond = bytesPerSecond;
    }

    void read(long bytes) {
        if (bytesPerSecond == 0) {
            return;
        }
        long now = System.nanoTime();
        // What was not used is not saved up.
        dueNanos = Math.max(dueNanos, now - LONGEST_NANOS) + (long) (bytes * NANOS / bytesPerSecond);
        try {
            for (long left = dueNanos - now; left > 0; left = dueNanos - System.nanoTime()) {
                TimeUnit.NANOSECONDS.sleep(Math.min(left, LONGEST_NANOS));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
