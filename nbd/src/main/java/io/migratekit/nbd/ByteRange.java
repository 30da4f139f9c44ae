package io.migratekit.nbd;

/** Which bytes of a disk? From {@code offset}, {@code length} of them; never empty, never past 2^63. */
public record ByteRange(long offset, long length) {
    public ByteRange {
        if (offset < 0 || length <= 0 || offset + length < 0) {
            throw new IllegalArgumentException("not a byte range: offset=" + offset + " length=" + length);
        }
    }

    /** The first byte behind the range. */
    public long end() {
        return offset + length;
    }
}
