package io.migratekit.nbd.proof;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Which content had a unit when it was copied? Hashes of its cells and pieces, held as the bytes in
 * which they are stored. The same content gives the same bytes, whether zeroes were read or known.
 */
public final class UnitHashes {
    private static final byte VERSION = 2;

    private final long unitIndex;
    private final byte[] records;

    UnitHashes(long unitIndex, byte[] records) {
        this.unitIndex = unitIndex;
        this.records = records;
    }

    /** What a unit's hashes are when this is known of it, in ascending order. */
    public static UnitHashes of(long unitIndex, List<HashEntry> entries) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        RecordWriter writer = new RecordWriter(bytes);
        entries.forEach(writer::entry);
        writer.flush();
        return new UnitHashes(unitIndex, bytes.toByteArray());
    }

    public long unitIndex() {
        return unitIndex;
    }

    /** What is known of the unit, in ascending order. */
    public List<HashEntry> entries() {
        return entries(Long.MAX_VALUE);
    }

    List<HashEntry> entries(long diskBytes) {
        RecordReader reader = new RecordReader(new ByteArrayInputStream(records), diskBytes);
        List<HashEntry> entries = new ArrayList<>();
        for (HashEntry entry = reader.next(); entry != null; entry = reader.next()) {
            entries.add(entry);
        }
        return entries;
    }

    /** Version (1 byte), unit index (8), length of what follows (4), records as in a hash file. */
    public byte[] encode() {
        return ByteBuffer.allocate(1 + Long.BYTES + Integer.BYTES + records.length)
                .put(VERSION)
                .putLong(unitIndex)
                .putInt(records.length)
                .put(records)
                .array();
    }

    /**
     * Takes exactly what {@link #encode} made out of a buffer, in which more may follow.
     *
     * @throws HashFormatException if it is something else
     */
    public static UnitHashes decode(ByteBuffer bytes) {
        try {
            byte version = bytes.get();
            if (version != VERSION) {
                throw new HashFormatException(
                        "hashes of a unit in version " + version + ", but only version " + VERSION + " is known here");
            }
            long unitIndex = bytes.getLong();
            int length = bytes.getInt();
            if (length < 0 || length > bytes.remaining() || unitIndex < 0) {
                throw new HashFormatException("the hashes of a unit are cut short or damaged: " + length
                        + " bytes announced, " + bytes.remaining() + " there");
            }
            byte[] records = new byte[length];
            bytes.get(records);
            UnitHashes hashes = new UnitHashes(unitIndex, records);
            hashes.entries(); // Throws if they are damaged.
            return hashes;
        } catch (BufferUnderflowException e) {
            throw new HashFormatException("the hashes of a unit are cut short");
        }
    }

    /** One cell or piece, with the hash of its kind, which is null for zeroes. */
    private record Mark(long offset, long length, @Nullable Record hash) {}

    /**
     * Where is the first cell or piece of which these and the others do not know the same? Empty if they
     * agree.
     */
    public OptionalLong firstDifference(UnitHashes other) {
        List<Mark> ours = marks();
        List<Mark> theirs = other.marks();
        for (int i = 0; i < Math.max(ours.size(), theirs.size()); i++) {
            if (i >= ours.size()) {
                return OptionalLong.of(theirs.get(i).offset());
            }
            if (i >= theirs.size()) {
                return OptionalLong.of(ours.get(i).offset());
            }
            if (!ours.get(i).equals(theirs.get(i))) {
                return OptionalLong.of(
                        Math.min(ours.get(i).offset(), theirs.get(i).offset()));
            }
        }
        return OptionalLong.empty();
    }

    private List<Mark> marks() {
        List<Mark> marks = new ArrayList<>();
        for (HashEntry entry : entries()) {
            switch (entry) {
                case HashEntry.Cells cells -> {
                    for (int i = 0; i < cells.hashes().size(); i++) {
                        long offset = (cells.firstCell() + i) * Grid.CELL_BYTES;
                        marks.add(
                                new Mark(offset, Grid.CELL_BYTES, cells.hashes().get(i)));
                    }
                }
                case HashEntry.ZeroCells cells -> {
                    for (long i = 0; i < cells.count(); i++) {
                        marks.add(new Mark((cells.firstCell() + i) * Grid.CELL_BYTES, Grid.CELL_BYTES, null));
                    }
                }
                case HashEntry.Piece piece -> marks.add(new Mark(piece.offset(), piece.length(), piece.hash()));
                case HashEntry.ZeroPiece piece -> marks.add(new Mark(piece.offset(), piece.length(), null));
            }
        }
        return marks;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof UnitHashes that && unitIndex == that.unitIndex && Arrays.equals(records, that.records);
    }

    @Override
    public int hashCode() {
        return 31 * Long.hashCode(unitIndex) + Arrays.hashCode(records);
    }

    @Override
    public String toString() {
        return "hashes of unit " + unitIndex + ", " + records.length + " bytes";
    }
}
