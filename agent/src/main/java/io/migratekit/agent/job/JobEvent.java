package io.migratekit.agent.job;

import java.util.Locale;

/** What can happen to a job that is worth a line in its journal? */
public enum JobEvent {
    STARTED,
    RESUMED,
    /** The end of the progress log was not intact and was cut off; its units are copied again. */
    PROGRESS_CUT,
    /** A step is done, in the words that were printed. */
    TOLD,
    CHECKPOINT,
    RECONNECTED,
    STALLED,
    RATE_CHANGED,
    WARNING,
    INTERRUPTED,
    FAILED,
    FINISHED;

    /** Its name in the file, for instance {@code progress-cut}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
