package io.migratekit.nbd.proof;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Unit;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which content has a unit that is being copied? Takes what is read and what is known to be zero, in
 * any order, each byte exactly once, and gives the hashes when all is there. One for each attempt to
 * copy a unit, used by one thread.
 */
public final class UnitHasher {
    private static final byte[] ZERO_LEAF = Xxh128.ZERO_LEAF.bytes();

    private final Unit unit;
    private final List<ByteRange> ranges;
    private final long diskBytes;
    private final PieceHash pieceHash;
    /**
     * The ranges are cut at the borders of leaves into slots; this is the number of each range's first
     * one, and behind the last the number of all.
     */
    private final int[] firstSlot;

    private final BitSet known = new BitSet();
    private final BitSet zero = new BitSet();
    // Both only when there is data: most units of a large sparse disk have none.
    private byte @Nullable [] hashes;
    private @Nullable MessageDigest digest;

    /** @param pieceHash of the thread that uses this hasher; for one unit after the other */
    public UnitHasher(Unit unit, long diskBytes, PieceHash pieceHash) {
        this.unit = unit;
        this.ranges = unit.ranges();
        this.diskBytes = diskBytes;
        this.pieceHash = pieceHash;
        if (unit.span().end() > diskBytes) {
            throw new IllegalArgumentException(unit.span() + " reaches beyond the disk of " + diskBytes + " bytes");
        }
        this.firstSlot = new int[ranges.size() + 1];
        for (int i = 0; i < ranges.size(); i++) {
            ByteRange range = ranges.get(i);
            long slots = Grid.leafOf(range.end() - 1) - Grid.leafOf(range.offset()) + 1;
            firstSlot[i + 1] = Math.toIntExact(firstSlot[i] + slots);
        }
    }

    /**
     * Takes what was read.
     *
     * @param offset where it lies on the disk; begins and ends on a leaf's border or with its range
     * @param bytes off-heap
     * @return which leaves, or parts of leaves at a border of the range, are all zero; neighbours are
     *     one range
     */
    public List<ByteRange> data(long offset, MemorySegment bytes) {
        long end = offset + bytes.byteSize();
        int slot = claim(offset, bytes.byteSize());
        List<ByteRange> zeroes = List.of();
        for (long position = offset; position < end; slot++) {
            int length = Grid.leftInLeaf(position, end);
            if (Zeroes.isZero(bytes, position - offset, length)) {
                zero.set(slot);
                zeroes = Zeroes.appended(zeroes, position, length);
            } else {
                pieceHash.hash(bytes.asSlice(position - offset, length), hashes(), slot * Xxh128.BYTES);
            }
            position += length;
        }
        return zeroes;
    }

    /** Takes what is known to be zero without having been read; borders as for data. */
    public void zero(long offset, long length) {
        int first = claim(offset, length);
        zero.set(first, first + slots(offset, length));
    }

    /**
     * The hashes.
     *
     * @throws IllegalStateException if a part of the unit was neither read nor known to be zero
     */
    public UnitHashes finish() {
        requireAll();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        RecordWriter writer = new RecordWriter(bytes);
        for (int i = 0; i < ranges.size(); i++) {
            finish(ranges.get(i), firstSlot[i], writer);
        }
        writer.flush();
        return new UnitHashes(unit.index(), bytes.toByteArray());
    }

    private void finish(ByteRange range, int firstOfRange, RecordWriter writer) {
        int slot = firstOfRange;
        int data = firstOfRange - 1; // The first slot from here on that is not zero, once it was looked for.
        for (long position = range.offset(); position < range.end(); ) {
            if (data < slot) {
                data = zero.nextClearBit(slot);
            }
            boolean whole = position % Grid.CELL_BYTES == 0 && range.end() - position >= cellLength(position);
            int length = whole ? cellLength(position) : Grid.leftInLeaf(position, range.end());
            int slots = slots(position, length);
            boolean allZero = data >= slot + slots;
            if (whole && allZero) {
                writer.zeroCells(Grid.cellOf(position), 1);
            } else if (whole) {
                writer.cell(Grid.cellOf(position), cellHash(position, position + length, slot));
            } else if (allZero) {
                writer.zeroPiece(position, length);
            } else {
                int at = slot * Xxh128.BYTES;
                writer.piece(position, length, Arrays.copyOfRange(hashes(), at, at + Xxh128.BYTES));
            }
            slot += slots;
            position += length;
        }
    }

