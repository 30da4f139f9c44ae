package io.migratekit.cli;

import io.migratekit.nbd.Extent;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How many bytes of each kind are in each slice of the disk? Cuts a part of a disk into slices of equal length (a byte
 * more or less), one per cell of a picture, and sums extents into them; extents outside the part are left out.
 */
final class Slices implements MapSink {
    /** Bounds the memory: with the bounded number of {@link Kinds} at most about 15 MiB. */
    static final int MOST_CELLS = 100_000;

    private final DiskPart part;
    private final int count;
    private final Kinds kinds;
    private final Map<Long, long[]> bytesByKey = new HashMap<>();
    private final Map<Long, Long> totalByKey = new HashMap<>();
    private List<Kind> inOrder = List.of();
    private int cell;
    private long covered;

    /**
     * What a picture shows in one cell.
     *
     * @param kind the first kind, in the order of the legend, of which the slice has anything
     * @param kindBytes how much of it
     * @param bytes the length of the slice
     * @param under the kind that has most of the rest, or null if there is no rest
     */
    record Cell(
            Kind kind, long kindBytes, long bytes, @Nullable Kind under) {
        /** What a mark is drawn upon: the rest of the cell, or its own kind where there is no rest. */
        Kind ground() {
            return under == null ? kind : under;
        }

        /** Which of so many steps of a mark: the last for the whole slice and nothing less, the first for any byte. */
        int level(int steps) {
            if (kindBytes == bytes) {
                return steps - 1;
            }
            long rounded = Math.round((double) kindBytes / bytes * steps);
            return Math.clamp(rounded, 1, Math.max(1, steps - 1)) - 1;
        }
    }

    /** Has fewer slices than asked for where the part has fewer bytes: a slice is never empty. */
    Slices(DiskPart part, int cells) {
        if (cells < 1 || cells > MOST_CELLS) {
            throw new IllegalArgumentException(
                    "a picture has 1 to " + MOST_CELLS + " cells, not " + cells + ": choose another width or height");
        }
        this.part = part;
        this.count = (int) Math.min(cells, part.length());
        this.kinds = new Kinds(part.context());
        this.covered = part.offset();
    }

    @Override
    public void extent(Extent extent) {
        long from = Math.max(extent.offset(), part.offset());
        long to = Math.min(extent.end(), part.end());
        if (from >= to) {
            return;
        }
        requireCoveredTo(from);
        long key = kinds.key(extent.flags());
        totalByKey.merge(key, to - from, Long::sum);
        long[] bytes = bytesByKey.computeIfAbsent(key, k -> new long[count]);
        while (from < to) {
            long edge = start(cell + 1);
            long until = Math.min(edge, to);
            bytes[cell] += until - from;
            from = until;
            if (from == edge) {
                cell++;
            }
        }
        covered = to;
    }

    @Override
    public void end() {
        requireCoveredTo(part.end());
        inOrder = kinds.inOrder();
    }

    /** A picture of a map with gaps would show wrong shares without anybody noticing. */
    private void requireCoveredTo(long offset) {
        if (covered != offset) {
            throw new IllegalStateException(
                    "extents of " + part.context() + " lead to offset " + covered + ", not to " + offset);
        }
    }

    int count() {
        return count;
    }

    DiskPart part() {
        return part;
    }

    /** Where slice i begins; with {@code i == count()}, where the last one ends. */
    long start(int i) {
        if (count == 0) {
            return part.offset();
        }
        // length * i / count without leaving 63 bits: the remainder is below count, and so is i or equal to it.
        return part.offset() + i * (part.length() / count) + i * (part.length() % count) / count;
    }

    /** "40 MiB", or "about 40.9 MiB" where slices differ by a byte; empty for no slice. */
    String cellSizeForPeople() {
        if (count == 0) {
            return "";
        }
        return (part.length() % count == 0 ? "" : "about ") + Sizes.rounded(part.length() / count);
    }

    /** The kinds that occur, data-like first. Complete only after {@link #end}, like all that follows. */
    List<Kind> kinds() {
        return inOrder;
    }

    long total(Kind kind) {
        return totalByKey.getOrDefault(kind.key(), 0L);
    }

    long bytes(Kind kind, int i) {
        long[] bytes = bytesByKey.get(kind.key());
        return bytes == null ? 0 : bytes[i];
    }

    Cell cell(int i) {
        Kind first = null;
        Kind under = null;
        for (Kind kind : inOrder) {
            if (bytes(kind, i) == 0) {
                continue;
            }
            if (first == null) {
                first = kind;
            } else if (under == null || bytes(kind, i) > bytes(under, i)) {
                under = kind;
            }
        }
        if (first == null) {
            throw new IllegalStateException("slice " + i + " of " + count + " has no extent");
        }
        return new Cell(first, bytes(first, i), start(i + 1) - start(i), under);
    }
}
