package io.migratekit.nbd;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * Which bytes of the disk are to be copied? Ascending ranges that neither overlap nor touch, held in
 * 16 bytes each, for a list of changed areas may be a million long.
 */
public final class Ranges implements Iterable<ByteRange> {
    private static final long HOLE_AND_ZERO = Extent.HOLE | Extent.ZERO;

    /** Offset and end of each range in turn. */
    private final long[] borders;

    private final long totalBytes;

    private Ranges(long[] borders) {
        this.borders = borders;
        long total = 0;
        for (int i = 0; i < borders.length; i += 2) {
            total += borders[i + 1] - borders[i];
        }
        this.totalBytes = total; // Cannot overflow: the ranges are disjoint, and none reaches beyond 2^63.
    }

    /** All of a disk; nothing if the disk is empty. */
    public static Ranges whole(long sizeBytes) {
        if (sizeBytes < 0) {
            throw new IllegalArgumentException("not the size of a disk: " + sizeBytes);
        }
        return new Ranges(sizeBytes == 0 ? new long[0] : new long[] {0, sizeBytes});
    }

    /** The union of ranges that may come in any order, overlap, and touch each other. */
    public static Ranges of(Iterable<ByteRange> ranges) {
        long[] starts = new long[16];
        long[] ends = new long[16];
        int count = 0;
        for (ByteRange range : ranges) {
            if (count == starts.length) {
                starts = Arrays.copyOf(starts, 2 * count);
                ends = Arrays.copyOf(ends, 2 * count);
            }
            starts[count] = range.offset();
            ends[count++] = range.end();
        }
        Arrays.sort(starts, 0, count);
        Arrays.sort(ends, 0, count);
        return new Ranges(union(starts, ends, count));
    }

    /**
     * Which start belongs to which end does not matter for the union: behind the i-th end there is a
     * gap exactly if no more than i ranges have begun by then.
     */
    private static long[] union(long[] starts, long[] ends, int count) {
        long[] borders = new long[2 * count];
        int filled = 0;
        int first = 0;
        for (int i = 0; i < count; i++) {
            if (i + 1 == count || starts[i + 1] > ends[i]) {
                borders[filled++] = starts[first];
                borders[filled++] = ends[i];
                first = i + 1;
            }
        }
        return Arrays.copyOf(borders, filled);
    }

    /** These ranges and others. */
    public Ranges and(Iterable<ByteRange> others) {
        List<ByteRange> all = new ArrayList<>();
        forEach(all::add);
        others.forEach(all::add);
        return of(all);
    }

    public int count() {
        return borders.length / 2;
    }

    public boolean isEmpty() {
        return borders.length == 0;
    }

    /** Where the last range ends; 0 without any. */
    public long end() {
        return isEmpty() ? 0 : end(count() - 1);
    }

    public long totalBytes() {
        return totalBytes;
    }

    public long offset(int index) {
        return borders[2 * index];
    }

    public long end(int index) {
        return borders[2 * index + 1];
    }

    /**
     * These ranges, if a disk of this size has them all.
     *
     * @throws IllegalArgumentException with a sentence for the user if one reaches beyond the disk's end
     */
    public Ranges requireWithin(long sizeBytes) {
        for (int i = count() - 1; i >= 0 && end(i) > sizeBytes; i--) {
            if (i == 0 || end(i - 1) <= sizeBytes) {
                throw new IllegalArgumentException(
                        "the range with offset " + offset(i) + " and length " + (end(i) - offset(i)) + " ends at "
                                + end(i) + ", but the disk ends at " + sizeBytes
                                + ". Do the ranges belong to another disk, or was this one made smaller?");
            }
        }
        return this;
    }

    /** A part of the disk, described as if a server had: data within these ranges, holes that read as zero between. */
    public List<Extent> asExtentsOf(ByteRange span) {
        List<Extent> extents = new ArrayList<>();
        long position = span.offset();
        for (int i = firstEndingBehind(position); i < count() && offset(i) < span.end(); i++) {
            if (offset(i) > position) {
                extents.add(new Extent(position, offset(i) - position, HOLE_AND_ZERO));
                position = offset(i);
            }
            long end = Math.min(end(i), span.end());
            extents.add(new Extent(position, end - position, 0));
            position = end;
        }
        if (position < span.end()) {
            extents.add(new Extent(position, span.end() - position, HOLE_AND_ZERO));
        }
        return extents;
    }

    /** Whether any byte from {@code start} up to, but not including, {@code end} is among them. */
    public boolean intersects(long start, long end) {
        int first = firstEndingBehind(start);
        return first < count() && offset(first) < end;
    }

    private int firstEndingBehind(long position) {
        int low = 0;
        int high = count();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (end(middle) > position) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    /** What of these ranges lies within a disk of this size. */
    public Ranges clippedTo(long sizeBytes) {
        int count = count();
        while (count > 0 && offset(count - 1) >= sizeBytes) {
            count--;
        }
        if (count == count() && (count == 0 || end(count - 1) <= sizeBytes)) {
            return this;
        }
        long[] clipped = Arrays.copyOf(borders, 2 * count);
        if (count > 0) {
            clipped[2 * count - 1] = Math.min(clipped[2 * count - 1], sizeBytes);
        }
        return new Ranges(clipped);
    }

    /** The same for the same ranges, and for no others: what a resumed job compares. SHA-256, in hex. */
    public String fingerprint() {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
        digest.update("migratekit ranges 1\n".getBytes(StandardCharsets.US_ASCII));
        ByteBuffer bytes = ByteBuffer.allocate(8 << 10);
        for (long border : borders) {
            if (!bytes.hasRemaining()) {
                digest.update(bytes.flip());
                bytes.clear();
            }
            bytes.putLong(border);
        }
        digest.update(bytes.flip());
        return HexFormat.of().formatHex(digest.digest());
    }

    @Override
    public Iterator<ByteRange> iterator() {
        return new Iterator<>() {
            private int next;

            @Override
            public boolean hasNext() {
                return next < count();
            }

            @Override
            public ByteRange next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                ByteRange range = new ByteRange(offset(next), end(next) - offset(next));
                next++;
                return range;
            }
        };
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Ranges that && Arrays.equals(borders, that.borders);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(borders);
    }

    @Override
    public String toString() {
        return count() + " ranges, " + totalBytes + " bytes";
    }
}
