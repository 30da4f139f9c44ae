package io.migratekit.agent.watch;

import java.time.Instant;
import java.util.List;

/**
 * What was seen of the whole job at one moment? From this dumps and {@code status.json} are written.
 *
 * @param notes what happened to the process as a whole, such as that it was stopped for a while
 */
record WatchView(
        WatchedJob job,
        long pid,
        Instant started,
        Instant at,
        long nowNanos,
        AwakeClock clock,
        ProgressView progress,
        Verdict verdict,
        List<WorkerLook> workers,
        List<LedgerLine> waits,
        List<String> notes) {

    /** A worker and what is thought of it. */
    record WorkerLook(WorkerView view, Verdict verdict) {}
}
