package io.migratekit.agent.copy;

import io.migratekit.agent.copy.Ends.Wire;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.Pulse;
import io.migratekit.agent.watch.Stage;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.ExtentQuery;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.Request;
import io.migratekit.nbd.proof.UnitHasher;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * What does a worker do from one connect to the next? One loop: take up units, ask for their
 * extents, let the pipeline issue what they need, flush every so often, and wait for all connections
 * at once. Nothing blocks but that one wait.
 */
final class Session {
    /** Units whose extents are asked for while an earlier one is being copied. */
    private static final int UNITS_AHEAD = 2;
    /** A slice of the wait, after which checkpoint, rate and stop are looked at again. */
    private static final int SLICE_MILLIS = 100;

    private static final int RATE_SLICE_MILLIS = 10;

    private final CopyRun run;
    private final Ends ends;
    private final Pulse pulse;
    private final Progress.Tally tally;
    private final Optional<PieceHash> pieceHash;
    private final Pipeline pipeline;
    private final Flusher flusher;
    private final ArrayDeque<ActiveUnit> active = new ArrayDeque<>();
    private final long begunNanos = System.nanoTime();
    private long lastAnswerNanos = begunNanos;
    private boolean achieved;

    Session(CopyRun run, Ends ends, Pulse pulse, Progress.Tally tally) {
        this.run = run;
        this.ends = ends;
        this.pulse = pulse;
        this.tally = tally;
        pieceHash = run.spec().hash() ? Optional.of(new PieceHash()) : Optional.empty();
        pipeline = new Pipeline(run, ends);
        flusher = new Flusher(run, ends, pulse);
    }

    /** The monitor saw nothing move for too long: this session is to end, and another one to be tried. */
    static final class BrokenOff extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** Works until nothing is left or the run is stopping; what is complete by then is durable. */
    void run(BooleanSupplier brokenOff) {
        while (true) {
            requireTime();
            if (!run.isStopping()) {
                takeUp();
                issue();
            } else if (run.mayFinishUnits()) {
                issue();
            }
            boolean throttled = pipeline.takeThrottled();
            flusher.flushWhenDue(active.isEmpty() && (run.isHandedOut() || !hasRoom()));
            if (isOver()) {
                return;
            }
            if (brokenOff.getAsBoolean()) {
                throw new BrokenOff();
            }
            say(throttled);
            if (active.isEmpty() && inFlight() == 0) {
                run.awaitNews(SLICE_MILLIS);
            } else {
                ends.await(throttled ? RATE_SLICE_MILLIS : SLICE_MILLIS);
            }
            pulse.turn();
            ends.all().forEach(this::takeAnswers);
            retireComplete();
        }
    }

    /** Nothing under way here, and nothing that could still come: another worker may give units back. */
    private boolean isOver() {
        boolean noMore = run.isAllDone() || (run.isStopping() && (active.isEmpty() || !run.mayFinishUnits()));
        return noMore && flusher.isIdle() && inFlight() == 0;
    }

    /** While nothing is waited for, as under a rate limit, nobody else looks at the deadline. */
    private void requireTime() {
        Deadline deadline = run.spec().connect().deadline();
        if (deadline.isOver()) {
            throw new CopyException.DeadlinePassed(
                    "the copy was not done within the deadline of " + Durations.show(deadline.total()));
        }
    }

    private int inFlight() {
        int count = 0;
        for (Wire wire : ends.all()) {
            count += wire.inFlight();
        }
        return count;
    }

    /** What is not durable and has to be done again, by whoever ends this session giving it back. */
    List<Task> giveUp() {
        List<Task> tasks = new ArrayList<>();
        for (ActiveUnit unit : active) {
            unit.tally.giveBack();
            tasks.add(unit.task);
        }
        for (Flusher.Complete unit : flusher.notDurable()) {
            unit.tally().giveBack();
            tasks.add(unit.task());
        }
        return tasks;
    }

    /** Whether anything was brought to its end: then the servers work, and patience with them begins anew. */
    boolean hasAchieved() {
        return achieved || flusher.hasAchieved();
    }

    /** How long it went on before it fell silent. */
    long answeredForNanos() {
        return lastAnswerNanos - begunNanos;
    }

    private void say(boolean throttled) {
        ActiveUnit first = active.peek();
        if (first == null) {
            pulse.stage(flusher.isUnderWay() ? Stage.FLUSHING : Stage.WAITING_FOR_OTHERS);
        } else if (inFlight() == 0 && throttled) {
            pulse.stage(Stage.RATE_LIMITED);
        } else if (inFlight() == 0 && pipeline.hasToRepeat()) {
            pulse.stage(Stage.PAUSED);
        } else {
            ByteRange span = first.task.unit().span();
            Stage working = run.isVerify() ? Stage.VERIFYING : Stage.COPYING;
            pulse.stage(first.extentsKnown() ? working : Stage.LISTING, span.offset(), span.length());
        }
    }

