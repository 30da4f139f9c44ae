package io.migratekit.nbd.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Unit;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Are the hashes of a unit those that the documentation defines, in whatever order the bytes come? */
class UnitHasherTest {
    private static final int LEAF = Grid.LEAF_BYTES;
    private static final int CELL = Grid.CELL_BYTES;
    private final PieceHash pieceHash = new PieceHash();

    @Test
    void hashesAreThoseOfTheDocumentationInAnyOrder() {
        long seed = System.nanoTime();
        System.out.println("UnitHasherTest.hashesAreThoseOfTheDocumentationInAnyOrder seed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 20; round++) {
            ProofDisk disk = new ProofDisk(random, 1 + random.nextInt(4 * CELL));
            for (Unit unit : disk.units(CELL << random.nextInt(3))) {
                UnitHashes hashes = disk.hashed(unit, random);
                assertEquals(unit.index(), hashes.unitIndex());
                assertEquals(disk.naive(unit.ranges()), ProofDisk.single(hashes.entries()));
                assertEquals(hashes, disk.hashed(unit, random), "the order does not matter");
                assertStorable(hashes);
            }
        }
    }

    private static void assertStorable(UnitHashes hashes) {
        byte[] encoded = hashes.encode();
        ByteBuffer withMore =
                ByteBuffer.allocate(encoded.length + 9).put(3, encoded).position(3);
        assertEquals(hashes, UnitHashes.decode(withMore));
        assertEquals(3 + encoded.length, withMore.position(), "takes its own bytes only");
        for (int length = 0; length < encoded.length; length += 1 + encoded.length / 50) {
            ByteBuffer cut = ByteBuffer.wrap(encoded, 0, length);
            assertThrows(HashFormatException.class, () -> UnitHashes.decode(cut));
        }
    }

    @Test
    void oneChangedByteIsFoundAndItsPlaceNamed() {
        long seed = System.nanoTime();
        System.out.println("UnitHasherTest.oneChangedByteIsFoundAndItsPlaceNamed seed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 15; round++) {
            ProofDisk disk = new ProofDisk(random, 1 + random.nextInt(3 * CELL));
            for (Unit unit : disk.units(4 * CELL)) {
                UnitHashes before = disk.hashed(unit, random);
                assertEquals(OptionalLong.empty(), before.firstDifference(disk.hashed(unit, random)));
                ByteRange range = unit.ranges().get(random.nextInt(unit.ranges().size()));
                int changed = (int) (range.offset() + random.nextLong(range.length()));
                disk.content[changed] ^= (byte) (1 << random.nextInt(8));
                UnitHashes after = disk.hashed(unit, random);
                assertNotEquals(before, after);
                long found = before.firstDifference(after).orElseThrow();
                assertEquals(found, after.firstDifference(before).orElseThrow());
                assertTrue(found <= changed && changed / CELL == found / CELL, found + " for " + changed);
            }
        }
    }

    @Test
    void otherCoverageIsADifference() {
        Unit shorter = new Unit(0, List.of(new ByteRange(0, LEAF)));
        Unit longer = new Unit(0, List.of(new ByteRange(0, 2 * LEAF)));
        UnitHasher first = new UnitHasher(shorter, CELL, pieceHash);
        first.zero(0, LEAF);
        UnitHasher second = new UnitHasher(longer, CELL, pieceHash);
        second.zero(0, 2 * LEAF);
        Unit later = new Unit(1, shorter.ranges());
        UnitHasher third = new UnitHasher(later, CELL, pieceHash);
        third.zero(0, LEAF);
        assertNotEquals(first.finish(), third.finish());
        assertEquals(OptionalLong.of(LEAF), first.finish().firstDifference(second.finish()));
    }

