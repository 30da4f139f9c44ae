package io.migratekit.hub.repository;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Unit;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.proof.HashEntry;
import io.migratekit.nbd.proof.HashFile;
import io.migratekit.nbd.proof.HashFileWriter;
import io.migratekit.nbd.proof.UnitHasher;
import io.migratekit.nbd.proof.UnitHashes;
import io.migratekit.nbd.server.QemuNbd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Does a layer hold what is said of it, over a parent that is what it was? Reads the disk through the chain, cell by cell,
 * and writes the full list of its hashes; whatever the writer's hashes do not speak of must be the parent's.
 */
final class Proof implements AutoCloseable {
    private final int key;
    private final long diskBytes;
    private final String layer;
    private final PieceHash pieceHash = new PieceHash();
    private final Arena arena = Arena.ofConfined();
    private final List<Runnable> open = new ArrayList<>();

    /** What an increment stands on, and what was proved of it. */
    record Base(String layer, Path file, CellList hashes) {}

    Proof(int key, long diskBytes, String layer) {
        this.key = key;
        this.diskBytes = diskBytes;
        this.layer = layer;
    }

    /** The root of the full list; without the writer's hashes what is found is taken for right. */
    String list(Path file, @Nullable CellList told, @Nullable Base base, Path into, SealProgress progress) {
        NbdConnection top = connect(file);
        NbdConnection below = base == null ? null : connect(base.file());
        MemorySegment bytes = arena.allocate(Grid.CELL_BYTES);
        MemorySegment old = arena.allocate(Grid.CELL_BYTES);
        try (HashFileWriter writer = HashFile.create(into, diskBytes)) {
            for (long cell = 0; cell < Grid.cells(diskBytes); cell++) {
                ByteRange range = range(cell);
                MemorySegment now = read(top, range, bytes);
                UnitHashes hashes = hash(cell, List.of(range), range, now);
                List<HashEntry> said = told == null ? List.of() : told.of(cell);
                List<HashEntry> before =
                        base == null ? List.of() : base.hashes().of(cell);
                if (!hashes.entries().equals(said)) {
                    List<ByteRange> pieces = requireSaid(range, now, said);
                    boolean isKnown = hashes.entries().equals(before) || (base == null && told == null);
                    if (!isKnown) {
                        MemorySegment under = requireBase(base, below, range, before, old);
                        if (told != null) {
                            requireRest(range, now, pieces, under);
                        }
                    }
                }
                writer.add(hashes);
                progress.at(key, "proving", range.end(), diskBytes);
            }
            return writer.commit();
        }
    }

    /** All of the disk is what a full list says. */
    void requireHolds(Path file, CellList proved, SealProgress progress) {
        NbdConnection top = connect(file);
        MemorySegment bytes = arena.allocate(Grid.CELL_BYTES);
        for (long cell = 0; cell < Grid.cells(diskBytes); cell++) {
            ByteRange range = range(cell);
            if (!hash(cell, List.of(range), range, read(top, range, bytes))
                    .entries()
                    .equals(proved.of(cell))) {
                throw damaged(layer, range, "the layer does not hold what was proved at its seal");
            }
            progress.at(key, "proving", range.end(), diskBytes);
        }
    }

    /** Where the writer knows the hash of a cell or of pieces of it, they have it. Gives these pieces. */
    private List<ByteRange> requireSaid(ByteRange range, MemorySegment now, List<HashEntry> said) {
        boolean covered =
                said.stream().anyMatch(one -> one instanceof HashEntry.Cells || one instanceof HashEntry.ZeroCells);
        List<ByteRange> pieces = covered ? List.of() : pieces(said);
        if (covered
                || (!pieces.isEmpty()
                        && !hash(range.offset() / Grid.CELL_BYTES, pieces, range, now)
                                .entries()
                                .equals(said))) {
            throw damaged(layer, range, "the layer does not hold what was copied; copy the disk again");
        }
        return pieces;
    }

    /** What is under the layer, after it was compared with its hash. */
    private MemorySegment requireBase(
            @Nullable Base base,
            @Nullable NbdConnection below,
            ByteRange range,
            List<HashEntry> before,
            MemorySegment into) {
        if (base == null || below == null) {
            throw damaged(layer, range, "the hashes of a full backup do not cover all of the disk");
        }
        MemorySegment under = read(below, range, into);
        if (!hash(range.offset() / Grid.CELL_BYTES, List.of(range), range, under)
                .entries()
                .equals(before)) {
            throw damaged(base.layer(), range, "the parent is not what it was; make a full backup");
        }
        return under;
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

    private ByteRange range(long cell) {
        return new ByteRange(cell * Grid.CELL_BYTES, Grid.cellLength(cell, diskBytes));
    }

    private UnitHashes hash(long cell, List<ByteRange> ranges, ByteRange within, MemorySegment bytes) {
        UnitHasher hasher = new UnitHasher(new Unit(cell, ranges), diskBytes, pieceHash);
        for (ByteRange range : ranges) {
            hasher.data(range.offset(), bytes.asSlice(range.offset() - within.offset(), range.length()));
        }
        return hasher.finish();
    }

    private static MemorySegment read(NbdConnection from, ByteRange range, MemorySegment into) {
        MemorySegment part = into.asSlice(0, range.length());
        from.await(from.read(part, range.offset()));
        return part;
    }

    private NbdConnection connect(Path file) {
        QemuNbd server = QemuNbd.of(file, QemuNbd.Format.QCOW2, 1).readOnly().start();
        open.addFirst(server::close);
        NbdConnection connection = NbdConnection.open(NbdUri.parse(server.uri()), ConnectSpec.of("proof"));
        open.addFirst(connection::close);
        return connection;
    }

    @Override
    public void close() {
        open.forEach(Runnable::run);
        arena.close();
    }
}
