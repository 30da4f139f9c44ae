package io.migratekit.agent.plan;

import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.Unit;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Which unit is to be copied next? Hands out, to any thread that asks, the units of the plan that are
 * not durable yet, in ascending order. Units are made when they are asked for, so that 64 TiB need no
 * more memory than one.
 */
public final class WorkList {
    public static final long SMALLEST_UNIT_BYTES = 1L << 20;
    public static final long LARGEST_UNIT_BYTES = 128L << 20;

    private final Ranges ranges;
    private final int unitShift;
    private final LongPredicate durable;
    private final UnitCursor cursor;

    /** So many units, with so many bytes of ranges in them. */
    public record Totals(long units, long bytes) {}

    /**
     * The units of a plan.
     *
     * @param unitBytes size of the unit grid: a power of two from 1 MiB to 128 MiB
     * @param durable says of a unit's index that nothing is left to do; asked when the unit would be
     *     next, under this list's lock, maybe twice
     */
    public WorkList(Ranges ranges, long unitBytes, LongPredicate durable) {
        if (Long.bitCount(unitBytes) != 1 || unitBytes < SMALLEST_UNIT_BYTES || unitBytes > LARGEST_UNIT_BYTES) {
            throw new IllegalArgumentException(
                    "the size of a unit is a power of two from 1 MiB to 128 MiB, not " + unitBytes);
        }
        this.ranges = ranges;
        this.unitShift = Long.numberOfTrailingZeros(unitBytes);
        this.durable = durable;
        this.cursor = new UnitCursor(ranges, unitShift);
    }

    /** The next unit, which nobody else gets; null when there is none left. */
    public synchronized @Nullable Unit next() {
        skipDurable();
        return cursor.isAtEnd() ? null : cursor.next();
    }

    /** Nothing left to hand out. */
    public synchronized boolean isEmpty() {
        skipDurable();
        return cursor.isAtEnd();
    }

    private void skipDurable() {
        while (!cursor.isAtEnd() && durable.test(cursor.index())) {
            cursor.next();
        }
    }

    /** The whole plan, durable or not. Costs a look at each range. */
    public Totals planned() {
        long units = 0;
        long last = -1;
        for (int i = 0; i < ranges.count(); i++) {
            long first = Math.max(ranges.offset(i) >>> unitShift, last + 1);
            last = (ranges.end(i) - 1) >>> unitShift;
            units += Math.max(0, last - first + 1);
        }
        return new Totals(units, ranges.totalBytes());
    }

    /** What of the plan is durable now. Costs a look at each unit of the plan, made or not. */
    public Totals durable() {
        long units = 0;
        long bytes = 0;
        for (UnitCursor walk = new UnitCursor(ranges, unitShift); !walk.isAtEnd(); ) {
            Unit unit = walk.next();
            if (durable.test(unit.index())) {
                units++;
                bytes += unit.bytes();
            }
        }
        return new Totals(units, bytes);
    }
}
