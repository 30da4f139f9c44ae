package io.migratekit.nbd.proof;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * How do hashes become bytes? Writes records in ascending order; cells in a row become one record, so
 * that the bytes depend on nothing but what is known of the disk, not on how it came in.
 */
final class RecordWriter {
    static final int CELLS = 'C';
    static final int ZERO_CELLS = 'Z';
    static final int PIECE = 'P';
    static final int ZERO_PIECE = 'p';
    /** A run of cells is written when it has this many, for one that grew for ever would need as much memory. */
    static final int LARGEST_RUN = 1024;

    private final OutputStream out;
    private final ByteBuffer head = ByteBuffer.allocate(1 + Long.BYTES + Long.BYTES);
    private long zeroFirst;
    private long zeroCount;
    private long runFirst;
    private int runCount;
    private byte[] run = new byte[16 * Hash.BYTES];
    /** Nothing may begin before this. */
    private long position;

    RecordWriter(OutputStream out) {
        this.out = out;
    }

    void cell(long cell, byte[] hash) {
        flushZeroes();
        if (runCount == LARGEST_RUN || (runCount > 0 && cell != runFirst + runCount)) {
            flushRun();
        }
        advance(cell * Grid.CELL_BYTES, Grid.CELL_BYTES);
        if (runCount == 0) {
            runFirst = cell;
        }
        if (runCount * Hash.BYTES == run.length) {
            run = Arrays.copyOf(run, 2 * run.length);
        }
        System.arraycopy(hash, 0, run, runCount++ * Hash.BYTES, Hash.BYTES);
    }

    void zeroCells(long firstCell, long count) {
        flushRun();
        if (zeroCount > 0 && firstCell != zeroFirst + zeroCount) {
            flushZeroes();
        }
        advance(firstCell * Grid.CELL_BYTES, count * Grid.CELL_BYTES);
        if (zeroCount == 0) {
            zeroFirst = firstCell;
        }
        zeroCount += count;
    }

    void piece(long offset, int length, byte[] hash) {
        flush();
        advance(offset, length);
        head.clear().put((byte) PIECE).putLong(offset).putInt(length);
        write(hash, Xxh128.BYTES);
    }

    void zeroPiece(long offset, int length) {
        flush();
        advance(offset, length);
        head.clear().put((byte) ZERO_PIECE).putLong(offset).putInt(length);
        write(run, 0);
    }

    void entry(HashEntry entry) {
        switch (entry) {
            case HashEntry.Cells cells -> {
                long cell = cells.firstCell();
                for (Hash hash : cells.hashes()) {
                    cell(cell++, hash.bytes());
                }
            }
            case HashEntry.ZeroCells zeroes -> zeroCells(zeroes.firstCell(), zeroes.count());
            case HashEntry.Piece piece ->
                piece(piece.offset(), piece.length(), piece.hash().bytes());
            case HashEntry.ZeroPiece piece -> zeroPiece(piece.offset(), piece.length());
        }
    }

    /** Writes what is still held back in the hope of more cells. */
    void flush() {
        flushZeroes();
        flushRun();
    }

    private void flushZeroes() {
        if (zeroCount > 0) {
            head.clear().put((byte) ZERO_CELLS).putLong(zeroFirst).putLong(zeroCount);
            write(run, 0);
            zeroCount = 0;
        }
    }

    private void flushRun() {
        if (runCount > 0) {
            head.clear().put((byte) CELLS).putLong(runFirst).putInt(runCount);
            write(run, runCount * Hash.BYTES);
            runCount = 0;
        }
    }

    private void write(byte[] hashes, int length) {
        try {
            out.write(head.array(), 0, head.position());
            out.write(hashes, 0, length);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write hashes: " + e.getMessage(), e);
        }
    }

    private void advance(long offset, long length) {
        if (offset < position) {
            throw new IllegalArgumentException("hashes come in ascending order of the disk, but what begins at "
                    + offset + " came behind what ends at " + position);
        }
        position = offset + length < 0 ? Long.MAX_VALUE : offset + length; // The last cell below 2^63.
    }
}
