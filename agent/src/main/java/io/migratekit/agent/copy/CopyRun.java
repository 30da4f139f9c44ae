package io.migratekit.agent.copy;

import io.migratekit.agent.job.DurableUnit;
import io.migratekit.agent.job.JobEvent;
import io.migratekit.agent.job.RunRecord;
import io.migratekit.agent.plan.WorkList;
import io.migratekit.agent.plan.ZeroMap;
import io.migratekit.agent.watch.Side;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Extent;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.proof.UnitHashes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What do all workers of a copy share? The work still to be done, the record of what is durable,
 * what was learned about the servers, and the first failure.
 */
final class CopyRun {
    private static final int ENOSPC = 28;
    /** A healthy server gets through what is left of some units in this time; nobody should have to wait longer. */
    private static final long FINISH_NANOS = 1_000_000_000;

    private final CopySpec spec;
    private final RunRecord record;
    private final RateLimit rate;
    private final WorkList work;
    private final Copier.Found found;
    /** In the second phase: what the units' hashes have to be, in ascending order like the work itself. */
    private final @Nullable Iterator<DurableUnit> expected;
    /** In the first phase: what the units have to read as, if that is known. */
    private final Expectation expectation;

    private final PriorityQueue<Task> returned =
            new PriorityQueue<>(Comparator.comparingLong(task -> task.unit().index()));
    private final AtomicLong unitsLeft;
    private final AtomicInteger workers = new AtomicInteger();
    private final AtomicLong consequences = new AtomicLong();
    private final AtomicLong repeated = new AtomicLong();
    private final AtomicBoolean sourceTellsExtents;
    private final AtomicBoolean targetTellsExtents;
    private final List<String> warnings;
    private final int requestBytes;
    private final MemorySegment zeroes;
    private @Nullable RuntimeException firstFailure;
    private volatile boolean anyConnected;
    private volatile boolean stopping;
    private volatile long finishUntilNanos;

    /** @param before the first phase, when this is the second; null for the first */
    CopyRun(
            CopySpec spec,
            Expectation expectation,
            RunRecord record,
            RateLimit rate,
            WorkList work,
            long unitsLeft,
            Copier.Found found,
            @Nullable CopyRun before) {
        this.spec = spec;
        this.expectation = expectation;
        this.record = record;
        this.rate = rate;
        this.work = work;
        this.found = found;
        this.requestBytes = requestBytes(spec, found);
        this.zeroes = before == null ? Arena.ofAuto().allocate(requestBytes) : before.zeroes;
        this.unitsLeft = new AtomicLong(unitsLeft);
        this.expected = before == null ? null : record.payloads();
        sourceTellsExtents = before == null ? new AtomicBoolean(true) : before.sourceTellsExtents;
        targetTellsExtents = before == null ? new AtomicBoolean(true) : before.targetTellsExtents;
        warnings = before == null ? new CopyOnWriteArrayList<>() : before.warnings;
        anyConnected = before != null;
    }

    /** The wanted size, unless a server cannot take so much at once. */
    private static int requestBytes(CopySpec spec, Copier.Found found) {
        long most = Math.min(
                found.source().maximumBlockBytes().orElse(Long.MAX_VALUE),
                found.target().maximumBlockBytes().orElse(Long.MAX_VALUE));
        return Math.toIntExact(Math.min(spec.limits().requestBytes(), Long.highestOneBit(most)));
    }

    /** The size of a read or write. */
    int requestBytes() {
        return requestBytes;
    }

    /** As many zeroes as a request takes, for a target that cannot make them itself. */
    MemorySegment zeroes() {
        return zeroes;
    }

    CopySpec spec() {
        return spec;
    }

    RateLimit rate() {
        return rate;
    }

    boolean isVerify() {
        return expected != null;
    }

    // ---- work