    private byte[] cellHash(long offset, long end, int firstOfCell) {
        MessageDigest sha = digest();
        int slot = firstOfCell;
        for (long position = offset; position < end; slot++) {
            int leaf = Grid.leftInLeaf(position, end);
            if (!zero.get(slot)) {
                sha.update(hashes(), slot * Xxh128.BYTES, Xxh128.BYTES);
            } else if (leaf == Grid.LEAF_BYTES) {
                sha.update(ZERO_LEAF);
            } else {
                sha.update(hashOfZeroes(leaf));
            }
            position += leaf;
        }
        return sha.digest();
    }

    /** Of the disk's last leaf, if that is short: only once, so a bit of memory made for it is well spent. */
    private byte[] hashOfZeroes(int length) {
        byte[] hash = new byte[Xxh128.BYTES];
        try (Arena arena = Arena.ofConfined()) {
            pieceHash.hash(arena.allocate(length), hash, 0);
        }
        return hash;
    }

    private int cellLength(long offset) {
        return Grid.cellLength(Grid.cellOf(offset), diskBytes);
    }

    private static int slots(long offset, long length) {
        return (int) (Grid.leafOf(offset + length - 1) - Grid.leafOf(offset) + 1);
    }

    /** The first slot of a stretch that may be taken: inside one range, on the right borders, for the first time. */
    private int claim(long offset, long length) {
        int index = rangeAt(offset);
        ByteRange range = ranges.get(index);
        long end = offset + length;
        boolean begins = offset == range.offset() || (offset > range.offset() && Grid.isLeafBorder(offset));
        boolean ends = end == range.end() || (end < range.end() && Grid.isLeafBorder(end));
        if (!begins || !ends || length <= 0) {
            throw new IllegalArgumentException("offset=" + offset + " length=" + length
                    + " does not begin and end on a leaf's border or with " + range);
        }
        int first = firstSlot[index] + (int) (Grid.leafOf(offset) - Grid.leafOf(range.offset()));
        int behind = first + slots(offset, length);
        int taken = known.nextSetBit(first);
        if (taken >= 0 && taken < behind) {
            throw new IllegalStateException(
                    "offset=" + offset + " length=" + length + " was taken before, wholly or partly");
        }
        known.set(first, behind);
        return first;
    }

    /** The last range that does not begin behind the offset, or the first one. */
    private int rangeAt(long offset) {
        int low = 0;
        int high = ranges.size() - 1;
        while (low < high) {
            int middle = (low + high + 1) >>> 1;
            if (ranges.get(middle).offset() <= offset) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    private void requireAll() {
        int missing = known.nextClearBit(0);
        if (missing == firstSlot[ranges.size()]) {
            return;
        }
        int index = 0;
        while (firstSlot[index + 1] <= missing) {
            index++;
        }
        long leaf = Grid.leafOf(ranges.get(index).offset()) + missing - firstSlot[index];
        long offset = Math.max(ranges.get(index).offset(), leaf * Grid.LEAF_BYTES);
        throw new IllegalStateException("unit " + unit.index() + " is not complete: nothing came of offset " + offset);
    }

    private MessageDigest digest() {
        MessageDigest made = digest;
        if (made == null) {
            made = Hash.newDigest();
            digest = made;
        }
        return made;
    }

    /** The hashes of all slots, one after the other; those of zeroes are left out. */
    private byte[] hashes() {
        byte[] all = hashes;
        if (all == null) {
            all = new byte[Math.multiplyExact(firstSlot[ranges.size()], Xxh128.BYTES)];
            hashes = all;
        }
        return all;
    }
}
