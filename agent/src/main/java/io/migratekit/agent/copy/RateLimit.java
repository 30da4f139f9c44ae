package io.migratekit.agent.copy;

/**
 * May more bytes be read now? A token bucket that all workers share and that may be set anew at any
 * time. Holds at most a quarter of a second's worth, so that a change is felt at once.
 */
public final class RateLimit {
    private static final double BURST_SECONDS = 0.25;

    private double bytesPerSecond;
    private double tokens;
    private long lastNanos = System.nanoTime();

    /** So many bytes a second; 0 means no limit. */
    public RateLimit(long bytesPerSecond) {
        set(bytesPerSecond);
    }

    public synchronized void set(long newBytesPerSecond) {
        refill();
        bytesPerSecond = newBytesPerSecond;
        tokens = Math.min(tokens, newBytesPerSecond * BURST_SECONDS);
    }

    /**
     * Takes bytes from the bucket if it is not empty. A request may overdraw it, so that one which is
     * larger than the bucket gets through as well.
     */
    synchronized boolean take(long bytes) {
        if (bytesPerSecond <= 0) {
            return true;
        }
        refill();
        if (tokens <= 0) {
            return false;
        }
        tokens -= bytes;
        return true;
    }

    private void refill() {
        long now = System.nanoTime();
        if (bytesPerSecond > 0) {
            tokens = Math.min(bytesPerSecond * BURST_SECONDS, tokens + (now - lastNanos) / 1e9 * bytesPerSecond);
        }
        lastNanos = now;
    }
}
