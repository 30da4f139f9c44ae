package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Extent;
import java.math.BigInteger;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Does every byte of a map end up in the right slice, once, and under the right kind? */
class SlicesTest {
    private static final long[] FLAGS = {3, 0, 2, 1, 3, 3, 4, 0};

    @Test
    void everyByteIsCountedOnceInItsSlice() {
        Random random = Extents.random("SlicesTest");
        for (int round = 0; round < 200; round++) {
            long size = random.nextLong(Math.max(1, Long.MAX_VALUE >> random.nextInt(62))) + 1;
            int cells = random.nextInt(500) + 1;
            List<Extent> extents = Extents.random(random, size, FLAGS);
            Slices slices = new Slices(DiskPart.whole("base:allocation", size), cells);
            Extents.feed(slices, extents);

            assertEquals(Math.min(size, cells), slices.count());
            long disk = 0;
            for (Kind kind : slices.kinds()) {
                long kindBytes = extents.stream()
                        .filter(e -> e.flags() == kind.key())
                        .mapToLong(Extent::length)
                        .sum();
                assertEquals(kindBytes, slices.total(kind));
                assertEquals(kindBytes, sumOfSlices(slices, kind));
                disk += kindBytes;
            }
            assertEquals(size, disk);
            for (int i = 0; i < slices.count(); i++) {
                assertSliceIsFull(slices, i, size);
            }
        }
    }

    private static long sumOfSlices(Slices slices, Kind kind) {
        long sum = 0;
        for (int i = 0; i < slices.count(); i++) {
            sum += slices.bytes(kind, i);
        }
        return sum;
    }

    private static void assertSliceIsFull(Slices slices, int i, long size) {
        BigInteger start =
                BigInteger.valueOf(size).multiply(BigInteger.valueOf(i)).divide(BigInteger.valueOf(slices.count()));
        assertEquals(start.longValueExact(), slices.start(i));
        long bytes =
                slices.kinds().stream().mapToLong(kind -> slices.bytes(kind, i)).sum();
        assertEquals(slices.start(i + 1) - slices.start(i), bytes);
        assertEquals(bytes, slices.cell(i).bytes());
    }

    @Test
    void aPartOfTheDiskLeavesOutTheRest() {
        Slices slices = new Slices(new DiskPart("base:allocation", 100, 50), 5);
        Extents.feed(slices, Extents.of(90, 0, 20, 2, 1000, 3));
        assertEquals(List.of("zero", "hole,zero"), names(slices));
        assertEquals(10, slices.total(slices.kinds().get(0)));
        assertEquals(40, slices.total(slices.kinds().get(1)));
        assertEquals(100, slices.start(0));
        assertEquals(150, slices.start(5));
    }

    @Test
    void kindsAreInTheOrderOfInterest() {
        assertEquals(List.of("data", "type 4", "hole", "zero", "hole,zero"), kinds("base:allocation", 3, 2, 1, 4, 0));
        assertEquals(
                List.of("local", "backing depth 2", "backing depth 9", "backing depth 10+", "absent"),
                kinds("qemu:allocation-depth", 0, 10, 4294967295L, 500, 9, 2, 1));
        assertEquals(List.of("dirty", "type 2", "clean"), kinds("qemu:dirty-bitmap:b", 0, 2, 1));
        assertEquals(List.of("type 1", "type 7", "type 0"), kinds("x-foo:bar", 0, 7, 1));
    }

    @Test
    void theNumberOfKindsIsBounded() {
        long[] flags = new long[1000];
        for (int i = 0; i < flags.length; i++) {
            flags[i] = i;
        }
        List<String> names = kinds("x-foo:bar", flags);
        assertEquals(11, names.size());
        assertEquals("other types", names.get(9));
        assertEquals("type 0", names.get(10));
        assertEquals(14, kinds("base:allocation", flags).size());
    }

    @Test
    void gapsAndOverlapsAreRefused() {
        Slices gap = new Slices(DiskPart.whole("base:allocation", 100), 5);
        gap.extent(new Extent(0, 10, 0));
        assertThrows(IllegalStateException.class, () -> gap.extent(new Extent(11, 10, 0)));
        Slices overlap = new Slices(DiskPart.whole("base:allocation", 100), 5);
        overlap.extent(new Extent(0, 10, 0));
        assertThrows(IllegalStateException.class, () -> overlap.extent(new Extent(9, 10, 0)));
        Slices early = new Slices(DiskPart.whole("base:allocation", 100), 5);
        early.extent(new Extent(0, 99, 0));
        assertThrows(IllegalStateException.class, early::end);
    }

    @Test
    void onlyAFullCellLooksFullAndAnyByteShows() {
        long cell = 1L << 40;
        Slices slices = new Slices(DiskPart.whole("base:allocation", 3 * cell), 3);
        Extents.feed(slices, Extents.of(1, 0, 2 * cell - 2, 3, 1, 3, cell - 1, 0, 1, 3));
        assertEquals(0, slices.cell(0).level(8));
        assertEquals("data", slices.cell(0).kind().name());
        assertEquals("hole,zero", slices.cell(1).kind().name());
        assertEquals(7, slices.cell(1).level(8));
        assertEquals(6, slices.cell(2).level(8));
        assertEquals(0, slices.cell(2).level(1));
    }

    @Test
    void aPictureOfTooManyCellsIsRefused() {
        String message = assertThrows(
                        IllegalArgumentException.class,
                        () -> new Slices(DiskPart.whole("base:allocation", 1), Slices.MOST_CELLS + 1))
                .toString();
        assertTrue(message.contains("100000"), message);
    }

    private static List<String> kinds(String context, long... flags) {
        Slices slices = new Slices(DiskPart.whole(context, flags.length), 1);
        for (int i = 0; i < flags.length; i++) {
            slices.extent(new Extent(i, 1, flags[i]));
        }
        slices.end();
        return names(slices);
    }

    private static List<String> names(Slices slices) {
        return slices.kinds().stream().map(Kind::name).toList();
    }
}
