package io.migratekit.agent.migration;

import io.migratekit.agent.job.JobEvent;
import io.migratekit.agent.job.JobRun;
import io.migratekit.agent.watch.SlowWait;
import io.migratekit.agent.watch.StallReport;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Who keeps in mind what a backup says? Hands everything on, and remembers what is waited for right now, and what
 * is to stand in the report and in the journal.
 */
record Telling(
        MigrationListener next, MigrationProgress progress, List<String> warnings, Supplier<Optional<JobRun>> job)
        implements MigrationListener {
    @Override
    public void told(String sentence) {
        progress.nothingIsAwaited();
        job.get().ifPresent(run -> run.note(JobEvent.TOLD, Map.of("message", sentence)));
        next.told(sentence);
    }

    @Override
    public void waiting(String what, Duration atMost) {
        progress.waiting(what, atMost);
        next.waiting(what, atMost);
    }

    @Override
    public void waited(String what) {
        progress.waited(what);
        next.waited(what);
    }

    @Override
    public void warned(String sentence) {
        warnings.add(sentence);
        job.get().ifPresent(run -> run.note(JobEvent.WARNING, Map.of("message", sentence)));
        next.warned(sentence);
    }

    @Override
    public void stalled(int disk, StallReport report) {
        next.stalled(disk, report);
    }

    @Override
    public void copying(int disk) {
        next.copying(disk);
    }

    @Override
    public void copied(int disk) {
        next.copied(disk);
    }

    @Override
    public void waitedLong(int disk, SlowWait wait) {
        next.waitedLong(disk, wait);
    }

    @Override
    public int exitCode(RuntimeException failure) {
        return next.exitCode(failure);
    }
}
