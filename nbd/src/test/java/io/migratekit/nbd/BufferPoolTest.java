package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Is every buffer of a pool in one hand at a time, and is a mistake noticed before it costs data? */
class BufferPoolTest {
    private static final int COUNT = 4;
    private static final long SIZE = 64 << 10;

    @Test
    void buffersAreDistinctAlignedAndOffHeap() {
        try (BufferPool pool = new BufferPool(COUNT, SIZE)) {
            List<MemorySegment> taken = takeAll(pool);
            assertEquals(
                    COUNT, taken.stream().map(MemorySegment::address).distinct().count());
            for (MemorySegment each : taken) {
                assertTrue(each.isNative());
                assertEquals(SIZE, each.byteSize());
                assertEquals(0, each.address() % 4096);
                assertTrue(taken.stream()
                        .allMatch(other -> other.equals(each)
                                || other.asOverlappingSlice(each).isEmpty()));
            }
            taken.forEach(pool::give);
        }
    }

    @Test
    void anEmptyPoolSaysSoAndTheLastGivenIsTakenFirst() {
        try (BufferPool pool = new BufferPool(COUNT, SIZE)) {
            List<MemorySegment> taken = takeAll(pool);
            assertNull(pool.take());
            pool.give(taken.get(2));
            pool.give(taken.get(1));
            assertEquals(taken.get(1).address(), take(pool).address());
            assertEquals(taken.get(2).address(), take(pool).address());
            assertNull(pool.take());
            taken.forEach(pool::give);
        }
    }

    @Test
    void givingTwiceIsNoticedAlsoWhileOthersAreInUse() {
        try (BufferPool pool = new BufferPool(COUNT, SIZE)) {
            List<MemorySegment> taken = takeAll(pool);
            pool.give(taken.get(0));
            assertThrows(IllegalArgumentException.class, () -> pool.give(taken.get(0)));
            pool.give(taken.get(1));
            assertThrows(IllegalArgumentException.class, () -> pool.give(taken.get(0)));
            taken.subList(2, COUNT).forEach(pool::give);
        }
    }

    @Test
    void foreignBuffersAreNoticed() {
        try (BufferPool pool = new BufferPool(COUNT, SIZE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment taken = take(pool);
            for (MemorySegment foreign : List.of(
                    arena.allocate(SIZE, 4096),
                    taken.asSlice(0, SIZE - 1),
                    arena.allocate(SIZE + 1, 4096),
                    MemorySegment.ofArray(new byte[(int) SIZE]))) {
                assertThrows(IllegalArgumentException.class, () -> pool.give(foreign), foreign.toString());
            }
            pool.give(taken);
        }
    }

    @Test
    void closingWithBuffersInUseIsRefusedAndFreesNothing() {
        BufferPool pool = new BufferPool(COUNT, SIZE);
        MemorySegment taken = take(pool);
        IllegalStateException refused = assertThrows(IllegalStateException.class, pool::close);
        assertTrue(String.valueOf(refused.getMessage()).contains("1 buffer"), refused.getMessage());
        taken.fill((byte) 7); // would throw if the memory were gone
        pool.give(taken);
        pool.close();
        assertThrows(IllegalStateException.class, () -> taken.fill((byte) 7));
    }

    private static List<MemorySegment> takeAll(BufferPool pool) {
        List<MemorySegment> taken = new ArrayList<>();
        for (int i = 0; i < COUNT; i++) {
            taken.add(take(pool));
        }
        return taken;
    }

    private static MemorySegment take(BufferPool pool) {
        return Objects.requireNonNull(pool.take(), "the pool is empty");
    }
}
