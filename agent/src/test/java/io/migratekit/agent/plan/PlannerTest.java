package io.migratekit.agent.plan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Extent;
import io.migratekit.nbd.Unit;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Does a target read as the source does after the steps of a plan, and is nothing copied that need not be? */
class PlannerTest {
    private static final long K = 1 << 10;
    private static final long GRAIN = 64 * K;

    @Test
    void carryingOutThePlanMakesTheTargetReadAsTheSource() {
        long seed = System.nanoTime();
        System.out.println("PlannerTest.carryingOutThePlanMakesTheTargetReadAsTheSource seed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            PlannedDisk disk = new PlannedDisk(random);
            byte[] expected = disk.expected();
            WorkList work = new WorkList(disk.ranges, 1 << 20, index -> false);
            for (Unit unit = work.next(); unit != null; unit = work.next()) {
                List<Extent> source = disk.extents(disk.source, unit.span());
                List<Extent> target = disk.extents(disk.target, unit.span());
                ZeroMap targetZeroes = ZeroMap.of(target);
                List<CopyStep> steps = Planner.plan(unit, source, targetZeroes, disk.grain);
                assertShape(unit, steps, disk.grain);
                assertNothingTooMuch(steps, ZeroMap.of(source), targetZeroes, disk.grain);
                disk.carryOut(steps);
            }
            assertArrayEquals(expected, disk.target);
        }
    }

    /** The steps are the unit's ranges, in order, and begin and end on the grain or with their range. */
    private static void assertShape(Unit unit, List<CopyStep> steps, long grain) {
        List<ByteRange> covered = new ArrayList<>();
        CopyStep last = null;
        for (CopyStep step : steps) {
            ByteRange range = step.range();
            if (last != null && last.range().end() == range.offset()) {
                assertFalse(last.getClass() == step.getClass(), "neighbours of one kind: " + steps);
                assertEquals(0, range.offset() % grain, "a border inside a range is not on the grain: " + steps);
                ByteRange before = covered.removeLast();
                covered.add(new ByteRange(before.offset(), before.length() + range.length()));
            } else {
                covered.add(range);
            }
            last = step;
        }
        assertEquals(unit.ranges(), covered);
    }

    /** Zero grains are not copied, and not zeroed where the target is known to be. */
    private static void assertNothingTooMuch(List<CopyStep> steps, ZeroMap source, ZeroMap target, long grain) {
        for (CopyStep step : steps) {
            ByteRange range = step.range();
            for (ByteRange part : Pieces.of(range, grain)) {
                boolean sourceZero = source.isZero(part.offset(), part.length());
                boolean targetZero = target.isZero(part.offset(), part.length());
                boolean whole = part.length() == grain;
                switch (step) {
                    case CopyStep.Copy _ -> assertFalse(whole && sourceZero, "needlessly copied: " + part);
                    case CopyStep.Zero _ -> {
                        assertTrue(sourceZero, "data zeroed: " + part);
                        assertFalse(whole && targetZero, "needlessly zeroed: " + part);
                    }
                    case CopyStep.Skip _ -> assertTrue(sourceZero && targetZero, "wrongly skipped: " + part);
                }
            }
        }
    }

    @Test
    void withoutExtentsAllIsData() {
        Unit unit = new Unit(0, List.of(new ByteRange(3, 5), new ByteRange(100, 1000)));
        assertEquals(List.of(copy(3, 5), copy(100, 1000)), Planner.plan(unit, List.of(), ZeroMap.unknown(), GRAIN));
    }

    @Test
    void aHoleThatIsNotSaidToBeZeroIsData() {
        Unit unit = unit(0, 4 * GRAIN);
        List<Extent> source = List.of(
                new Extent(0, GRAIN, Extent.HOLE),
                new Extent(GRAIN, GRAIN, Extent.ZERO),
                new Extent(2 * GRAIN, GRAIN, Extent.ZERO | Extent.HOLE),
                new Extent(3 * GRAIN, GRAIN, 0));
        assertEquals(
                List.of(copy(0, GRAIN), zero(GRAIN, 2 * GRAIN), copy(3 * GRAIN, GRAIN)),
                Planner.plan(unit, source, ZeroMap.unknown(), GRAIN));
        // The target's holes alone do not count either: below an overlay's hole lies the backup before.
        ZeroMap target = ZeroMap.of(
                List.of(new Extent(0, 2 * GRAIN, Extent.HOLE), new Extent(2 * GRAIN, 2 * GRAIN, Extent.ZERO)));
        assertEquals(
                List.of(copy(0, GRAIN), zero(GRAIN, GRAIN), skip(2 * GRAIN, GRAIN), copy(3 * GRAIN, GRAIN)),
                Planner.plan(unit, source, target, GRAIN));
    }

