package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Does the set of units agree with Java's own set of bits, and does it go where that cannot? */
class UnitSetTest {
    @Test
    void agreesWithABitSet() {
        Random random = Jobs.random("UnitSetTest");
        UnitSet units = new UnitSet();
        BitSet bits = new BitSet();
        for (int i = 0; i < 20_000; i++) {
            // Dense at the beginning, with gaps of whole chunks behind.
            int unit = random.nextBoolean() ? random.nextInt(10_000) : random.nextInt(3_000_000);
            assertEquals(!bits.get(unit), units.add(unit));
            bits.set(unit);
            int probe = random.nextInt(3_100_000);
            assertEquals(bits.get(probe), units.contains(probe));
            assertEquals(bits.nextSetBit(probe), units.next(probe));
        }
        assertEquals(bits.cardinality(), units.size());
        long unit = units.next(0);
        for (int bit = bits.nextSetBit(0); bit >= 0; bit = bits.nextSetBit(bit + 1)) {
            assertEquals(bit, unit);
            unit = units.next(unit + 1);
        }
        assertEquals(-1, unit);
    }

    @Test
    void knowsItsLimits() {
        UnitSet units = new UnitSet();
        assertFalse(units.contains(0));
        assertFalse(units.contains(-1));
        assertEquals(-1, units.next(0));
        long last = UnitSet.MOST_UNITS - 1;
        assertTrue(units.add(last));
        assertTrue(units.contains(last));
        assertEquals(last, units.next(5));
        assertEquals(-1, units.next(last + 1));
        assertThrows(IllegalArgumentException.class, () -> units.add(last + 1));
        assertThrows(IllegalArgumentException.class, () -> units.add(-1));
    }
}
