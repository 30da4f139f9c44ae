package io.migratekit.cli;

import io.migratekit.agent.watch.Eta;
import io.migratekit.agent.watch.Motion;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.ProgressView;
import java.time.Duration;

/** How far is a verification at the hub? What it tells now and then, as progress is told of a copy. */
final class VerifyProgress {
    private static final double NANOS = 1e9;

    private final long beginNanos = System.nanoTime();
    private long before;
    private long done;
    private long total;

    /** What was told last is over; what is told from now on comes on top. */
    synchronized void next() {
        before += total;
        done = 0;
        total = 0;
    }

    synchronized void at(long doneBytes, long totalBytes) {
        done = doneBytes;
        total = totalBytes;
    }

    synchronized ProgressView view() {
        Duration elapsed = Duration.ofNanos(System.nanoTime() - beginNanos);
        Progress.Counts counts =
                new Progress.Counts(Progress.Phase.VERIFYING, 0, 0, 0, 0, 0, 0, 0, 0, 0, before + total, before + done);
        double rate = (before + done) / Math.max(1, elapsed.toNanos() / NANOS);
        return new ProgressView(counts, rate, Eta.of(counts, rate), elapsed, Motion.MOVING, null, "");
    }
}