    @Test
    void zeroesOffTheGrainAreCopied() {
        List<Extent> source = List.of(
                new Extent(0, 100 * K, 0), new Extent(100 * K, 200 * K, Extent.ZERO), new Extent(300 * K, 84 * K, 0));
        assertEquals(
                List.of(copy(0, 128 * K), zero(128 * K, 128 * K), copy(256 * K, 128 * K)),
                Planner.plan(unit(0, 384 * K), source, ZeroMap.unknown(), GRAIN));
        // At the borders of the range, they are zeroes as they are.
        assertEquals(
                List.of(zero(110 * K, 60 * K)), Planner.plan(unit(110 * K, 60 * K), source, ZeroMap.unknown(), GRAIN));
        assertEquals(
                List.of(copy(90 * K, 38 * K), zero(128 * K, 42 * K)),
                Planner.plan(unit(90 * K, 80 * K), source, ZeroMap.unknown(), GRAIN));
        // Less than a grain inside of a range is not worth a step.
        assertEquals(
                List.of(copy(260 * K, 70 * K)),
                Planner.plan(
                        unit(260 * K, 70 * K),
                        List.of(new Extent(262 * K, 40 * K, Extent.ZERO)),
                        ZeroMap.unknown(),
                        GRAIN));
    }

    @Test
    void anAnswerCutShortLeavesTheRestAsData() {
        assertEquals(
                List.of(zero(0, GRAIN), copy(GRAIN, 3 * GRAIN)),
                Planner.plan(
                        unit(0, 4 * GRAIN),
                        List.of(new Extent(0, 2 * GRAIN - 512, Extent.ZERO)),
                        ZeroMap.unknown(),
                        GRAIN));
    }

    @Test
    void atTheEndOfTheDiskZeroesNeedNoGrain() {
        long size = 3 * GRAIN + 512;
        assertEquals(
                List.of(copy(0, GRAIN), skip(GRAIN, size - GRAIN)),
                Planner.plan(
                        unit(0, size),
                        List.of(new Extent(0, 10, 0), new Extent(10, size - 10, Extent.ZERO)),
                        ZeroMap.of(List.of(new Extent(0, size, Extent.ZERO))),
                        GRAIN));
    }

    @Test
    void nearTheEndOfAllNumbers() {
        long end = Long.MAX_VALUE;
        List<Extent> source = List.of(new Extent(end - 100, 50, 0), new Extent(end - 50, 20, Extent.ZERO));
        assertEquals(
                List.of(copy(end - 100, 100)), Planner.plan(unit(end - 100, 100), source, ZeroMap.unknown(), GRAIN));
    }

    @Test
    void aZeroMapKnowsOnlyWhatItWasTold() {
        ZeroMap map = ZeroMap.of(List.of(
                new Extent(100, 50, Extent.ZERO),
                new Extent(150, 50, 3),
                new Extent(200, 10, 0),
                new Extent(220, 5, 2)));
        assertTrue(map.isZero(100, 100));
        assertTrue(map.isZero(199, 1));
        assertFalse(map.isZero(100, 101));
        assertFalse(map.isZero(99, 2));
        assertFalse(map.isZero(210, 12));
        assertFalse(map.isZero(300, 1));
        assertFalse(map.isZero(100, Long.MAX_VALUE));
        assertFalse(ZeroMap.unknown().isZero(0, 1));
        assertThrows(
                IllegalArgumentException.class,
                () -> ZeroMap.of(List.of(new Extent(10, 10, 0), new Extent(19, 5, Extent.ZERO))));
    }

    @Test
    void piecesAreCutOnTheRequestSize() {
        long seed = System.nanoTime();
        System.out.println("PlannerTest.piecesAreCutOnTheRequestSize seed=" + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            long request = 1L << (9 + random.nextInt(10));
            ByteRange range = new ByteRange(random.nextLong(1 << 24), 1 + random.nextLong(1 << 22));
            Pieces pieces = Pieces.of(range, request, 512);
            long position = range.offset();
            int count = 0;
            for (ByteRange piece : pieces) {
                assertEquals(position, piece.offset());
                assertEquals(piece.offset() / request, (piece.end() - 1) / request, "crosses a multiple");
                position = piece.end();
                assertTrue(position == range.end() || position % request == 0);
                count++;
            }
            assertEquals(range.end(), position);
            assertEquals(pieces.count(), count);
        }
        assertThrows(IllegalArgumentException.class, () -> Pieces.of(new ByteRange(0, 1), 1000));
        assertThrows(IllegalArgumentException.class, () -> Pieces.of(new ByteRange(0, 1), 4096, 8192));
    }

    private static Unit unit(long offset, long length) {
        return new Unit(0, List.of(new ByteRange(offset, length)));
    }

    private static CopyStep copy(long offset, long length) {
        return new CopyStep.Copy(new ByteRange(offset, length));
    }

    private static CopyStep zero(long offset, long length) {
        return new CopyStep.Zero(new ByteRange(offset, length));
    }

    private static CopyStep skip(long offset, long length) {
        return new CopyStep.Skip(new ByteRange(offset, length));
    }
}
