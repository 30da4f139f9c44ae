package io.migratekit.agent.watch;

import io.migratekit.nbd.Durations;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Which waits took longer than {@code --stall-log}? Workers hand them over, the monitor logs them: a worker must not
 * stand still because the terminal does.
 */
final class SlowWaits {
    private static final int KEPT = 256;

    private final ArrayBlockingQueue<SlowWait> queue = new ArrayBlockingQueue<>(KEPT);
    private final AtomicLong dropped = new AtomicLong();
    private final long longerThanNanos;

    SlowWaits(long longerThanNanos) {
        this.longerThanNanos = longerThanNanos;
    }

    /** What had arrived during a wait, in words; {@code silentNanos} is the time since the sign of life before its end. */
    static String arrived(long otherAnswers, boolean answered, long silentNanos) {
        String others = switch ((int) Math.min(otherAnswers, 2)) {
            case 0 -> "no other answer";
            case 1 -> "1 other answer";
            default -> otherAnswers + " other answers";
        };
        String silent = Durations.show(Duration.ofNanos(Math.max(0, silentNanos)));
        return others + " meanwhile; last sign of life "
                + (answered ? "before that " + silent + " earlier" : silent + " before the end");
    }

    boolean isSlow(long nanos) {
        return nanos >= longerThanNanos;
    }

    /** Never blocks; when the monitor cannot keep up, waits are dropped and counted. */
    void add(SlowWait wait) {
        if (!queue.offer(wait)) {
            dropped.incrementAndGet();
        }
    }

    List<SlowWait> drain() {
        List<SlowWait> all = new ArrayList<>();
        queue.drainTo(all);
        return all;
    }

    long takeDropped() {
        return dropped.getAndSet(0);
    }
}
