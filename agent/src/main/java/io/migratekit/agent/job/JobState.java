package io.migratekit.agent.job;

import io.migratekit.nbd.files.JsonFields;
import java.time.Instant;

/** How does a job stand? As its last run wrote it down. */
public sealed interface JobState {
    /** A run works on it; or did when it died, for the dead write nothing down: see {@link JobView#died}. */
    record Running(Instant since) implements JobState {}

    /** Its last run was asked to stop, and left in good order. */
    record Interrupted(String reason) implements JobState {}

    /** Its last run failed, and ended with this exit code. */
    record Failed(int exitCode, String message) implements JobState {}

    /**
     * It is done, for good.
     *
     * @param report a JSON object: what the final report said
     */
    record Finished(String report) implements JobState {
        public Finished {
            JsonFields.known(report);
        }
    }
}
