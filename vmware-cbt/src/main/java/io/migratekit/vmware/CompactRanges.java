package io.migratekit.vmware;

import io.migratekit.nbd.ByteRange;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.Objects;
import java.util.RandomAccess;

/**
 * A list of ranges in order, sixteen bytes each, neighbours merged. When there are too many of them, the smallest
 * gaps are filled: more is then copied than changed, never less.
 */
final class CompactRanges extends AbstractList<ByteRange> implements RandomAccess {
    private final int most;
    private long[] starts = new long[64];
    private long[] ends = new long[64];
    private int size;
    private long gap;

    /** @param most how many ranges to hold at most */
    CompactRanges(int most) {
        this.most = most;
    }

    /** Appends; {@code start} is not before the end of what was appended last. */
    void append(long start, long end) {
        if (size > 0 && start < ends[size - 1]) {
            throw new IllegalArgumentException("ranges come in order: " + start + " after " + ends[size - 1]);
        }
        if (size > 0 && start - ends[size - 1] <= gap) {
            ends[size - 1] = end;
            return;
        }
        if (size == most) {
            thinOut();
            append(start, end);
            return;
        }
        if (size == starts.length) {
            starts = Arrays.copyOf(starts, Math.min(most, 2 * size));
            ends = Arrays.copyOf(ends, starts.length);
        }
        starts[size] = start;
        ends[size++] = end;
    }

    /** How large a gap was filled, in bytes; 0: none. */
    long filledGap() {
        return gap;
    }

    private void thinOut() {
        while (size > most / 2) {
            gap = Math.max(64 << 10, 2 * gap);
            int kept = 0;
            for (int i = 1; i < size; i++) {
                if (starts[i] - ends[kept] <= gap) {
                    ends[kept] = ends[i];
                } else {
                    starts[++kept] = starts[i];
                    ends[kept] = ends[i];
                }
            }
            size = kept + 1;
        }
    }

    long totalBytes() {
        long total = 0;
        for (int i = 0; i < size; i++) {
            total += ends[i] - starts[i];
        }
        return total;
    }

    @Override
    public ByteRange get(int index) {
        Objects.checkIndex(index, size);
        return new ByteRange(starts[index], ends[index] - starts[index]);
    }

    @Override
    public int size() {
        return size;
    }
}
