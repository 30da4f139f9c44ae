package io.migratekit.hub.repository;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Unit;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.nbd.proof.HashEntry;
import io.migratekit.nbd.proof.UnitHasher;
import io.migratekit.nbd.proof.UnitHashes;
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
        return hash(cell, List.of(range(cell)), bytes).entries();
    }

    /** Of these parts of a cell, of which all bytes are given. */
    UnitHashes hash(long cell, List<ByteRange> parts, MemorySegment bytes) {
        UnitHasher hasher = new UnitHasher(new Unit(cell, parts), diskBytes, pieceHash);
        for (ByteRange part : parts) {
            hasher.data(part.offset(), bytes.asSlice(part.offset() - range(cell).offset(), part.length()));
        }
        return hasher.finish();
    }
}
