package io.migratekit.nbd.proof;

/**
 * Where are the borders of cells and leaves? The grid is part of the format: with another one, hashes
 * of the same disk could not be compared.
 */
public final class Grid {
    public static final int LEAF_BYTES = 64 << 10;
    public static final int CELL_BYTES = 1 << 20;

    private Grid() {}

    /** How long is a cell of a disk of this size? */
    public static int cellLength(long cell, long diskBytes) {
        long start = cell * CELL_BYTES;
        if (cell < 0 || cell >= cells(diskBytes)) {
            throw new IllegalArgumentException("a disk of " + diskBytes + " bytes has no cell " + cell);
        }
        return (int) Math.min(CELL_BYTES, diskBytes - start);
    }

    /** How many cells has a disk of this size? */
    public static long cells(long diskBytes) {
        return Math.ceilDiv(diskBytes, CELL_BYTES);
    }

    static long cellOf(long offset) {
        return offset / CELL_BYTES;
    }

    static long leafOf(long offset) {
        return offset / LEAF_BYTES;
    }

    static boolean isLeafBorder(long offset) {
        return offset % LEAF_BYTES == 0;
    }

    /** How many bytes from here to the end of the leaf, if the stretch goes on for so long? */
    static int leftInLeaf(long offset, long end) {
        return (int) Math.min(LEAF_BYTES - offset % LEAF_BYTES, end - offset);
    }
}
