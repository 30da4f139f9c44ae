package io.migratekit.hub.repository;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Unit;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.proof.HashEntry;
import io.migratekit.nbd.proof.UnitHasher;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Where are a disk's cells, and what are their hashes? For one thread. */
final class CellHasher {
    private final long diskBytes;
    private final PieceHash pieceHash = new PieceHash();

    CellHasher(long diskBytes) {
        this.diskBytes = diskBytes;
    }

    long cells() {
        return Grid.cells(diskBytes);
    }

    ByteRange range(long cell) {
        return new ByteRange(cell * Grid.CELL_BYTES, Grid.cellLength(cell, diskBytes));
    }

    /** As a full list has it. */
    List<HashEntry> hash(long cell, MemorySegment bytes) {
        ByteRange range = range(cell);
        UnitHasher hasher = new UnitHasher(new Unit(cell, List.of(range)), diskBytes, pieceHash);
        hasher.data(range.offset(), bytes);
        return hasher.finish().entries();
    }
}
