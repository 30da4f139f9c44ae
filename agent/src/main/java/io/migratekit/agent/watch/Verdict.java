package io.migratekit.agent.watch;

import org.jspecify.annotations.Nullable;

/**
 * What is thought of a worker, or of the whole job, at one moment?
 *
 * @param layer where the time is spent; null while nothing is waited for
 * @param nanos for how long that has been so
 * @param evidence what was seen, and nothing beyond; empty while it moves
 * @param hangs true if connections that are open now stand still for too long, so that others may help
 */
record Verdict(Motion motion, @Nullable Layer layer, long nanos, String evidence, boolean hangs) {
    static final Verdict MOVES = new Verdict(Motion.MOVING, null, 0, "", false);

    Verdict(Motion motion, @Nullable Layer layer, long nanos, String evidence) {
        this(motion, layer, nanos, evidence, false);
    }

    Verdict hanging(boolean newHangs) {
        return new Verdict(motion, layer, nanos, evidence, newHangs);
    }
}
