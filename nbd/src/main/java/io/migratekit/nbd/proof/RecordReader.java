package io.migratekit.nbd.proof;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which hashes do these bytes hold? The reverse of {@link RecordWriter}; believes nothing that it has not checked. */
final class RecordReader {
    private final DataInputStream in;
    private final long diskBytes;
    private long position;

    /** @param diskBytes nothing may lie beyond the disk's end; {@link Long#MAX_VALUE} if it is not known */
    RecordReader(InputStream in, long diskBytes) {
        this.in = new DataInputStream(in);
        this.diskBytes = diskBytes;
    }

    /** The next record; null where the bytes end. */
    @Nullable
    HashEntry next() {
        try {
            int type = in.read();
            return switch (type) {
                case -1 -> null;
                case RecordWriter.CELLS -> cells();
                case RecordWriter.ZERO_CELLS -> zeroCells();
                case RecordWriter.PIECE, RecordWriter.ZERO_PIECE -> piece(type == RecordWriter.ZERO_PIECE);
                default -> throw new HashFormatException("the hashes are damaged: no record begins with " + type);
            };
        } catch (EOFException e) {
            throw new HashFormatException("the hashes are cut short: they end in the middle of a record");
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read hashes: " + e.getMessage(), e);
        }
    }

    private HashEntry cells() throws IOException {
        long first = in.readLong();
        int count = in.readInt();
        if (count > RecordWriter.LARGEST_RUN) {
            throw new HashFormatException("the hashes are damaged: " + count + " cells in one record");
        }
        checkCells(first, count);
        List<Hash> hashes = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            hashes.add(cellHash());
        }
        return new HashEntry.Cells(first, hashes);
    }

    private HashEntry zeroCells() throws IOException {
        long first = in.readLong();
        long count = in.readLong();
        checkCells(first, count);
        return new HashEntry.ZeroCells(first, count);
    }

    private HashEntry piece(boolean zero) throws IOException {
        long offset = in.readLong();
        int length = in.readInt();
        if (offset < position
                || length <= 0
                || length > diskBytes - offset
                || Grid.leafOf(offset) != Grid.leafOf(offset + length - 1)) {
            throw new HashFormatException("the hashes are damaged: a piece with offset " + offset + " and length "
                    + length + " cannot be here");
        }
        position = offset + length;
        return zero ? new HashEntry.ZeroPiece(offset, length) : new HashEntry.Piece(offset, length, pieceHash());
    }

    private Hash cellHash() throws IOException {
        return new Hash(in.readLong(), in.readLong(), in.readLong(), in.readLong());
    }

    private Xxh128 pieceHash() throws IOException {
        return new Xxh128(in.readLong(), in.readLong());
    }

    private void checkCells(long first, long count) {
        long cells = Grid.cells(diskBytes);
        if (count <= 0 || first < Math.ceilDiv(position, Grid.CELL_BYTES) || first > cells || count > cells - first) {
            throw new HashFormatException(
                    "the hashes are damaged: " + count + " cells from cell " + first + " on cannot be here");
        }
        long next = first + count;
        position = next == cells ? diskBytes : next * Grid.CELL_BYTES;
    }
}
