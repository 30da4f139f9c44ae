package io.migratekit.nbd.proof;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.plan.CopyStep;
import io.migratekit.agent.plan.Pieces;
import io.migratekit.agent.plan.Planner;
import io.migratekit.agent.plan.WorkList;
import io.migratekit.agent.plan.ZeroMap;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Extent;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.Unit;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a file give back what was put in, the same for the same content, and is every damage to it noticed? */
class HashFileTest {
    private static final int CELL = Grid.CELL_BYTES;

    private final PieceHash pieceHash = new PieceHash();

    @TempDir
    private Path folder;

    @Test
    void aFileGivesBackWhatWasPutInWhateverTheUnits() throws IOException {
        long seed = System.nanoTime();
        System.out.println("HashFileTest.aFileGivesBackWhatWasPutInWhateverTheUnits seed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 8; round++) {
            ProofDisk disk = new ProofDisk(random, 1 + random.nextInt(6 * CELL));
            Path small = folder.resolve("small");
            Path large = folder.resolve("large");
            String root = write(disk, CELL, small, random);
            assertEquals(root, write(disk, 4 * CELL, large, random));
            assertArrayEquals(Files.readAllBytes(small), Files.readAllBytes(large));
            try (HashFileReader reader = HashFile.open(large)) {
                assertEquals(disk.content.length, reader.diskBytes());
                assertEquals(root, reader.rootHex());
                assertEquals(disk.naive(disk.ranges), ProofDisk.single(entries(reader)));
            }
        }
    }

    @Test
    void nobodyElseMayReadIt() throws IOException {
        Random random = new Random(7);
        Path file = folder.resolve("hashes");
        Path left = Files.writeString(folder.resolve("hashes.tmp"), "of a run that was killed");
        Files.setPosixFilePermissions(left, PosixFilePermissions.fromString("rw-r--r--"));
        write(new ProofDisk(random, CELL), CELL, file, random);
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    }

    private static String write(ProofDisk disk, int unitBytes, Path file, Random random) {
        List<UnitHashes> units = new ArrayList<>();
        try (HashFileWriter writer = HashFile.create(file, disk.content.length)) {
            for (Unit unit : disk.units(unitBytes)) {
                UnitHashes hashes = disk.hashed(unit, random);
                writer.add(hashes);
                units.add(hashes);
            }
            String root = writer.commit();
            assertEquals(root, HashFile.rootHex(disk.content.length, units.iterator()));
            return root;
        }
    }

    private static List<HashEntry> entries(HashFileReader reader) {
        List<HashEntry> entries = new ArrayList<>();
        for (HashEntry entry = reader.next(); entry != null; entry = reader.next()) {
            entries.add(entry);
        }
        return entries;
    }

    /** The example of the documentation; it has a record of every kind. */
    private Path example() {
        Path file = folder.resolve("example");
        long size = 5 * CELL + 7;
        List<ByteRange> ranges =
                List.of(new ByteRange(0, 3 * CELL + 512), new ByteRange(4 * CELL + 100, 3), new ByteRange(5 * CELL, 7));
        UnitHasher hasher = new UnitHasher(new Unit(0, ranges), size, pieceHash);
        hasher.data(0, ProofDisk.offHeap("x".repeat(2 * CELL).getBytes(StandardCharsets.US_ASCII)));
        hasher.zero(2 * CELL, CELL + 512);
        hasher.data(4 * CELL + 100, ProofDisk.offHeap((byte) 'a', (byte) 'b', (byte) 'c'));
        hasher.data(5 * CELL, ProofDisk.offHeap(new byte[] {1, 2, 3, 4, 5, 6, 7}));
        try (HashFileWriter writer = HashFile.create(file, size)) {
            writer.add(hasher.finish());
            writer.commit();
        }
        return file;
    }