    /** The next unit, or null when none can be had now: others may give theirs back. */
    synchronized @Nullable Task next() {
        Task again = returned.poll();
        if (again != null) {
            return again;
        }
        var unit = work.next();
        if (unit == null) {
            return null;
        }
        Iterator<DurableUnit> hashes = expected;
        if (hashes == null) {
            return new Task(unit, false, expectation.of(unit));
        }
        while (hashes.hasNext()) {
            DurableUnit durable = hashes.next();
            if (durable.unit() == unit.index()) {
                return new Task(unit, true, Optional.of(UnitHashes.decode(ByteBuffer.wrap(durable.payload()))));
            }
        }
        throw new IllegalStateException("unit " + unit.index() + " is durable but has no hashes");
    }

    synchronized void giveBack(List<Task> tasks) {
        returned.addAll(tasks);
        notifyAll();
    }

    /** For a worker with nothing to do: returns when there may be something, or it is all over, or the time is. */
    synchronized void awaitNews(int atMostMillis) {
        long end = System.nanoTime() + atMostMillis * 1_000_000L;
        try {
            for (long left = atMostMillis; left > 0; left = (end - System.nanoTime()) / 1_000_000) {
                if (!isHandedOut() || isAllDone() || stopping) {
                    return;
                }
                wait(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void unitsDone(int count) {
        if (unitsLeft.addAndGet(-count) == 0) {
            synchronized (this) {
                notifyAll();
            }
        }
    }

    /** Nothing to hand out now. */
    synchronized boolean isHandedOut() {
        return returned.isEmpty() && work.isEmpty();
    }

    boolean isAllDone() {
        return unitsLeft.get() == 0;
    }

    /** These units are right at the target for good. */
    void durable(List<DurableUnit> units) {
        record.append(units);
        unitsDone(units.size());
    }

    /** What was read of this unit is what it has to be, if that is known; else it must not become durable. */
    void requireProved(Task task, UnitHashes read) {
        Optional<UnitHashes> wanted = task.expected();
        if (wanted.isEmpty() || wanted.get().equals(read)) {
            return;
        }
        long where =
                read.firstDifference(wanted.get()).orElse(task.unit().span().offset());
        String what = spec.source() + ": what is read from offset " + where + " on (within " + Grid.CELL_BYTES
                + " bytes) is not what was sealed";
        if (!isSalvage()) {
            throw new CopyException.Unproved(
                    what + ". What was sealed is damaged there; `migratekit hub verify` names the layer. Other"
                            + " restore points may be right",
                    where);
        }
        warn(what);
    }

    /** Whether what is wrong or cannot be read is taken as it is. */
    boolean isSalvage() {
        return spec.proof().map(SourceProof::salvage).orElse(false);
    }

    /** Of a piece of the source so much could not be read, and is zeroes now. */
    void lost(ByteRange piece, long bytes) {
        warn(spec.source() + ": " + bytes + " of the " + piece.length() + " bytes from offset " + piece.offset()
                + " on cannot be read; zeroes stand in their place");
    }

    /** This unit was read back and is what it should be. */
    void verified(ActiveUnit unit) {
        UnitHashes actual = unit.hasher.orElseThrow().finish();
        UnitHashes wanted = unit.task.expected().orElseThrow();
        if (!actual.equals(wanted)) {
            long where = actual.firstDifference(wanted)
                    .orElse(unit.task.unit().span().offset());
            throw new CopyException.Mismatch(
                    spec.target() + ": what reads back from offset " + where + " on (within "
                            + Grid.CELL_BYTES + " bytes) is not what was read from " + spec.source()
                            + ". Either the target lost a write, or somebody else writes to it. The next run of this"
                            + " job copies everything again.",
                    where);
        }
        unitsDone(1);
    }

    /** A session may have so many bytes under way or written that are not durable: its share of the window. */
    long windowBytes() {
        return spec.limits().checkpointBytes() / Math.max(1, workers.get());
    }

    /** A session may leave so many written bytes without a flush. */
    long flushBytes() {
        return Math.max(1, windowBytes() / 2);
    }

    /** What the two ends were like at the beginning. */
    Copier.Found found() {
        return found;
    }

    long diskBytes() {
        return found.source().sizeBytes();
    }

    // ---- what is learned about the servers

    /** What to assume of the target before it has been asked. */
    ZeroMap assumedZeroes(ByteRange span) {
        return spec.destinationIsZero() && !isVerify()
                ? ZeroMap.of(List.of(new Extent(span.offset(), span.length(), Extent.ZERO)))
                : ZeroMap.unknown();
    }

    boolean tellsExtents(Side side) {
        return (side == Side.SOURCE ? sourceTellsExtents : targetTellsExtents).get();
    }

    /** One end does not list its extents (any more): from here on everything is read, or nothing is known to be zero. */
    void withoutExtents(Side side, String why) {
        if ((side == Side.SOURCE ? sourceTellsExtents : targetTellsExtents).compareAndSet(true, false)) {
            warn(
                    side == Side.SOURCE
                            ? "the source does not list its extents, so everything is read (" + why + ")"
                            : "the target does not list its extents, so zeroes are written where it may read zero"
                                    + " already (" + why + ")");
        }
    }

    void warn(String sentence) {
        warnings.add(sentence);
        record.note(JobEvent.WARNING, Map.of("message", sentence));
    }

    List<String> warnings() {
        List<String> all = new ArrayList<>(warnings);
        if (repeated.get() > 0) {
            all.add(repeated.get() + " requests failed at first and had to be made again; the servers' logs say why");
        }
        return all;
    }

    long unitsLeft() {
        return unitsLeft.get();
    }

    void note(JobEvent event, Map<String, ?> details) {
        record.note(event, details);
    }

    // ---- workers come and go

    /** A worker has all its connections, so the servers are there; what others do not get is for want of slots. */
    void connected() {
        anyConnected = true;
    }

    boolean isAnyConnected() {
        return anyConnected;
    }

    void workerBegins() {
        workers.incrementAndGet();
    }

    void workerEnds() {
        workers.decrementAndGet();
    }

    /** Whether a worker may end early, because others stay; if so, it counts as ended. The last one must stay. */
    boolean mayLeave() {
        return workers.getAndUpdate(count -> count > 1 ? count - 1 : count) > 1;
    }

    // ---- failure and stop

    /** The first one is the cause; what follows is its consequence, and only counted. */
    void fail(RuntimeException failure) {
        synchronized (this) {
            if (firstFailure == null) {
                firstFailure = failure;
            } else {
                consequences.incrementAndGet();
            }
        }
        stop();
    }

    synchronized @Nullable RuntimeException firstFailure() {
        return firstFailure;
    }

    long consequences() {
        return consequences.get();
    }

    /** No new work; what is under way is brought to its end and made durable. */
    synchronized void stop() {
        stopping = true;
        notifyAll();
    }

    /** Somebody asks us to stop: units that are nearly done may be brought to their end, or their data goes twice. */
    void stopSoon() {
        finishUntilNanos = (System.nanoTime() + FINISH_NANOS) | 1;
        stop();
    }

    boolean mayFinishUnits() {
        long until = finishUntilNanos;
        return until != 0 && System.nanoTime() - until < 0 && firstFailure() == null;
    }

    boolean isStopping() {
        return stopping;
    }

    /** What an error reply of a server means for the copy. */
    CopyException requestFailed(Side side, NbdException failure, int attempts) {
        if (side == Side.TARGET && failure instanceof NbdException.RequestFailed e && e.errno() == ENOSPC) {
            return new CopyException.NoSpace(
                    e.getMessage() + ". The target has no space left"
                            + (record.isResumable()
                                    ? "; make room and run the same job again, it goes on from the last checkpoint."
                                    : "."),
                    e);
        }
        String times = attempts == 1 ? "" : " (" + attempts + " attempts)";
        return new CopyException.EndFailed(side, failure, side.id() + ": " + failure.getMessage() + times);
    }

    /** A request failed and will be made again: worth a line in the journal, not a warning each time. */
    void requestRepeated(Side side, NbdException failure) {
        repeated.incrementAndGet();
        record.note(
                JobEvent.WARNING,
                Map.of("message", side.id() + ": " + failure.getMessage() + "; the request will be made again"));
    }
}
