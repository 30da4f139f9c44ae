package io.migratekit.agent.migration;

import io.migratekit.agent.job.JobId;
import io.migratekit.nbd.NbdUri;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** What do exports hold that others look after? Only what we have remembered of them ourselves. */
record ExportLanding(Map<Integer, NbdUri> targets, Milestones milestones, JobId job) implements Landing {
    ExportLanding {
        targets = Map.copyOf(targets);
    }

    private NbdUri target(int disk) {
        return Objects.requireNonNull(targets.get(disk));
    }

    @Override
    public Optional<Milestone> find(int disk) {
        return milestones.find(disk, target(disk));
    }

    @Override
    public String state(int disk) {
        return milestones.state(disk, target(disk));
    }

    @Override
    public void forget(int disk) {
        milestones.forget(disk, target(disk), job);
    }

    @Override
    public void reached(int disk, Milestone milestone) {
        milestones.reached(target(disk), milestone);
    }

    @Override
    public NbdUri forAll(int disk) {
        return target(disk);
    }

    @Override
    public Optional<String> whyNothing(int disk) {
        return Optional.empty();
    }

    @Override
    public boolean provesItself() {
        return false;
    }

    @Override
    public boolean isCommittedLast() {
        return false;
    }

    @Override
    public boolean isCommitted() {
        return false;
    }

    @Override
    public void commit(Commit commit) {
        // Each disk was remembered when it was there.
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