    @Test
    void theBytesAreThoseOfTheDocumentation() throws IOException {
        Pattern line = Pattern.compile("^([0-9a-f]{2,64})(  .*)?$", Pattern.MULTILINE);
        String documented = line.matcher(Files.readString(Path.of("../docs/repository-format.md")))
                .results()
                .map(match -> match.group(1))
                .collect(Collectors.joining());
        assertEquals(documented, HexFormat.of().formatHex(Files.readAllBytes(example())));
    }

    @Test
    void unitsOutOfOrderAreRefused() {
        UnitHasher first = new UnitHasher(new Unit(0, List.of(new ByteRange(0, CELL))), 4 * CELL, pieceHash);
        first.zero(0, CELL);
        UnitHasher second = new UnitHasher(new Unit(1, List.of(new ByteRange(2 * CELL, 1))), 4 * CELL, pieceHash);
        second.zero(2 * CELL, 1);
        try (HashFileWriter writer = HashFile.create(folder.resolve("disorder"), 4 * CELL)) {
            writer.add(second.finish());
            assertThrows(IllegalArgumentException.class, () -> writer.add(first.finish()));
        }
        try (HashFileWriter writer = HashFile.create(folder.resolve("small"), CELL)) {
            assertThrows(HashFormatException.class, () -> writer.add(second.finish()), "beyond the disk's end");
        }
    }

    @Test
    void everyFlippedBitAndEveryCutIsNoticed() throws IOException {
        Path file = example();
        byte[] good = Files.readAllBytes(file);
        for (int i = 0; i < good.length; i++) {
            byte[] bad = good.clone();
            bad[i] ^= (byte) (1 << (i % 8));
            assertDamaged(bad);
            assertDamaged(Arrays.copyOf(good, i));
        }
        assertDamaged(Arrays.copyOf(good, good.length + 1));
        assertDamaged(Arrays.copyOf(good, good.length + 1000));
    }

    private void assertDamaged(byte[] bytes) throws IOException {
        Path file = Files.write(folder.resolve("damaged"), bytes);
        assertThrows(HashFormatException.class, () -> HashFile.open(file).close());
    }

    /** A file of random records with a right root: made by a program with an error, or by somebody with an intention. */
    @Test
    void wellSignedNonsenseIsRefusedWithWords() {
        long seed = System.nanoTime();
        System.out.println("HashFileTest.wellSignedNonsenseIsRefusedWithWords seed=" + seed);
        Random random = new Random(seed);
        int[] types = {'C', 'Z', 'P', 'p', 'E', 0};
        for (int round = 0; round < 3000; round++) {
            ByteBuffer unit = ByteBuffer.allocate(13 + 17 + random.nextInt(60));
            random.nextBytes(unit.array());
            unit.put((byte) 2).putLong(random.nextInt(9)).putInt(unit.capacity() - 13);
            unit.put((byte) types[random.nextInt(types.length)]);
            unit.putLong(random.nextBoolean() ? random.nextLong() : random.nextInt(99));
            if (random.nextBoolean()) {
                unit.putInt(random.nextInt(4));
            }
            unit.rewind();
            try {
                UnitHashes hashes = UnitHashes.decode(unit);
                assertTrue(hashes.entries().size() > 0, "nothing can be right only if it is something");
            } catch (HashFormatException expected) {
                assertTrue(expected.toString().contains("the hashes "), expected::toString);
            }
        }
    }

    @Test
    void anUnfinishedFileLeavesNothing() throws IOException {
        Path file = folder.resolve("never");
        HashFile.create(file, CELL).close();
        assertEquals(List.of(), listed());
        // What a crash left is replaced, and what stood under the name stays until the new file is complete.
        Files.writeString(
                folder.resolve("never.tmp"), "left over from a crash, and longer than what comes now ".repeat(99));
        Files.writeString(file, "old");
        try (HashFileWriter writer = HashFile.create(file, CELL)) {
            assertEquals("old", Files.readString(file));
            writer.commit();
        }
        assertEquals(List.of("never"), listed());
        assertEquals(HashFile.HEADER_BYTES + HashFile.TRAILER_BYTES, Files.size(file));
    }

