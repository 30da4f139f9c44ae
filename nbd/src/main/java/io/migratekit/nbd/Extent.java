package io.migratekit.nbd;

/**
 * What does the server say of this range? One stretch of a disk with the status flags of one
 * metadata context; what a flag means depends on that context.
 */
public record Extent(ByteRange range, long flags) {
    /** {@code base:allocation}: nothing is allocated here. */
    public static final long HOLE = 1;
    /** {@code base:allocation}: reads as zeroes. */
    public static final long ZERO = 2;

    public Extent(long offset, long length, long flags) {
        this(new ByteRange(offset, length), flags);
    }

    public long offset() {
        return range.offset();
    }

    public long length() {
        return range.length();
    }

    public long end() {
        return range.end();
    }
}
