package io.migratekit.agent.job;

import java.time.Instant;
import java.util.Map;
import java.util.Set;

/**
 * What did one line of a journal say?
 *
 * @param event a {@link JobEvent#word}, or one that a newer version wrote
 * @param details as text, in the order of the line
 */
public record JournalLine(Instant time, String event, Map<String, String> details) {
    private static final Set<String> BEGINNINGS = Set.of(JobEvent.STARTED.word(), JobEvent.RESUMED.word());
    private static final Set<String> ENDS =
            Set.of(JobEvent.INTERRUPTED.word(), JobEvent.FAILED.word(), JobEvent.FINISHED.word());

    /** Whether a run began here. */
    public boolean begins() {
        return BEGINNINGS.contains(event);
    }

    /** Whether a run says here how it ended. */
    public boolean ends() {
        return ENDS.contains(event);
    }
}
