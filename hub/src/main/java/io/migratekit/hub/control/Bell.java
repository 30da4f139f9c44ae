package io.migratekit.hub.control;

import java.time.Duration;

/** How does somebody who waits hear that something has changed here? What changed elsewhere is seen a little later. */
final class Bell {
    private long rung;

    synchronized void ring() {
        rung++;
        notifyAll();
    }

    /** How often it has rung; to be asked before looking at what may change. */
    synchronized long count() {
        return rung;
    }

    /** Comes back when it has rung since, or the time is over. */
    synchronized void await(long since, Duration atMost) throws InterruptedException {
        long end = System.nanoTime() + atMost.toNanos();
        while (rung == since) {
            long leftMillis = (end - System.nanoTime()) / 1_000_000;
            if (leftMillis <= 0) {
                return;
            }
            wait(leftMillis);
        }
    }
}
