package io.migratekit.tunnel;

import java.time.Duration;

/** Who wants to know how far a link has got? Told when a step is over because the hub answered. */
public interface HopListener {
    /** For callers that do not care. */
    HopListener NONE = (_, _) -> {};

    void passed(Step step, Duration took);

    /** What the hub showed at this step: its version, its host key. Told just before the step is passed. */
    default void saw(Step step, String what) {}

    /** A client was shown out, for this reason. */
    default void refused(TunnelException cause) {}
}
