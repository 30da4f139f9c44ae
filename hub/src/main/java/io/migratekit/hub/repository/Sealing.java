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
 * Does a layer hold what its writer says, over a parent that is what it was? Reads the disk through the chain, cell by
 * cell, and writes the full list of its hashes; whatever the writer's hashes do not speak of must be the parent's.
 */
final class Sealing implements AutoCloseable {
    private final BackupDisk disk;
    private final String layer;
    private final @Nullable CellList told;
    private final @Nullable CellList below;
    private final PieceHash pieceHash = new PieceHash();
    private final Arena arena = Arena.ofConfined();
    private final List<Runnable> open = new ArrayList<>();

    Sealing(BackupDisk disk, String layer, @Nullable CellList told, @Nullable CellList below) {
        this.disk = disk;
        this.layer = layer;
        this.told = told;
        this.below = below;
    }

    /** The root of the full list. */
    String list(Path file, @Nullable Path parentFile, Path into, SealProgress progress) {
        long size = disk.capacityBytes();
        NbdConnection top = connect(file);
        NbdConnection parent = parentFile == null ? null : connect(parentFile);
        MemorySegment bytes = arena.allocate(Grid.CELL_BYTES);
        MemorySegment old = arena.allocate(Grid.CELL_BYTES);
        try (HashFileWriter writer = HashFile.create(into, size)) {
            for (long cell = 0; cell < Grid.cells(size); cell++) {
                ByteRange range = new ByteRange(cell * Grid.CELL_BYTES, Grid.cellLength(cell, size));
                MemorySegment now = read(top, range, bytes);
                UnitHashes hashes = hash(cell, List.of(range), range, now);
                List<HashEntry> said = told == null ? List.of() : told.of(cell);
                List<HashEntry> before = below == null ? List.of() : below.of(cell);
                if (!hashes.entries().equals(said)) {
                    judge(range, now, said, before, hashes.entries().equals(before), parent, old);
                }
                writer.add(hashes);
                progress.at(disk.key(), "proving", range.end(), size);
            }
            return writer.commit();
        }
    }

    private void judge(
            ByteRange range,
            MemorySegment now,
            List<HashEntry> said,
            List<HashEntry> before,
            boolean asBefore,
            @Nullable NbdConnection parent,
            MemorySegment old) {
        boolean covered =
                said.stream().anyMatch(one -> one instanceof HashEntry.Cells || one instanceof HashEntry.ZeroCells);
        if (covered) {
            throw damaged(layer, range, "the layer does not hold what was copied; copy the disk again");
        }
        List<ByteRange> pieces = pieces(said);
        if (!pieces.isEmpty()
                && !hash(range.offset() / Grid.CELL_BYTES, pieces, range, now)
                        .entries()
                        .equals(said)) {
            throw damaged(layer, range, "the layer does not hold what was copied; copy the disk again");
        }
        Parent on = disk.parent();
        if (asBefore || (on == null && told == null)) {
            return; // The same content as was proved before; or nothing is known that it could be compared with.
        }
        if (parent == null || on == null) {
            throw damaged(layer, range, "the hashes of a full backup do not cover all of the disk");
        }
        MemorySegment base = read(parent, range, old);
        if (!hash(range.offset() / Grid.CELL_BYTES, List.of(range), range, base)
                .entries()
                .equals(before)) {
            throw damaged(on.layer(), range, "the parent is not what it was; make a full backup");
        }
        if (told != null) {
            for (ByteRange piece : pieces) {
                long at = piece.offset() - range.offset();
                MemorySegment.copy(now, at, base, at, piece.length());
            }
            if (base.mismatch(now) >= 0) {
                throw damaged(layer, range, "the layer holds data of which no hash speaks; copy the disk again");
            }
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

    private UnitHashes hash(long cell, List<ByteRange> ranges, ByteRange within, MemorySegment bytes) {
        UnitHasher hasher = new UnitHasher(new Unit(cell, ranges), disk.capacityBytes(), pieceHash);
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