    // ---- taking up work

    private void takeUp() {
        while (active.size() < UNITS_AHEAD && hasRoom()) {
            Task task = run.next();
            if (task == null) {
                return;
            }
            Optional<UnitHasher> hasher = pieceHash.map(pieces -> new UnitHasher(task.unit(), run.diskBytes(), pieces));
            ActiveUnit unit =
                    new ActiveUnit(task, hasher, run.assumedZeroes(task.unit().span()), tally.unit());
            active.add(unit);
            ask(unit);
        }
    }

    /**
     * Whether one more unit leaves what is not durable within the share of the checkpoint window. Else a slow flush
     * would let more and more be written that a resume has to send again. The first unit always has room.
     */
    private boolean hasRoom() {
        if (run.isVerify() || (active.isEmpty() && flusher.isIdle())) {
            return true;
        }
        long units = active.size() + 1L;
        return flusher.notDurableBytes() + units * run.spec().limits().unitBytes() <= run.windowBytes();
    }

    private void ask(ActiveUnit unit) {
        if (run.isVerify()) {
            Wire target = Wire.leastBusy(ends.targets());
            if (canAsk(target)) {
                unit.askReader(ask(target, unit));
            }
            return;
        }
        Wire source = Wire.leastBusy(ends.sources());
        Optional<Ranges> sourceData = run.spec().sourceData();
        if (sourceData.isPresent()) {
            unit.readerHolds(sourceData.get());
        } else if (canAsk(source)) {
            unit.askReader(ask(source, unit));
        }
        Wire target = Wire.leastBusy(ends.targets());
        if (!run.spec().destinationIsZero() && canAsk(target)) {
            unit.askTarget(ask(target, unit));
        }
    }

    private boolean canAsk(Wire wire) {
        if (!run.tellsExtents(wire.side())) {
            return false;
        }
        if (!wire.connection().hasContext(ConnectSpec.BASE_ALLOCATION)) {
            run.withoutExtents(wire.side(), "it does not offer " + ConnectSpec.BASE_ALLOCATION);
            return false;
        }
        return true;
    }

    private static ExtentQuery ask(Wire wire, ActiveUnit unit) {
        ExtentQuery query = new ExtentQuery(
                wire.connection(), ConnectSpec.BASE_ALLOCATION, unit.task.unit().span());
        wire.pulse().issued(query.request());
        return query;
    }

    /** Issues as much as possible, the oldest unit first. */
    private void issue() {
        pipeline.repeatWhatIsDue();
        for (ActiveUnit unit : active) {
            if (!unit.extentsKnown() || !pipeline.issue(unit)) {
                return;
            }
        }
        retireComplete();
    }

    // ---- answers

    private void takeAnswers(Wire wire) {
        Request request;
        while ((request = wire.connection().nextAnswered()) != null) {
            wire.pulse().answered(request);
            NbdException failure = request.failure();
            if (failure == null) {
                lastAnswerNanos = System.nanoTime();
            }
            switch (request.tag()) {
                case ExtentQuery query -> extentsAnswered(wire, query);
                case Pipeline.Operation operation -> pipeline.answered(wire, operation, failure);
                case Flusher.Batch batch when failure == null -> flusher.answered(batch);
                case Flusher.Batch batch -> throw run.requestFailed(wire.side(), failure, 1);
                case null, default -> throw new IllegalStateException("an answer to nothing: " + request);
            }
        }
    }

    private void extentsAnswered(Wire wire, ExtentQuery query) {
        for (ActiveUnit unit : active) {
            if (!unit.asks(query)) {
                continue;
            }
            Request answered = query.request();
            try {
                unit.answered(query);
                if (query.request() != answered) {
                    wire.pulse().issued(query.request()); // a short answer, so another question
                }
            } catch (NbdException.RequestFailed e) {
                unit.withoutAnswer(query);
                run.withoutExtents(wire.side(), e.getMessage());
            }
        }
    }

    private void retireComplete() {
        active.removeIf(unit -> {
            if (!unit.isComplete()) {
                return false;
            }
            if (run.isVerify()) {
                run.verified(unit);
                achieved = true;
            } else {
                flusher.add(unit);
            }
            return true;
        });
    }

    /** Frees the memory; the connections must be closed by then. */
    void close() {
        pipeline.close();
    }
}
