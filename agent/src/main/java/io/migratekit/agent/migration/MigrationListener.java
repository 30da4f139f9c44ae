package io.migratekit.agent.migration;

import io.migratekit.agent.watch.SlowWait;
import io.migratekit.agent.watch.StallReport;
import java.time.Duration;

/** Who wants to know how the backup of a VM goes? Called on several threads; must not block. */
public interface MigrationListener {
    /** A step was done, or a decision taken: one sentence about what is so now. */
    void told(String sentence);

    /** A wait for vCenter begins. */
    void waiting(String what, Duration atMost);

    /** It is over, one way or the other. */
    default void waited(String what) {}

    /** Something to be looked at, though it did not stop the backup. */
    void warned(String sentence);

    /** The copy of a disk stands still, or moves again. */
    void stalled(int disk, StallReport report);

    /** The copy of a disk begins. */
    default void copying(int disk) {}

    /** It is over, one way or the other. */
    default void copied(int disk) {}

    /** A wait of a disk's copy that was longer than {@code --stall-log} is over. */
    default void waitedLong(int disk, SlowWait wait) {}

    /** With which code the process will end if the backup ends like this; it is written down. */
    int exitCode(RuntimeException failure);
}
