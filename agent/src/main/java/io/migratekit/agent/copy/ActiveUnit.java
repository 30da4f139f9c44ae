package io.migratekit.agent.copy;

import io.migratekit.agent.plan.CopyStep;
import io.migratekit.agent.plan.Pieces;
import io.migratekit.agent.plan.Planner;
import io.migratekit.agent.plan.ZeroMap;
import io.migratekit.agent.watch.Progress;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Extent;
import io.migratekit.nbd.ExtentQuery;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.proof.UnitHasher;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** How far is a unit? First its extents are asked for, then its pieces are issued, then their answers awaited. */
final class ActiveUnit {
    final Task task;
    final Optional<UnitHasher> hasher;
    final Progress.UnitTally tally;
    private @Nullable ExtentQuery readerQuery;
    private @Nullable ExtentQuery targetQuery;
    private List<Extent> readerExtents = List.of();
    private ZeroMap targetZeroes;
    private @Nullable ArrayDeque<CopyStep> steps;
    /** What is left of the step being issued. */
    private Iterator<ByteRange> pieces = Collections.emptyIterator();

    private boolean piecesAreData;
    private @Nullable CopyStep ahead;
    /** Requests in flight for this unit. */
    int pending;

    ActiveUnit(Task task, Optional<UnitHasher> hasher, ZeroMap targetZeroes, Progress.UnitTally tally) {
        this.task = task;
        this.hasher = hasher;
        this.targetZeroes = targetZeroes;
        this.tally = tally;
    }

    // ---- extents

    void askReader(ExtentQuery query) {
        readerQuery = query;
    }

    /** Only within these ranges may the source hold data. */
    void readerHolds(Ranges data) {
        readerExtents = data.asExtentsOf(task.unit().span());
    }

    void askTarget(ExtentQuery query) {
        targetQuery = query;
    }

    /** Takes in an answer to one of the queries; another question may have to follow. */
    void answered(ExtentQuery query) {
        if (query == readerQuery && query.advance()) {
            readerExtents = query.extents();
            readerQuery = null;
        } else if (query == targetQuery && query.advance()) {
            targetZeroes = ZeroMap.of(query.extents());
            targetQuery = null;
        }
    }

    boolean asks(ExtentQuery query) {
        return query == readerQuery || query == targetQuery;
    }

    /** The server will not say: everything counts as data. */
    void withoutAnswer(ExtentQuery query) {
        if (query == readerQuery) {
            readerQuery = null;
        } else {
            targetQuery = null;
        }
    }

    boolean extentsKnown() {
        return readerQuery == null && targetQuery == null;
    }

    boolean isZeroAtTarget(ByteRange range) {
        return targetZeroes.isZero(range.offset(), range.length());
    }

    // ---- what is to be issued, once the extents are known

    /**
     * The next piece to be issued; null when there is none left.
     *
     * @param cutZeroes whether zeroes, too, have to go in pieces of the size of a request
     */
    @Nullable
    CopyStep peek(long requestBytes, boolean cutZeroes) {
        if (ahead == null) {
            ahead = cut(requestBytes, cutZeroes);
        }
        return ahead;
    }

    /** The piece that was seen last has been issued. */
    void issued() {
        ahead = null;
    }

    private @Nullable CopyStep cut(long requestBytes, boolean cutZeroes) {
        if (!pieces.hasNext()) {
            CopyStep step = steps().poll();
            if (step == null || step instanceof CopyStep.Skip || (step instanceof CopyStep.Zero && !cutZeroes)) {
                return step;
            }
            pieces = Pieces.of(step.range(), requestBytes).iterator();
            piecesAreData = step instanceof CopyStep.Copy;
        }
        ByteRange piece = pieces.next();
        return piecesAreData ? new CopyStep.Copy(piece) : new CopyStep.Zero(piece);
    }

    /** The steps not yet begun; the first call makes the plan. */
    private ArrayDeque<CopyStep> steps() {
        ArrayDeque<CopyStep> planned = steps;
        if (planned == null) {
            planned = new ArrayDeque<>(Planner.plan(task.unit(), readerExtents, targetZeroes, CopyLimits.GRAIN));
            steps = planned;
            readerExtents = List.of();
            if (!task.isVerify()) {
                long data = 0;
                for (CopyStep step : planned) {
                    data += step instanceof CopyStep.Copy copy ? copy.range().length() : 0;
                }
                tally.listed(task.unit().bytes(), data);
            }
        }
        return planned;
    }

    /** Everything issued and everything answered. */
    boolean isComplete() {
        return extentsKnown() && pending == 0 && ahead == null && !pieces.hasNext() && steps().isEmpty();
    }
}
