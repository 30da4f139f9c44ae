package io.migratekit.nbd.proof;

import java.util.List;

/** What is known of a stretch of the disk? The records of a hash file, as values. */
public sealed interface HashEntry {
    /** Where the stretch begins on the disk. */
    long offset();

    /** Cells in a row, each with its hash. */
    record Cells(long firstCell, List<Hash> hashes) implements HashEntry {
        public Cells {
            hashes = List.copyOf(hashes);
        }

        @Override
        public long offset() {
            return firstCell * Grid.CELL_BYTES;
        }
    }

    /** Cells in a row that are all zero. */
    record ZeroCells(long firstCell, long count) implements HashEntry {
        @Override
        public long offset() {
            return firstCell * Grid.CELL_BYTES;
        }
    }

    /** A leaf, or a part of one, in a cell that is not covered wholly; the hash is that of exactly these bytes. */
    record Piece(long offset, int length, Xxh128 hash) implements HashEntry {}

    /** The same, all zero. */
    record ZeroPiece(long offset, int length) implements HashEntry {}
}
