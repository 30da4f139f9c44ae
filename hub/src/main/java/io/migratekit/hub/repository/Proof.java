package io.migratekit.hub.repository;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.proof.CellList;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.proof.HashEntry;
import io.migratekit.nbd.proof.HashFile;
import io.migratekit.nbd.proof.HashFileWriter;
import io.migratekit.nbd.proof.UnitHashes;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Does a layer hold what is said of it, over a parent that is what it was? Reads through the chain, cell by cell, what the
 * layer or its writer's hashes speak of, and writes the full list of the disk's hashes; all other cells are the parent's.
 */
final class Proof {
    /** So many cells are looked at ahead of the one that is judged, read or not. */
    private static final int TURNS = 256;

    private final int key;
    private final long diskBytes;
    private final String layer;
    private final CellHasher cells;

    /** What an increment stands on, and what was proved of it. */
    record Base(String layer, Path file, CellList hashes) {}

    /** A cell that waits to be judged. */
    private record Turn(long cell, List<HashEntry> said, List<HashEntry> before, boolean isRead) {}

    Proof(int key, long diskBytes, String layer) {
        this.key = key;
        this.diskBytes = diskBytes;
        this.layer = layer;
        this.cells = new CellHasher(diskBytes);
    }

    /** The root of the full list; without the writer's hashes what is found is taken for right. */
    String list(Path file, @Nullable CellList told, @Nullable Base base, Path into, SealProgress progress) {
        Deque<Turn> turns = new ArrayDeque<>();
        try (Image top = new Image(file);
                Under under = new Under(base);
                HashFileWriter writer = HashFile.create(into, diskBytes)) {
            for (long cell = 0; cell < cells.cells() || !turns.isEmpty(); ) {
                while (cell < cells.cells() && turns.size() < TURNS && top.mayAsk()) {
                    Turn turn = turn(cell++, top, told, base);
                    if (turn.isRead()) {
                        top.ask(cells.range(turn.cell()));
                    }
                    turns.add(turn);
                }
                Turn turn = turns.remove();
                if (turn.isRead()) {
                    writer.add(judged(turn, top.take(), told != null, under));
                } else {
                    turn.before().forEach(writer::add);
                }
                progress.at(key, "proving", cells.range(turn.cell()).end(), diskBytes);
            }
            return writer.commit();
        }
    }

    /** What the layer holds nothing of, and its writer does not speak of, is what is under it, and that is known. */
    private Turn turn(long cell, Image top, @Nullable CellList told, @Nullable Base base) {
        List<HashEntry> said = told == null ? List.of() : told.of(cell);
        List<HashEntry> before = base == null
                ? List.of(new HashEntry.ZeroCells(cell, 1))
                : base.hashes().of(cell);
        boolean isSilent = said.equals(before) || (said.isEmpty() && (base != null || told == null));
        return new Turn(cell, said, before, top.holds(cells.range(cell)) || !isSilent);
    }

    private UnitHashes judged(Turn turn, MemorySegment now, boolean isTold, Under under) {
        ByteRange range = cells.range(turn.cell());
        UnitHashes hashes = cells.hash(turn.cell(), List.of(range), now);
        if (!hashes.entries().equals(turn.said())) {
            List<ByteRange> pieces = requireSaid(range, now, turn.said());
            boolean isKnown = under.base == null ? !isTold : hashes.entries().equals(turn.before());
            if (!isKnown) {
                MemorySegment old = requireBase(under, range, turn.before());
                if (isTold) {
                    requireRest(range, now, pieces, old);
                }
            }
        }
        return hashes;
    }

    /** What is under a layer; opened only when something of it has to be read. */
    private static final class Under implements AutoCloseable {
        private final @Nullable Base base;
        private @Nullable Image image;

        Under(@Nullable Base base) {
            this.base = base;
        }

        MemorySegment read(Base from, ByteRange range) {
            Image opened = image == null ? new Image(from.file()) : image;
            image = opened;
            opened.ask(range);
            return opened.take();
        }

        @Override
        public void close() {
            if (image != null) {
                image.close();
            }
        }
    }

    /** Which cells are to be read, given what a full list says of each? The others are known to be right. */
    private interface Choice {
        boolean reads(Image top, ByteRange range, List<HashEntry> said);
    }

    /** All of the disk, as it is read through a chain, is what a full list says; whoever hears of damage hears the remedy. */
    void requireAll(Path file, List<String> chain, CellList proved, String remedy, SealProgress progress) {
        requireHolds(file, chain, proved, (_, _, _) -> true, remedy, progress);
    }

    /** The same, where another layer holds anything: all else is known to be right. */
    void requireWritten(
            Path file, List<String> chain, Path written, CellList proved, String remedy, SealProgress progress) {
        try (Image other = new Image(written)) {
            requireHolds(file, chain, proved, (_, range, _) -> other.holds(range), remedy, progress);
        }
    }

