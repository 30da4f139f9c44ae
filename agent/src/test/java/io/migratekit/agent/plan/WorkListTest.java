package io.migratekit.agent.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.Unit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Does every byte of the plan that is not durable come once, in order, whatever the ranges and the size of units? */
class WorkListTest {
    private static final long MIB = 1 << 20;

    @Test
    void unitsAreThePlanLessWhatIsDurable() {
        long seed = System.nanoTime();
        System.out.println("WorkListTest.unitsAreThePlanLessWhatIsDurable seed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            long unitBytes = MIB << random.nextInt(3);
            Ranges ranges = randomRanges(random, 20 * MIB);
            BitSet durable = BitSet.valueOf(new long[] {random.nextLong()});
            WorkList list = new WorkList(ranges, unitBytes, index -> durable.get((int) index));

            List<ByteRange> handedOut = new ArrayList<>();
            BitSet planned = new BitSet();
            long bytes = 0;
            long last = -1;
            for (Unit unit = list.next(); unit != null; unit = list.next()) {
                assertTrue(unit.index() > last, "ascending");
                assertFalse(durable.get((int) unit.index()));
                assertTrue(unit.span().offset() >= unit.index() * unitBytes);
                assertTrue(unit.span().end() <= (unit.index() + 1) * unitBytes);
                last = unit.index();
                planned.set((int) last);
                handedOut.addAll(unit.ranges());
                bytes += unit.bytes();
            }
            assertTrue(list.isEmpty());
            for (ByteRange range : ranges) {
                for (long cell = range.offset() / unitBytes; cell <= (range.end() - 1) / unitBytes; cell++) {
                    long from = Math.max(range.offset(), cell * unitBytes);
                    long to = Math.min(range.end(), (cell + 1) * unitBytes);
                    planned.set((int) cell);
                    if (durable.get((int) cell)) {
                        handedOut.add(new ByteRange(from, to - from));
                    }
                }
            }
            assertEquals(ranges, Ranges.of(handedOut));
            assertEquals(new WorkList.Totals(planned.cardinality(), ranges.totalBytes()), list.planned());
            planned.and(durable);
            assertEquals(new WorkList.Totals(planned.cardinality(), ranges.totalBytes() - bytes), list.durable());
        }
    }

    private static Ranges randomRanges(Random random, long size) {
        List<ByteRange> ranges = new ArrayList<>();
        for (int i = random.nextInt(25); i > 0; i--) {
            long offset = random.nextLong(size);
            long end = offset + 1 + random.nextLong(Math.min(size - offset, 3 * MIB));
            if (random.nextBoolean()) {
                // Close to the border of a unit, or on it.
                end = Math.max(offset + 1, end / MIB * MIB + random.nextInt(3) - 1);
            }
            ranges.add(new ByteRange(offset, end - offset));
        }
        return Ranges.of(ranges);
    }

    private static Unit next(WorkList list) {
        Unit unit = list.next();
        assertNotNull(unit);
        return unit;
    }

    @Test
    void manyThreadsGetEachUnitOnce() throws InterruptedException {
        WorkList list = new WorkList(Ranges.whole((MIB << 11) + 5), MIB, index -> {
            LockSupport.parkNanos(1); // Here another thread would come in if it could.
            return index % 5 == 0;
        });
        ConcurrentHashMap<Long, Unit> seen = new ConcurrentHashMap<>();
        AtomicLong bytes = new AtomicLong();
        List<Thread> threads = new ArrayList<>();
        AtomicBoolean go = new AtomicBoolean();
        for (int i = 0; i < 4; i++) {
            threads.add(Thread.ofPlatform().start(() -> {
                while (!go.get()) {
                    Thread.onSpinWait();
                }
                for (Unit unit = list.next(); unit != null; unit = list.next()) {
                    seen.merge(unit.index(), unit, (a, b) -> {
                        throw new AssertionError("twice: " + a);
                    });
                    bytes.addAndGet(unit.bytes());
                }
            }));
        }
        go.set(true);
        for (Thread thread : threads) {
            assertTrue(thread.join(Duration.ofSeconds(20)));
        }
        assertEquals(list.planned().units() - list.durable().units(), seen.size());
        assertEquals(list.planned().bytes() - list.durable().bytes(), bytes.get());
    }

    @Test
    void aDiskOf64TebibytesIsNotWrittenDown() {
        WorkList list = new WorkList(Ranges.whole(1L << 46), 128 * MIB, index -> index < 500_000);
        assertEquals(new WorkList.Totals(1 << 19, 1L << 46), list.planned());
        assertEquals(500_000, next(list).index());
        assertEquals(500_000, list.durable().units());
        long left = 1;
        while (list.next() != null) {
            left++;
        }
        assertEquals((1 << 19) - 500_000, left);
    }

    @Test
    void theEndOfAllNumbersIsReached() {
        WorkList list =
                new WorkList(Ranges.of(List.of(new ByteRange(Long.MAX_VALUE - 5, 5))), 128 * MIB, index -> false);
        assertEquals(5, next(list).bytes());
        assertNull(list.next());
        assertEquals(new WorkList.Totals(1, 5), list.planned());
    }

    @Test
    void oddSizesOfUnitsAreRefused() {
        for (long size : new long[] {0, -1, 3 * MIB, MIB / 2, 256 * MIB, Long.MIN_VALUE}) {
            assertThrows(IllegalArgumentException.class, () -> new WorkList(Ranges.whole(1), size, index -> false));
        }
    }
}
