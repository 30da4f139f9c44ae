package io.migratekit.agent.migration;

import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * What if the time for the whole backup is over while its thread waits for vCenter, or for anything else? It is
 * interrupted, as by somebody who wants it to stop. Not any more from the moment on when the alarm is closed: what is
 * cleared up then has limits of its own.
 */
final class DeadlineAlarm implements AutoCloseable {
    private final Deadline deadline;
    private final Thread sleeper;
    private final CountDownLatch closed = new CountDownLatch(1);
    private boolean rung;

    /** Sets it for the thread that calls. */
    DeadlineAlarm(Deadline deadline, Thread sleeper) {
        this.deadline = deadline;
        this.sleeper = sleeper;
        if (deadline != Deadline.NEVER) {
            Thread.ofPlatform().daemon().name("deadline").start(this::ring);
        }
    }

    private void ring() {
        try {
            if (closed.await(deadline.remainingNanos(), TimeUnit.NANOSECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
        }
        synchronized (this) {
            if (closed.getCount() > 0) {
                rung = true;
                sleeper.interrupt();
            }
        }
    }

    /** Whether it was this that interrupted. */
    synchronized boolean hasRung() {
        return rung;
    }

    MigrationException passed() {
        return new MigrationException.DeadlinePassed("the backup was not done within the deadline of "
                + Durations.show(deadline.total()) + "; the same command again goes on");
    }

    @Override
    public synchronized void close() {
        closed.countDown();
    }
}