    /** The same over a layer that is known to be what its own list says: only what those above it hold is read. */
    void requireOver(
            CellList known,
            int above,
            Path file,
            List<String> chain,
            CellList proved,
            String remedy,
            SealProgress progress) {
        Choice choice = (top, range, said) -> {
            boolean isSame = said.equals(known.of(range.offset() / Grid.CELL_BYTES));
            return top.holds(range, above) || !isSame;
        };
        requireHolds(file, chain, proved, choice, remedy, progress);
    }

    private void requireHolds(
            Path file, List<String> chain, CellList proved, Choice choice, String remedy, SealProgress progress) {
        Deque<Turn> turns = new ArrayDeque<>();
        try (Image top = new Image(file)) {
            for (long cell = 0; cell < cells.cells() || !turns.isEmpty(); ) {
                while (cell < cells.cells() && turns.size() < TURNS && top.mayAsk()) {
                    List<HashEntry> said = proved.of(cell);
                    Turn turn = new Turn(cell, said, List.of(), choice.reads(top, cells.range(cell), said));
                    cell++;
                    if (turn.isRead()) {
                        top.ask(cells.range(turn.cell()));
                    }
                    turns.add(turn);
                }
                Turn turn = turns.remove();
                ByteRange range = cells.range(turn.cell());
                if (turn.isRead() && !cells.hash(turn.cell(), top.take()).equals(turn.said())) {
                    throw rotten(top, chain, range, remedy);
                }
                progress.at(key, "proving", range.end(), diskBytes);
            }
        }
    }

    /** What is read there comes from one layer of the chain, or from several. */
    private RepositoryException rotten(Image top, List<String> chain, ByteRange range, String remedy) {
        List<String> from = top.depths(range).stream()
                .filter(depth -> depth >= 1 && depth <= chain.size())
                .map(depth -> chain.get(Math.toIntExact(depth - 1)))
                .toList();
        String where = from.size() == 1 ? from.getFirst() : layer;
        String others = from.size() > 1 ? ", in one of the layers " + from : "";
        return damaged(where, range, "what is kept is not what was proved at its seal" + others + "; " + remedy);
    }

    /** Where the writer knows the hash of a cell or of pieces of it, they have it. Gives these pieces. */
    private List<ByteRange> requireSaid(ByteRange range, MemorySegment now, List<HashEntry> said) {
        boolean covered =
                said.stream().anyMatch(one -> one instanceof HashEntry.Cells || one instanceof HashEntry.ZeroCells);
        List<ByteRange> pieces = covered ? List.of() : pieces(said);
        if (covered
                || (!pieces.isEmpty()
                        && !cells.hash(range.offset() / Grid.CELL_BYTES, pieces, now)
                                .entries()
                                .equals(said))) {
            throw damaged(layer, range, "the layer does not hold what was copied; copy the disk again");
        }
        return pieces;
    }

    /** What is under the layer, after it was compared with its hash. */
    private MemorySegment requireBase(Under under, ByteRange range, List<HashEntry> before) {
        Base base = under.base;
        if (base == null) {
            throw damaged(layer, range, "the hashes of a full backup do not cover all of the disk");
        }
        MemorySegment old = under.read(base, range);
        if (!cells.hash(range.offset() / Grid.CELL_BYTES, old).equals(before)) {
            throw damaged(base.layer(), range, "the parent is not what it was; make a full backup");
        }
        return old;
    }

    /** Beside the pieces, the layer is what is under it. */
    private void requireRest(ByteRange range, MemorySegment now, List<ByteRange> pieces, MemorySegment under) {
        for (ByteRange piece : pieces) {
            long at = piece.offset() - range.offset();
            MemorySegment.copy(now, at, under, at, piece.length());
        }
        if (under.mismatch(now) >= 0) {
            throw damaged(layer, range, "the layer holds data of which no hash speaks; copy the disk again");
        }
    }

    private static RepositoryException damaged(String layer, ByteRange range, String what) {
        return new RepositoryException.Damaged(layer, range.offset(), what);
    }

    private static List<ByteRange> pieces(List<HashEntry> said) {
        List<ByteRange> ranges = new ArrayList<>();
        for (HashEntry entry : said) {
            int length = entry instanceof HashEntry.Piece piece
                    ? piece.length()
                    : entry instanceof HashEntry.ZeroPiece zero ? zero.length() : 0;
            if (!ranges.isEmpty() && ranges.getLast().end() == entry.offset()) {
                ByteRange last = ranges.removeLast();
                ranges.add(new ByteRange(last.offset(), last.length() + length));
            } else {
                ranges.add(new ByteRange(entry.offset(), length));
            }
        }
        return ranges;
    }
}
