package io.migratekit.agent.watch;

import java.time.Duration;

/**
 * Which connections has a worker lost over and over, without an answer to what they were lost for? Each new connection
 * begins with a fresh silence; what a copy that keeps connecting again in vain does not achieve is seen only here.
 *
 * @param sinceNanos the last sign of life before the first loss
 * @param lastNanos when the last one was lost
 * @param triedNanos when the last one was lost, or another one was begun after it: how long we ourselves paused in
 *     between says nothing of the server
 * @param layer what the connection that had been silent for the longest waited for
 * @param times how often; all connections that go down together are one time
 * @param last the id of the last one, and how its waits ended
 */
record Trouble(long sinceNanos, long lastNanos, long triedNanos, Layer layer, int times, String last) {
    private static final long TOGETHER_NANOS = Duration.ofSeconds(1).toNanos();

    static Trouble first(Layer layer, long signNanos, long nowNanos, String last) {
        return new Trouble(signNanos, nowNanos, nowNanos, layer, 1, last);
    }

    /** A connection to that side is begun. */
    Trouble again(Side side, long nowNanos) {
        return side == layer.side() ? new Trouble(sinceNanos, lastNanos, nowNanos, layer, times, last) : this;
    }

    /** Whether all went well for so long that a loss of something that had been answered until then is a new story. */
    boolean isForgotten(long signNanos, long stallAfterNanos) {
        return signNanos - triedNanos >= stallAfterNanos;
    }

    /** One more connection was lost. */
    Trouble and(Layer otherLayer, long signNanos, long nowNanos, String nextLast) {
        boolean earlier = signNanos - sinceNanos < 0;
        boolean together = nowNanos - lastNanos < TOGETHER_NANOS;
        return new Trouble(
                earlier ? signNanos : sinceNanos,
                nowNanos,
                nowNanos,
                earlier ? otherLayer : layer,
                together ? times : times + 1,
                nextLast);
    }

    /** Whether it is more than one connection that broke, as connections do. */
    boolean isSerious(long stallAfterNanos) {
        return times > 1 || lastNanos - sinceNanos >= stallAfterNanos;
    }

    /**
     * Whether an answer in this layer is what was missing. Reads that are answered do not help when writes are not; but
     * who could not connect, or does without extents from now on, is content with any answer from that side.
     */
    boolean isOverWith(Layer answered) {
        return switch (layer) {
            case SOURCE_CONNECT, SOURCE_EXTENTS -> answered == Layer.SOURCE_READ || answered == Layer.SOURCE_EXTENTS;
            case TARGET_CONNECT, TARGET_EXTENTS ->
                switch (answered) {
                    case TARGET_EXTENTS, TARGET_WRITE, TARGET_FLUSH, TARGET_READ -> true;
                    case SOURCE_CONNECT, SOURCE_EXTENTS, SOURCE_READ, TARGET_CONNECT, TUNNEL, LOCAL -> false;
                };
            case SOURCE_READ, TARGET_WRITE, TARGET_FLUSH, TARGET_READ, TUNNEL, LOCAL -> answered == layer;
        };
    }
}
