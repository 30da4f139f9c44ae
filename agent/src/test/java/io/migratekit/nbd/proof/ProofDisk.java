package io.migratekit.nbd.proof;

import io.migratekit.agent.plan.WorkList;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.Unit;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** A disk of random content with ranges of it, and its hashes computed as the documentation says, without any wit. */
final class ProofDisk {
    private static final int LEAF = 65536;
    private static final int CELL = 1 << 20;

    final byte[] content;
    final Ranges ranges;

    ProofDisk(Random random, int size) {
        content = new byte[size];
        for (int position = 0; position < size; ) {
            int end = Math.min(size, position + 1 + random.nextInt(random.nextBoolean() ? 3 * LEAF : 3 * CELL));
            if (random.nextInt(3) == 0) {
                Arrays.fill(content, position, end, (byte) random.nextInt(256));
            } else if (random.nextInt(3) == 0) {
                content[position + random.nextInt(end - position)] = 1; // All zero but for one byte.
            }
            position = end;
        }
        List<ByteRange> drawn = new ArrayList<>();
        for (int i = random.nextInt(8); i > 0; i--) {
            int grid = List.of(1, LEAF, CELL).get(random.nextInt(3));
            int offset = random.nextInt(size) / grid * grid;
            long length = Math.ceilDiv(1L + random.nextInt(3 * CELL), grid) * grid;
            drawn.add(new ByteRange(offset, Math.min(length, size - offset)));
        }
        ranges = random.nextInt(3) == 0 ? Ranges.whole(size) : Ranges.of(drawn);
    }

    List<Unit> units(long unitBytes) {
        WorkList work = new WorkList(ranges, unitBytes, index -> false);
        List<Unit> units = new ArrayList<>();
        for (Unit unit = work.next(); unit != null; unit = work.next()) {
            units.add(unit);
        }
        return units;
    }

    /** Feeds a hasher with pieces of random sizes in random order; zeroes are sometimes known, sometimes read. */
    UnitHashes hashed(Unit unit, Random random) {
        UnitHasher hasher = new UnitHasher(unit, content.length, new PieceHash());
        List<ByteRange> pieces = new ArrayList<>();
        for (ByteRange range : unit.ranges()) {
            for (long position = range.offset(); position < range.end(); ) {
                long end = Math.min(range.end(), (position / LEAF + 1 + random.nextInt(20)) * LEAF);
                pieces.add(new ByteRange(position, end - position));
                position = end;
            }
        }
        Collections.shuffle(pieces, random);
        for (ByteRange piece : pieces) {
            if (isZero(piece.offset(), piece.end()) && random.nextBoolean()) {
                hasher.zero(piece.offset(), piece.length());
            } else {
                List<ByteRange> zeroes = hasher.data(piece.offset(), memory(piece));
                if (!zeroes.equals(zeroLeaves(piece))) {
                    throw new AssertionError(piece + ": zero leaves " + zeroes + ", not " + zeroLeaves(piece));
                }
            }
        }
        return hasher.finish();
    }

    private List<ByteRange> zeroLeaves(ByteRange piece) {
        List<ByteRange> zeroes = new ArrayList<>();
        for (ByteRange part : parts(piece)) {
            if (isZero(part.offset(), part.end())) {
                zeroes.add(part);
            }
        }
        List<ByteRange> merged = new ArrayList<>();
        Ranges.of(zeroes).forEach(merged::add);
        return merged;
    }

    private static List<ByteRange> parts(ByteRange range) {
        List<ByteRange> parts = new ArrayList<>();
        for (long position = range.offset(); position < range.end(); ) {
            long end = Math.min(range.end(), (position / LEAF + 1) * LEAF);
            parts.add(new ByteRange(position, end - position));
            position = end;
        }
        return parts;
    }

    boolean isZero(long from, long to) {
        for (long i = from; i < to; i++) {
            if (content[(int) i] != 0) {
                return false;
            }
        }
        return true;
    }

    /** One entry for each cell and piece of a range, in order. */
    List<HashEntry> naive(Iterable<ByteRange> stretches) {
        List<HashEntry> entries = new ArrayList<>();
        for (ByteRange range : stretches) {
            for (long position = range.offset(); position < range.end(); ) {
                long cellEnd = Math.min(content.length, (position / CELL + 1) * CELL);
                if (position % CELL == 0 && cellEnd <= range.end()) {
                    entries.add(cell(new ByteRange(position, cellEnd - position)));
                    position = cellEnd;
                } else {
                    ByteRange part = parts(new ByteRange(position, range.end() - position))
                            .getFirst();
                    entries.add(
                            isZero(part.offset(), part.end())
                                    ? new HashEntry.ZeroPiece(part.offset(), (int) part.length())
                                    : new HashEntry.Piece(part.offset(), (int) part.length(), pieceHash(part)));
                    position = part.end();
                }
            }
        }
        return entries;
    }

    private HashEntry cell(ByteRange cell) {
        long number = cell.offset() / CELL;
        if (isZero(cell.offset(), cell.end())) {
            return new HashEntry.ZeroCells(number, 1);
        }
        return new HashEntry.Cells(number, List.of(cellHash(cell)));
    }

    Hash cellHash(ByteRange cell) {
        MessageDigest digest = Hash.newDigest();
        for (ByteRange leaf : parts(cell)) {
            digest.update(pieceHash(leaf).bytes());
        }
        return Hash.of(digest.digest());
    }

    private Xxh128 pieceHash(ByteRange range) {
        byte[] hash = new byte[16];
        new PieceHash().hash(memory(range), hash, 0);
        ByteBuffer bytes = ByteBuffer.wrap(hash);
        return new Xxh128(bytes.getLong(), bytes.getLong());
    }

    private MemorySegment memory(ByteRange range) {
        return offHeap(Arrays.copyOfRange(content, (int) range.offset(), (int) range.end()));
    }

    static MemorySegment offHeap(byte... bytes) {
        return Arena.ofAuto().allocateFrom(ValueLayout.JAVA_BYTE, bytes);
    }

    /** Entries as one for each cell and piece. */
    static List<HashEntry> single(Iterable<HashEntry> entries) {
        List<HashEntry> single = new ArrayList<>();
        for (HashEntry entry : entries) {
            switch (entry) {
                case HashEntry.Cells cells -> {
                    for (int i = 0; i < cells.hashes().size(); i++) {
                        single.add(new HashEntry.Cells(
                                cells.firstCell() + i, List.of(cells.hashes().get(i))));
                    }
                }
                case HashEntry.ZeroCells cells -> {
                    for (long i = 0; i < cells.count(); i++) {
                        single.add(new HashEntry.ZeroCells(cells.firstCell() + i, 1));
                    }
                }
                case HashEntry.Piece piece -> single.add(piece);
                case HashEntry.ZeroPiece piece -> single.add(piece);
            }
        }
        return single;
    }
}