    private List<String> listed() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aDiskOf64TebibytesOfZeroesIsAFewBytes() throws IOException {
        long size = (1L << 46) - 512;
        long units = 1 << 19;
        Path file = folder.resolve("zero");
        try (HashFileWriter writer = HashFile.create(file, size)) {
            LongStream.range(0, units).forEach(index -> {
                long offset = index << 27;
                long length = Math.min(1 << 27, size - offset);
                UnitHasher hasher =
                        new UnitHasher(new Unit(index, List.of(new ByteRange(offset, length))), size, pieceHash);
                hasher.zero(offset, length);
                writer.add(hasher.finish());
            });
            writer.commit();
        }
        assertEquals(HashFile.HEADER_BYTES + 17 + HashFile.TRAILER_BYTES, Files.size(file));
        try (HashFileReader reader = HashFile.open(file)) {
            assertEquals(List.of(new HashEntry.ZeroCells(0, 1 << 26)), entries(reader));
        }
    }

    @Test
    void aMillionRangesGoFromPlanToFile() throws IOException {
        List<ByteRange> scattered = new ArrayList<>();
        for (long i = 0; i < 1_000_000; i++) {
            scattered.add(new ByteRange(i * 70_000, 4096));
        }
        long begun = System.nanoTime();
        long size = 1_000_000L * 70_000;
        WorkList work = new WorkList(Ranges.of(scattered), 128 << 20, index -> false);
        Path file = folder.resolve("million");
        try (HashFileWriter writer = HashFile.create(file, size)) {
            for (Unit unit = work.next(); unit != null; unit = work.next()) {
                List<Extent> extents =
                        List.of(new Extent(unit.span().offset(), unit.span().length(), Extent.ZERO));
                UnitHasher hasher = new UnitHasher(unit, size, pieceHash);
                for (CopyStep step : Planner.plan(unit, extents, ZeroMap.unknown(), Grid.LEAF_BYTES)) {
                    assertEquals(CopyStep.Zero.class, step.getClass());
                    ByteRange range = step.range();
                    for (ByteRange part : Pieces.of(range, Grid.LEAF_BYTES)) {
                        hasher.zero(part.offset(), part.length());
                    }
                }
                writer.add(hasher.finish());
            }
            writer.commit();
        }
        long millis = (System.nanoTime() - begun) / 1_000_000;
        assertTrue(Files.size(file) < 1_100_000 * 13, "bytes: " + Files.size(file));
        assertTrue(millis < 15_000, "took " + millis + " ms");
    }

    @Test
    void tenTebibytesOfDataStayAt32BytesForEachMebibyte() throws IOException {
        // A hundredth of it, with made-up hashes, as they come out of a journal.
        long cells = 104_857;
        Random random = new Random(7);
        Path file = folder.resolve("data");
        try (HashFileWriter writer = HashFile.create(file, cells * CELL)) {
            for (long cell = 0; cell < cells; cell += 128) {
                int count = (int) Math.min(128, cells - cell);
                ByteBuffer unit = ByteBuffer.allocate(13 + 13 + 32 * count);
                random.nextBytes(unit.array());
                unit.put((byte) 2).putLong(cell / 128).putInt(13 + 32 * count);
                unit.put((byte) 'C').putLong(cell).putInt(count).rewind();
                writer.add(UnitHashes.decode(unit));
            }
            writer.commit();
        }
        assertTrue(Files.size(file) < 32.1 * cells, "bytes: " + Files.size(file));
        try (HashFileReader reader = HashFile.open(file)) {
            long found = 0;
            for (HashEntry entry = reader.next(); entry != null; entry = reader.next()) {
                assertEquals(found * CELL, entry.offset());
                found += ((HashEntry.Cells) entry).hashes().size();
            }
            assertEquals(cells, found);
        }
    }
}
