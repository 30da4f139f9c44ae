package io.migratekit.vmware.sim;

import java.util.Arrays;
import java.util.Random;

/** Ranges of a disk, ascending, without overlap: compact, because there may be a million of them. */
public final class Extents {
    public static final Extents NONE = new Builder().build();

    private final long[] starts;
    private final long[] lengths;

    private Extents(long[] starts, long[] lengths) {
        this.starts = starts;
        this.lengths = lengths;
    }

    /** {@code count} extents of {@code lengthBytes}, one every {@code strideBytes}. */
    public static Extents comb(int count, long lengthBytes, long strideBytes) {
        Builder out = new Builder();
        for (int i = 0; i < count; i++) {
            out.add(i * strideBytes, lengthBytes);
        }
        return out.build();
    }

    public int count() {
        return starts.length;
    }

    public long start(int i) {
        return starts[i];
    }

    public long length(int i) {
        return lengths[i];
    }

    public long end(int i) {
        return starts[i] + lengths[i];
    }

    public long totalBytes() {
        return Arrays.stream(lengths).sum();
    }

    /** The index of the first extent that ends after this offset. */
    int firstAfter(long offset) {
        int found = Arrays.binarySearch(starts, offset);
        int next = found >= 0 ? found : -found - 1;
        return next > 0 && end(next - 1) > offset ? next - 1 : next;
    }

    /** What is in these or in those. */
    Extents and(Extents others) {
        if (count() == 0 || others.count() == 0) {
            return count() == 0 ? others : this;
        }
        Builder out = new Builder();
        int mine = 0;
        int theirs = 0;
        long start = -1;
        long end = -1;
        while (mine < count() || theirs < others.count()) {
            boolean first = theirs == others.count() || (mine < count() && starts[mine] <= others.starts[theirs]);
            long from = first ? starts[mine] : others.starts[theirs];
            long to = first ? end(mine++) : others.end(theirs++);
            if (from > end) {
                out.addUnlessEmpty(start, end);
                start = from;
            }
            end = Math.max(end, to);
        }
        out.addUnlessEmpty(start, end);
        return out.build();
    }

    /** Without a fraction of them, chosen by chance: tracking that lost something. */
    Extents dropping(double fraction, long seed) {
        Random random = new Random(seed);
        Builder out = new Builder();
        for (int i = 0; i < count(); i++) {
            if (random.nextDouble() >= fraction) {
                out.addApart(starts[i], lengths[i]);
            }
        }
        return out.build();
    }

    /** Cut into pieces, so that a fraction of what was written can be lost even if it was written in one go. */
    Extents cutInto(long pieceBytes) {
        Builder out = new Builder();
        for (int i = 0; i < count(); i++) {
            for (long at = starts[i]; at < end(i); at += pieceBytes) {
                out.addApart(at, Math.min(pieceBytes, end(i) - at));
            }
        }
        return out.build();
    }

    /** Each made longer at its end where the next one leaves room: false positives, which vSphere allows itself. */
    Extents grown(long byBytes, long capacity) {
        Builder out = new Builder();
        for (int i = 0; i < count(); i++) {
            long limit = i + 1 < count() ? starts[i + 1] : capacity;
            out.add(starts[i], Math.min(lengths[i] + byBytes, limit - starts[i]));
        }
        return out.build();
    }

    /** Collects extents in ascending order. */
    static final class Builder {
        private long[] starts = new long[16];
        private long[] lengths = new long[16];
        private int count;

        void add(long start, long length) {
            if (count > 0 && starts[count - 1] + lengths[count - 1] == start) {
                lengths[count - 1] += length;
            } else {
                addApart(start, length);
            }
        }

        void addUnlessEmpty(long start, long end) {
            if (end > start) {
                addApart(start, end - start);
            }
        }

        void addApart(long start, long length) {
            if (count == starts.length) {
                starts = Arrays.copyOf(starts, 2 * count);
                lengths = Arrays.copyOf(lengths, 2 * count);
            }
            starts[count] = start;
            lengths[count++] = length;
        }

        Extents build() {
            return new Extents(Arrays.copyOf(starts, count), Arrays.copyOf(lengths, count));
        }
    }
}
