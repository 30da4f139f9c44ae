package io.migratekit.nbd;

import java.util.List;

/**
 * What is one worker to copy at a time? All that the ranges want of one square of the unit grid.
 *
 * @param index the number of the square: offset divided by the grid's size
 * @param ranges ascending, neither overlapping nor touching, at least one
 */
public record Unit(long index, List<ByteRange> ranges) {
    public Unit {
        ranges = List.copyOf(ranges);
        if (index < 0 || ranges.isEmpty()) {
            throw new IllegalArgumentException("not a unit: index=" + index + " ranges=" + ranges.size());
        }
        for (int i = 1; i < ranges.size(); i++) {
            if (ranges.get(i).offset() <= ranges.get(i - 1).end()) {
                throw new IllegalArgumentException(
                        "ranges of a unit in disorder: " + ranges.get(i) + " follows " + ranges.get(i - 1));
            }
        }
    }

    /** From the first byte of the first range to the last byte of the last one. */
    public ByteRange span() {
        long offset = ranges.getFirst().offset();
        return new ByteRange(offset, ranges.getLast().end() - offset);
    }

    /** How many bytes are in the ranges. */
    public long bytes() {
        long bytes = 0;
        for (ByteRange range : ranges) {
            bytes += range.length();
        }
        return bytes;
    }
}
