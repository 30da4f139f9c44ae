package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Are ranges the union of what they were made of, whatever its order, and said no when they do not fit? */
class RangesTest {
    @Test
    void areTheUnionOfRandomRanges() {
        long seed = System.nanoTime();
        System.out.println("RangesTest.areTheUnionOfRandomRanges seed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            int size = 1 + random.nextInt(300);
            List<ByteRange> input = new ArrayList<>();
            BitSet model = new BitSet();
            for (int i = random.nextInt(30); i > 0; i--) {
                int offset = random.nextInt(size);
                int length = 1 + random.nextInt(Math.min(size - offset, 40));
                input.add(new ByteRange(offset, length));
                model.set(offset, offset + length);
            }
            Ranges ranges = Ranges.of(input);
            assertEquals(model, bits(ranges));
            assertEquals(model.cardinality(), ranges.totalBytes());
            for (int i = 1; i < ranges.count(); i++) {
                assertTrue(ranges.offset(i) > ranges.end(i - 1), "touching ranges are one: " + input);
            }
            Collections.shuffle(input, random);
            assertEquals(ranges, Ranges.of(input));
            assertEquals(ranges.fingerprint(), Ranges.of(input).fingerprint());

            int cut = random.nextInt(size + 10);
            BitSet clipped = (BitSet) model.clone();
            clipped.clear(cut, Math.max(cut, size));
            assertEquals(clipped, bits(ranges.clippedTo(cut)));
            if (clipped.equals(model)) {
                assertEquals(ranges, ranges.requireWithin(cut));
            } else {
                assertThrows(IllegalArgumentException.class, () -> ranges.requireWithin(cut));
                assertNotEquals(ranges.fingerprint(), ranges.clippedTo(cut).fingerprint());
            }
        }
    }

    private static BitSet bits(Ranges ranges) {
        BitSet bits = new BitSet();
        for (ByteRange range : ranges) {
            bits.set((int) range.offset(), (int) range.end());
        }
        return bits;
    }

    @Test
    void aRangeBeyondTheDiskIsNamed() {
        Ranges ranges = Ranges.of(List.of(new ByteRange(0, 10), new ByteRange(4096, 512), new ByteRange(9000, 1)));
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> ranges.requireWithin(4500));
        assertEquals(
                "the range with offset 4096 and length 512 ends at 4608, but the disk ends at 4500."
                        + " Do the ranges belong to another disk, or was this one made smaller?",
                refused.getMessage());
    }

    @Test
    void emptyAndHugeDisks() {
        assertTrue(Ranges.whole(0).isEmpty());
        assertTrue(Ranges.of(List.of()).isEmpty());
        assertEquals(Ranges.whole(0), Ranges.of(List.of()));
        assertEquals(Ranges.whole(5), Ranges.of(List.of(new ByteRange(0, 5))));
        Ranges largest = Ranges.whole(Long.MAX_VALUE);
        assertEquals(Long.MAX_VALUE, largest.requireWithin(Long.MAX_VALUE).totalBytes());
        assertThrows(IllegalArgumentException.class, () -> Ranges.whole(-1));
    }

    /** Two runs of different versions of the program must agree on what a plan is. */
    @Test
    void theFingerprintIsForEver() {
        Ranges ranges = Ranges.of(List.of(new ByteRange(0, 65536), new ByteRange(1L << 40, 512)));
        assertEquals("67a8bb7a15724640f46dc362e68d5101e855e292c3a69f9325a14442e53392ba", ranges.fingerprint());
    }

    @Test
    void aMillionRangesAreQuick() {
        List<ByteRange> input = new ArrayList<>();
        for (int i = 0; i < 1_000_000; i++) {
            // Every third one missing; in an order that has nothing to do with the disk.
            long slot = (i * 7_919L) % 1_000_000;
            if (slot % 3 != 0) {
                input.add(new ByteRange(slot << 16, 1 << 16));
            }
        }
        long begun = System.nanoTime();
        Ranges ranges = Ranges.of(input);
        String fingerprint = ranges.fingerprint();
        long millis = (System.nanoTime() - begun) / 1_000_000;
        assertEquals(333_333, ranges.count());
        assertEquals(666_666L << 16, ranges.totalBytes());
        assertEquals(64, fingerprint.length());
        assertTrue(millis < 5000, "took " + millis + " ms");
    }
}
