package io.migratekit.agent.plan;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.Unit;
import java.util.ArrayList;
import java.util.List;

/** Which unit comes next, durable or not? Walks once over the ranges, in ascending order. */
final class UnitCursor {
    private final Ranges ranges;
    private final int unitShift;
    /** The first range of which something is left. */
    private int range;

    private long position;

    /** @param unitShift the unit grid's size as a power of two */
    UnitCursor(Ranges ranges, int unitShift) {
        this.ranges = ranges;
        this.unitShift = unitShift;
    }

    boolean isAtEnd() {
        return range == ranges.count();
    }

    /** The index of the next unit; there must be one. */
    long index() {
        return start() >>> unitShift;
    }

    private long start() {
        return Math.max(position, ranges.offset(range));
    }

    /** The next unit; there must be one. */
    Unit next() {
        long index = index();
        long unitEnd = (index + 1) << unitShift;
        if (unitEnd < 0) {
            unitEnd = Long.MAX_VALUE; // The last unit below 2^63.
        }
        List<ByteRange> parts = new ArrayList<>();
        while (!isAtEnd() && start() < unitEnd) {
            long start = start();
            position = Math.min(unitEnd, ranges.end(range));
            parts.add(new ByteRange(start, position - start));
            if (position == ranges.end(range)) {
                range++;
            }
        }
        return new Unit(index, parts);
    }
}
