package io.migratekit.nbd.proof;

import io.migratekit.nbd.ByteRange;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Is there anything but zeroes in memory? Data is mostly told by its first eight bytes. */
public final class Zeroes {
    private static final int STEP = Long.BYTES;

    private Zeroes() {}

    public static boolean isZero(MemorySegment bytes) {
        return isZero(bytes, 0, bytes.byteSize());
    }

    /**
     * What begins with eight zeroes and is the same when shifted by eight is all zero. The comparison is the
     * JVM's own, and one of the few for which it uses wide instructions even without its optimizing compiler:
     * 40 GB/s from a cache, as much as memcmp, where a loop over longs makes 2.
     */
    static boolean isZero(MemorySegment bytes, long offset, long length) {
        long end = offset + length;
        if (length < STEP) {
            for (long position = offset; position < end; position++) {
                if (bytes.get(ValueLayout.JAVA_BYTE, position) != 0) {
                    return false;
                }
            }
            return true;
        }
        return bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, offset) == 0
                && MemorySegment.mismatch(bytes, offset, end - STEP, bytes, offset + STEP, end) < 0;
    }

    /**
     * Which leaves, or parts of leaves at either end, are all zero? Neighbours are one range.
     *
     * @param offset where the bytes lie on the disk
     */
    public static List<ByteRange> leaves(long offset, MemorySegment bytes) {
        List<ByteRange> zeroes = List.of();
        long end = offset + bytes.byteSize();
        for (long position = offset; position < end; ) {
            int length = Grid.leftInLeaf(position, end);
            if (isZero(bytes, position - offset, length)) {
                zeroes = appended(zeroes, position, length);
            }
            position += length;
        }
        return zeroes;
    }

    /** The list with one more range; made only when there is a first one, which for most data is never. */
    static List<ByteRange> appended(List<ByteRange> zeroes, long offset, long length) {
        if (zeroes.isEmpty()) {
            List<ByteRange> first = new ArrayList<>();
            first.add(new ByteRange(offset, length));
            return first;
        }
        ByteRange last = zeroes.getLast();
        if (last.end() == offset) {
            zeroes.set(zeroes.size() - 1, new ByteRange(last.offset(), last.length() + length));
        } else {
            zeroes.add(new ByteRange(offset, length));
        }
        return zeroes;
    }
}
