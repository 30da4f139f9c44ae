package io.migratekit.agent.watch;

import java.time.Duration;

/** How many bytes a second, of late? An average that forgets, so that it neither jumps nor dwells on the past. */
final class Rate {
    private final double memorySeconds;
    private boolean begun;
    private long lastNanos;
    private long lastBytes;
    private double sum;
    private double weight;

    Rate(Duration memory) {
        memorySeconds = memory.toNanos() / 1e9;
    }

    /** So much has been moved in all by now. */
    void sample(long nowNanos, long bytes) {
        double seconds = (nowNanos - lastNanos) / 1e9;
        if (begun && seconds > 0) {
            double forgotten = Math.exp(-seconds / memorySeconds);
            double now = Math.max(0, bytes - lastBytes) / seconds;
            sum = sum * forgotten + now * (1 - forgotten);
            weight = weight * forgotten + (1 - forgotten);
        }
        skip(nowNanos, bytes);
    }

    /** As {@link #sample}, but the time since the last sample says nothing about the rate. */
    void skip(long nowNanos, long bytes) {
        begun = true;
        lastNanos = nowNanos;
        lastBytes = bytes;
    }

    /** Bytes per second; 0 before there were two samples. */
    double perSecond() {
        return weight == 0 ? 0 : sum / weight;
    }
}
