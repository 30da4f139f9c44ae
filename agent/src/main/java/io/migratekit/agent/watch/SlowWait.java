package io.migratekit.agent.watch;

/**
 * A wait that took longer than {@code --stall-log}.
 *
 * @param what the request or step, in words
 * @param nanos how long it took
 * @param endNanos when it was over, by {@link System#nanoTime}
 * @param arrived what had arrived meanwhile, in words
 */
public record SlowWait(
        String worker,
        String connection,
        Layer layer,
        String what,
        long nanos,
        long endNanos,
        Outcome outcome,
        String arrived) {}
