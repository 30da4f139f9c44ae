package io.migratekit.agent.plan;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Extent;
import io.migratekit.nbd.Unit;
import java.util.ArrayList;
import java.util.List;

/**
 * What has to be done so that the target reads as the source does on a unit? One rule for full and
 * incremental copies, because extents see through the chain of backing files: where the source reads
 * as zero, the target must too, so zeroes are written unless it does already. Everything else is copied.
 */
public final class Planner {
    private Planner() {}

    /** What to do with the part of a range between two offsets. */
    private interface Part {
        void add(long from, long to);
    }

    /**
     * The steps, ascending; together they are the unit's ranges, exactly.
     *
     * <p>Zeroes of the source are used on the grain only: an area is shrunk inward to multiples of the
     * grain, except where it reaches a border of the range, and what is cut off is copied. So a disk in
     * shreds makes few large requests, and steps begin and end on the grain or with their range.
     *
     * @param source what the source's {@code base:allocation} says, ascending; what it does not speak
     *     of is data, be it all (no such context, no answer) or the rest of a short answer
     * @param grain a power of two; offsets count from the disk's beginning
     */
    public static List<CopyStep> plan(Unit unit, List<Extent> source, ZeroMap target, long grain) {
        if (Long.bitCount(grain) != 1 || grain <= 0) {
            throw new IllegalArgumentException("the grain is a power of two, not " + grain);
        }
        ZeroMap zeroes = ZeroMap.of(source);
        List<CopyStep> steps = new ArrayList<>();
        Part skip = (from, to) -> add(steps, new CopyStep.Skip(new ByteRange(from, to - from)));
        Part zero = (from, to) -> add(steps, new CopyStep.Zero(new ByteRange(from, to - from)));
        Part copy = (from, to) -> add(steps, new CopyStep.Copy(new ByteRange(from, to - from)));
        // Where the source is zero, the same cut is made with the target's zeroes: a zero written over zero bytes at
        // the edge of a grain does no harm, half a grain of zeroes makes the server read, change and write.
        Part sourceZero = (from, to) -> split(from, to, target, grain, skip, zero);
        for (ByteRange range : unit.ranges()) {
            split(range.offset(), range.end(), zeroes, grain, sourceZero, copy);
        }
        return steps;
    }

    /** Cuts a stretch into parts that are zero, on the grain, and others. */
    private static void split(long from, long to, ZeroMap zeroes, long grain, Part zero, Part other) {
        long position = from;
        for (int i = zeroes.firstEndingAfter(from); i < zeroes.count() && zeroes.start(i) < to; i++) {
            long start = zeroes.start(i) <= from ? from : roundUp(zeroes.start(i), grain);
            long end = zeroes.end(i) >= to ? to : zeroes.end(i) & -grain;
            if (start < end) {
                if (position < start) {
                    other.add(position, start);
                }
                zero.add(start, end);
                position = end;
            }
        }
        if (position < to) {
            other.add(position, to);
        }
    }

    private static long roundUp(long offset, long grain) {
        long up = (offset + grain - 1) & -grain;
        return up < 0 ? Long.MAX_VALUE : up; // Beyond the last grain below 2^63.
    }

    /** Neighbours of the same kind become one step. */
    private static void add(List<CopyStep> steps, CopyStep step) {
        if (steps.isEmpty()) {
            steps.add(step);
            return;
        }
        CopyStep last = steps.getLast();
        if (last.range().end() != step.range().offset() || last.getClass() != step.getClass()) {
            steps.add(step);
            return;
        }
        ByteRange both = new ByteRange(
                last.range().offset(), last.range().length() + step.range().length());
        steps.set(
                steps.size() - 1,
                switch (step) {
                    case CopyStep.Copy _ -> new CopyStep.Copy(both);
                    case CopyStep.Zero _ -> new CopyStep.Zero(both);
                    case CopyStep.Skip _ -> new CopyStep.Skip(both);
                });
    }
}
