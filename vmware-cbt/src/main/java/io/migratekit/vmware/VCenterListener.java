package io.migratekit.vmware;

import java.time.Duration;

/** Who hears what we wait for, and what is worth a sentence? Called on the thread that waits, before the wait. */
@FunctionalInterface
public interface VCenterListener {
    /** Nobody. */
    VCenterListener NOBODY = (_, _) -> {};

    /** A wait begins: for what, and how long at most. */
    void waiting(String what, Duration atMost);

    /** It is over, one way or the other. Not every wait is followed by this: what comes next ends it, too. */
    default void waited(String what) {}

    /** Something happened that a person should know although it is no failure: one sentence. */
    default void note(String sentence) {}
}
