package io.migratekit.nbd.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Do records come back as they were written, in as few as possible, and is what cannot be refused? */
class RecordsTest {
    private static final long CELL = Grid.CELL_BYTES;

    @Test
    void randomRecordsComeBack() {
        long seed = System.nanoTime();
        System.out.println("RecordsTest.randomRecordsComeBack seed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            long disk = 1 + random.nextLong(5000 * CELL);
            List<HashEntry> entries = random(random, disk);
            List<HashEntry> read = read(written(writer -> entries.forEach(writer::entry)), disk);
            assertEquals(entries, ProofDisk.single(read));
            assertMerged(read);
            // What was merged is written in the same way.
            assertEquals(read, read(written(writer -> read.forEach(writer::entry)), disk));
        }
    }

    private static List<HashEntry> random(Random random, long disk) {
        List<HashEntry> entries = new ArrayList<>();
        long position = 0;
        while (position < disk) {
            long cell = Math.ceilDiv(position, CELL);
            int kind = random.nextInt(5);
            if (kind < 2) {
                int run = random.nextInt(8) == 0 ? 1500 : 3;
                for (long last = Math.min(cell + random.nextInt(run), Grid.cells(disk)); cell < last; cell++) {
                    entries.add(
                            kind == 0
                                    ? new HashEntry.ZeroCells(cell, 1)
                                    : new HashEntry.Cells(cell, List.of(new Hash(random.nextLong(), cell, 2, 3))));
                    position = (cell + 1) * CELL;
                }
            } else if (kind < 4) {
                int length = 1 + random.nextInt(Grid.leftInLeaf(position, disk));
                entries.add(
                        kind == 2
                                ? new HashEntry.ZeroPiece(position, length)
                                : new HashEntry.Piece(position, length, new Xxh128(random.nextLong(), position)));
                position += length;
            } else {
                position += random.nextBoolean() ? 1 : random.nextLong(3 * CELL);
            }
        }
        return entries;
    }

    private static void assertMerged(List<HashEntry> entries) {
        for (int i = 1; i < entries.size(); i++) {
            if (entries.get(i - 1) instanceof HashEntry.Cells before
                    && entries.get(i) instanceof HashEntry.Cells cells) {
                boolean full = before.hashes().size() == RecordWriter.LARGEST_RUN;
                assertTrue(full || before.firstCell() + before.hashes().size() < cells.firstCell(), "not one record");
            }
            if (entries.get(i - 1) instanceof HashEntry.ZeroCells before
                    && entries.get(i) instanceof HashEntry.ZeroCells cells) {
                assertTrue(before.firstCell() + before.count() < cells.firstCell(), "not one record");
            }
        }
    }

    private static byte[] written(Consumer<RecordWriter> what) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        RecordWriter writer = new RecordWriter(bytes);
        what.accept(writer);
        writer.flush();
        return bytes.toByteArray();
    }

    private static List<HashEntry> read(byte[] bytes, long disk) {
        RecordReader reader = new RecordReader(new ByteArrayInputStream(bytes), disk);
        List<HashEntry> entries = new ArrayList<>();
        for (HashEntry entry = reader.next(); entry != null; entry = reader.next()) {
            entries.add(entry);
        }
        return entries;
    }

    @Test
    void whatCannotBeIsRefused() {
        long disk = 10 * CELL + 100;
        List<byte[]> wrong = List.of(
                piece(disk - 3, 4),
                piece(5, 0),
                piece(5, -1),
                piece(-5, 5),
                piece(65_530, 7),
                piece(Long.MAX_VALUE - 1, 2),
                zeroCells(0, 0),
                zeroCells(0, 12),
                zeroCells(10, 2),
                zeroCells(-1, 2),
                zeroCells(12, 1),
                zeroCells(5, -3),
                zeroCells(5, Long.MAX_VALUE),
                cells(0, 0),
                cells(0, 1025),
                cells(0, -1),
                cells(10, 2),
                join(zeroCells(3, 2), zeroCells(4, 1)),
                join(zeroCells(3, 2), piece(5 * CELL - 1, 1)),
                join(piece(7, 2), piece(8, 1)),
                join(piece(CELL, 1), zeroCells(1, 1)),
                join(zeroCells(10, 1), piece(disk - 1, 1)),
                new byte[] {'x'});
        for (byte[] bytes : wrong) {
            assertThrows(HashFormatException.class, () -> read(bytes, disk), () -> "at " + wrong.indexOf(bytes));
        }
        byte[] right = join(piece(7, 2), piece(9, 1), zeroCells(1, 2), cells(5, 3), zeroCells(10, 1));
        assertEquals(5, read(right, disk).size());
        assertThrows(HashFormatException.class, () -> read(join(right, new byte[] {'C', 0}), disk));
    }

    @Test
    void disorderIsNotWritten() {
        List<Consumer<RecordWriter>> wrong = List.of(
                writer -> {
                    writer.zeroCells(5, 2);
                    writer.zeroCells(6, 1);
                },
                writer -> {
                    writer.zeroPiece(CELL, 1);
                    writer.cell(1, new byte[32]);
                },
                writer -> {
                    writer.cell(1, new byte[32]);
                    writer.zeroPiece(CELL + 5, 1);
                });
        for (Consumer<RecordWriter> what : wrong) {
            assertThrows(IllegalArgumentException.class, () -> written(what));
        }
    }

    private static byte[] piece(long offset, int length) {
        return ByteBuffer.allocate(13)
                .put((byte) 'p')
                .putLong(offset)
                .putInt(length)
                .array();
    }

    private static byte[] zeroCells(long first, long count) {
        return ByteBuffer.allocate(17)
                .put((byte) 'Z')
                .putLong(first)
                .putLong(count)
                .array();
    }

    private static byte[] cells(long first, int count) {
        return ByteBuffer.allocate(13 + Math.max(0, count) * Hash.BYTES)
                .put((byte) 'C')
                .putLong(first)
                .putInt(count)
                .array();
    }

    private static byte[] join(byte[]... parts) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            joined.writeBytes(part);
        }
        return joined.toByteArray();
    }
}
