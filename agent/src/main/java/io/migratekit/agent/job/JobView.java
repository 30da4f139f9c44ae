package io.migratekit.agent.job;

import java.time.Instant;
import java.util.Optional;

/**
 * How does a job stand, seen from outside?
 *
 * @param runner the process that works on it; nothing if none does
 * @param updated when the state was written
 */
public record JobView(
        JobId id,
        JobIdentity identity,
        JobState state,
        Optional<Runner> runner,
        boolean live,
        int attempts,
        Instant created,
        Instant updated)
        implements JobEntry {

    /** Whether its last run ended without a word: it was killed, or its machine went down. */
    public boolean died() {
        return !live && state instanceof JobState.Running;
    }
}
