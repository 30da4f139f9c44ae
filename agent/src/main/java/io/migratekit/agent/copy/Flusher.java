package io.migratekit.agent.copy;

import io.migratekit.agent.copy.Ends.Wire;
import io.migratekit.agent.job.DurableUnit;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.Pulse;
import io.migratekit.agent.watch.Stage;
import io.migratekit.nbd.ExportInfo;
import io.migratekit.nbd.proof.UnitHasher;
import io.migratekit.nbd.proof.UnitHashes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * When do complete units become durable? Every so often a flush is sent on every connection that may
 * have written them; when all are answered, they are recorded. At most one batch is under way.
 */
final class Flusher {
    /** A disk that is empty for the most part completes units by the thousand without a byte written. */
    private static final int MOST_UNITS = 1000;

    /** What is left of a unit when all of it is acknowledged: what it takes to record it, or to give it back. */
    record Complete(Task task, Progress.UnitTally tally, DurableUnit toRecord) {}

    /** Units that were complete when a flush was sent; the tag of the flush requests. */
    static final class Batch {
        private final List<Complete> units;
        private final long bytes;
        private int flushesPending;

        private Batch(List<Complete> units, long bytes) {
            this.units = units;
            this.bytes = bytes;
        }
    }

    private final CopyRun run;
    private final Ends ends;
    private final Pulse pulse;
    private List<Complete> complete = new ArrayList<>();
    private long completeBytes;
    private @Nullable Batch underWay;
    private long lastNanos = System.nanoTime();
    private boolean achieved;

    Flusher(CopyRun run, Ends ends, Pulse pulse) {
        this.run = run;
        this.ends = ends;
        this.pulse = pulse;
    }

    /** The unit has all its answers. */
    void add(ActiveUnit unit) {
        Optional<UnitHashes> read = unit.hasher.map(UnitHasher::finish);
        read.ifPresent(is -> run.requireProved(unit.task, is));
        byte[] hashes = read.map(UnitHashes::encode).orElse(new byte[0]);
        complete.add(new Complete(
                unit.task, unit.tally, new DurableUnit(unit.task.unit().index(), hashes)));
        completeBytes += unit.tally.writtenBytes();
    }

    /**
     * Sends a flush if it is time to.
     *
     * @param nothingElseToDo so that it is time for whatever is left
     */
    void flushWhenDue(boolean nothingElseToDo) {
        if (underWay != null || complete.isEmpty()) {
            return;
        }
        boolean due = nothingElseToDo
                || run.isStopping()
                || completeBytes >= run.flushBytes()
                || complete.size() >= MOST_UNITS
                || System.nanoTime() - lastNanos
                        >= run.spec().limits().checkpointEvery().toNanos() / 2;
        if (!due) {
            return;
        }
        Batch batch = new Batch(complete, completeBytes);
        complete = new ArrayList<>();
        completeBytes = 0;
        underWay = batch;
        // Also when nothing was written here: what read as zero already may have been zeroed a moment ago, by a session
        // or a run that lost its connection before it could flush.
        if (!ends.target().is(ExportInfo.Flag.FLUSH)) {
            record(batch);
            return;
        }
        for (Wire target : ends.targets()) {
            target.track(target.connection().flush(), batch);
            batch.flushesPending++;
        }
    }

    /** One of the flushes is answered. */
    void answered(Batch batch) {
        if (--batch.flushesPending == 0) {
            record(batch);
        }
    }

    private void record(Batch batch) {
        pulse.stage(Stage.JOURNAL);
        run.durable(batch.units.stream().map(Complete::toRecord).toList());
        underWay = null;
        achieved = true;
        lastNanos = System.nanoTime();
    }

    boolean isUnderWay() {
        return underWay != null;
    }

    /** Whether everything that was added is durable. */
    boolean isIdle() {
        return underWay == null && complete.isEmpty();
    }

    /** Whether anything became durable. */
    boolean hasAchieved() {
        return achieved;
    }

    /** How much was written that is not durable. */
    long notDurableBytes() {
        Batch batch = underWay;
        return completeBytes + (batch == null ? 0 : batch.bytes);
    }

    /** What was added and is not durable. */
    List<Complete> notDurable() {
        List<Complete> units = new ArrayList<>(complete);
        Batch batch = underWay;
        if (batch != null) {
            units.addAll(batch.units);
        }
        return units;
    }
}
