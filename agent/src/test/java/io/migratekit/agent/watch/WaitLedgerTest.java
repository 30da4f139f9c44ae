package io.migratekit.agent.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

/** Does the ledger count right, and does it recognise the mark of forty milliseconds, and only that? */
class WaitLedgerTest {
    private static final long MILLI = 1_000_000;

    @Test
    void bucketsCoverAllTimesWithoutGapsAndAreNarrow() {
        int last = Histogram.bucketOf(Long.MAX_VALUE);
        for (int bucket = 1; bucket <= last; bucket++) {
            long lowest = Histogram.lowest(bucket);
            assertEquals(bucket, Histogram.bucketOf(lowest), "lowest of " + bucket);
            assertEquals(bucket - 1, Histogram.bucketOf(lowest - 1), "below " + bucket);
            if (bucket < last) {
                assertTrue(Histogram.lowest(bucket + 1) - lowest <= lowest / 16 + 1, "width of " + bucket);
            }
        }
    }

    @Test
    void sumsAndPercentilesAreThoseOfANaiveCount() {
        long seed = System.nanoTime();
        System.out.println("WaitLedgerTest seed=" + seed);
        SplittableRandom random = new SplittableRandom(seed);
        List<WaitLedger> ledgers = List.of(new WaitLedger(), new WaitLedger(), new WaitLedger());
        long[] naive = new long[20_000];
        for (int i = 0; i < naive.length; i++) {
            naive[i] = (long) Math.exp(random.nextDouble(Math.log(2000), Math.log(1e12)));
            Outcome outcome = i % 100 == 0 ? Outcome.ERROR : Outcome.ANSWERED;
            ledgers.get(random.nextInt(3)).add(Layer.SOURCE_READ, WaitName.READ, outcome, naive[i]);
            ledgers.get(0).add(Layer.TARGET_WRITE, WaitName.WRITE, Outcome.ANSWERED, 1);
        }
        Arrays.sort(naive);
        List<LedgerLine> lines = WaitLedger.merge(ledgers);
        assertEquals(2, lines.size());
        LedgerLine reads = lines.getFirst();
        assertEquals(Layer.SOURCE_READ, reads.layer(), "what took the longest comes first");
        assertEquals(naive.length, reads.count());
        assertEquals(Arrays.stream(naive).sum(), reads.totalNanos());
        assertEquals(naive[naive.length - 1], reads.maxNanos());
        assertEquals(200, reads.count(Outcome.ERROR));
        assertEquals(naive.length - 200, reads.count(Outcome.ANSWERED));
        for (double part : new double[] {0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1}) {
            long exact = naive[(int) Math.ceil(part * naive.length) - 1];
            double ratio = reads.percentileNanos(part) / (double) exact;
            assertTrue(ratio >= 1 && ratio < 1.0626, part + ": " + reads.percentileNanos(part) + " for " + exact);
        }
    }

    @Test
    void readersSeeWholeNumbersWhileTheWorkerCounts() throws InterruptedException {
        WaitLedger ledger = new WaitLedger();
        Thread worker = Thread.ofPlatform().daemon().start(() -> {
            for (int i = 0; i < 2_000_000; i++) {
                ledger.add(Layer.SOURCE_READ, WaitName.READ, Outcome.ANSWERED, MILLI);
            }
        });
        List<Long> seen = new ArrayList<>(List.of(0L));
        while (worker.isAlive()) {
            for (LedgerLine line : WaitLedger.merge(List.of(ledger))) {
                seen.add(line.count());
                assertEquals(0, line.totalNanos() % MILLI);
            }
        }
        assertTrue(worker.join(java.time.Duration.ofSeconds(5)));
        for (int i = 1; i < seen.size(); i++) {
            assertTrue(seen.get(i) >= seen.get(i - 1), "counts never go back");
        }
        assertEquals(2_000_000, WaitLedger.merge(List.of(ledger)).getFirst().count());
    }

    @Test
    void fortyMillisecondsAreRecognised() {
        assertTrue(line(100, i -> 41 * MILLI + i % 5 * MILLI).hasFortyMillisMark(), "all");
        LedgerLine most = line(100, i -> i % 10 < 7 ? 40 * MILLI + i * 20_000 : 300_000);
        assertTrue(most.hasFortyMillisMark(), "most, the others tiny");
        assertTrue(most.fortyMillisWords().startsWith("70 of 100 waits for target-write/write took about 40 ms"));
        assertTrue(line(100, i -> i < 5 ? 900 * MILLI : 43 * MILLI).hasFortyMillisMark(), "a few outliers");
    }

    @Test
    void otherPatternsAreNotTheMark() {
        assertFalse(line(19, i -> 42 * MILLI).hasFortyMillisMark(), "too few");
        assertFalse(line(100, i -> i * MILLI).hasFortyMillisMark(), "spread from 0 to 100 ms");
        assertFalse(line(100, i -> 30 * MILLI + i % 30 * MILLI).hasFortyMillisMark(), "spread around 45 ms");
        assertFalse(line(100, i -> 2 * MILLI).hasFortyMillisMark(), "fast");
        assertFalse(line(100, i -> i % 2 == 0 ? 42 * MILLI : MILLI).hasFortyMillisMark(), "only half of them");
        assertFalse(line(100, i -> i % 10 < 7 ? 42 * MILLI : 25 * MILLI).hasFortyMillisMark(), "the others not tiny");
        assertFalse(line(100, i -> 60 * MILLI).hasFortyMillisMark(), "slow in another way");
    }

    private static LedgerLine line(int count, LongUnaryOperator nanos) {
        WaitLedger ledger = new WaitLedger();
        for (int i = 0; i < count; i++) {
            ledger.add(Layer.TARGET_WRITE, WaitName.WRITE, Outcome.ANSWERED, nanos.applyAsLong(i));
        }
        return WaitLedger.merge(List.of(ledger)).getFirst();
    }
}