    @Test
    void whatDoesNotFitIsRefused() {
        Unit unit = new Unit(0, List.of(new ByteRange(1000, 100_000), new ByteRange(3 * LEAF, LEAF)));
        UnitHasher hasher = new UnitHasher(unit, CELL, pieceHash);
        long[][] wrong = {
            {0, LEAF}, {1000, 100}, {1001, LEAF - 1001}, {1000, 200_000}, {LEAF, LEAF}, {3 * LEAF, LEAF / 2},
            {3 * LEAF, 2 * LEAF}, {4 * LEAF, LEAF}, {2 * LEAF, LEAF}, {LEAF, 0}, {1000, -1000}, {-LEAF, 2 * LEAF}
        };
        for (long[] stretch : wrong) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> hasher.zero(stretch[0], stretch[1]),
                    () -> Arrays.toString(stretch));
        }
        hasher.zero(1000, LEAF - 1000);
        assertThrows(IllegalStateException.class, () -> hasher.zero(1000, 100_000), "taken before");
        assertEquals(
                "unit 0 is not complete: nothing came of offset 65536",
                assertThrows(IllegalStateException.class, hasher::finish).getMessage());
        hasher.zero(LEAF, 101_000 - LEAF);
        assertEquals(
                "unit 0 is not complete: nothing came of offset 196608",
                assertThrows(IllegalStateException.class, hasher::finish).getMessage());
        hasher.data(3 * LEAF, ProofDisk.offHeap(new byte[LEAF]));
        assertEquals(3, hasher.finish().entries().size());
        assertThrows(IllegalArgumentException.class, () -> new UnitHasher(unit, 4 * LEAF - 1, pieceHash));
    }

    /** The hash of a zero leaf is a constant of the format; these are the words of xxhsum and sha256sum. */
    @Test
    void zeroesHaveTheHashesOfTheDocumentation() {
        assertEquals("fd5ee061c8433a0f33b202d302b65caa", Xxh128.ZERO_LEAF.hex());
        ProofDisk disk = new ProofDisk(new Random(1), CELL);
        Arrays.fill(disk.content, (byte) 0);
        assertEquals(
                "1f46444c2f1b0a87285a4e24a2a32fd35993e851d7f7720eeb6190bb2867089d",
                disk.cellHash(new ByteRange(0, CELL)).hex());
    }

    @Test
    void aShortLeafOfZeroesCountsInACellWithData() {
        ProofDisk disk = new ProofDisk(new Random(1), LEAF + 4464);
        Arrays.fill(disk.content, (byte) 0);
        disk.content[7] = 1;
        Unit unit = new Unit(0, List.of(new ByteRange(0, disk.content.length)));
        UnitHasher hasher = new UnitHasher(unit, disk.content.length, pieceHash);
        hasher.data(0, ProofDisk.offHeap(Arrays.copyOf(disk.content, LEAF)));
        hasher.zero(LEAF, 4464);
        assertEquals(disk.naive(unit.ranges()), hasher.finish().entries());
    }

    @Test
    void zeroesInMemoryAreTold() {
        long seed = System.nanoTime();
        System.out.println("UnitHasherTest.zeroesInMemoryAreTold seed=" + seed);
        Random random = new Random(seed);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(4096);
            for (int round = 0; round < 2000; round++) {
                int offset = random.nextInt(200);
                int length = random.nextInt(200);
                int place = random.nextInt(400);
                memory.set(ValueLayout.JAVA_BYTE, place, (byte) (1 << random.nextInt(8)));
                boolean expected = place < offset || place >= offset + length;
                assertEquals(expected, Zeroes.isZero(memory.asSlice(offset, length)));
                memory.set(ValueLayout.JAVA_BYTE, place, (byte) 0);
            }
        }
        byte[] bytes = new byte[3 * LEAF];
        bytes[2 * LEAF] = 1;
        // From the middle of a leaf: its second half and the next leaf are zero, then a leaf is not, then half a leaf
        // is.
        assertEquals(
                List.of(new ByteRange(CELL + LEAF / 2, LEAF + LEAF / 2), new ByteRange(CELL + 3 * LEAF, LEAF / 2)),
                Zeroes.leaves(CELL + LEAF / 2, MemorySegment.ofArray(bytes)));
    }

    @Test
    void unitsOfZeroesCostNextToNothing() {
        long begun = System.nanoTime();
        long total = 0;
        for (long index = 0; index < 20_000; index++) {
            Unit unit = new Unit(index, List.of(new ByteRange(index << 27, 1 << 27)));
            UnitHasher hasher = new UnitHasher(unit, 1L << 46, pieceHash);
            hasher.zero(index << 27, 1 << 27);
            total += hasher.finish().encode().length;
        }
        assertEquals(20_000 * 30, total);
        long millis = (System.nanoTime() - begun) / 1_000_000;
        assertTrue(millis < 10_000, "took " + millis + " ms");
    }
}
