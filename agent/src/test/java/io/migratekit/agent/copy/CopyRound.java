package io.migratekit.agent.copy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.watch.Progress;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Extent;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.server.Nbdkit;
import java.time.Duration;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** Is one copy right, between two random ends, of random ranges, with random limits? */
final class CopyRound {
    private final CopyLab lab;
    private final Random random;
    private final RandomEnds ends;
    private String story = "";

    CopyRound(CopyLab lab, Random random) {
        this.lab = lab;
        this.random = random;
        ends = new RandomEnds(lab, random);
    }

    /** What was copied how, as far as it was decided. */
    String story() {
        return ends.story() + story;
    }

    void run() {
        String source = ends.source();
        byte[] wanted = lab.content(source);
        RandomEnds.Target target = ends.target(wanted);
        byte[] before = lab.content(target.uri());
        Ranges ranges = RandomRanges.of(random, wanted.length, ends.block());
        boolean zero = target.zero() && random.nextBoolean() && readsAsZero(target.uri());
        boolean hash = random.nextInt(4) > 0;
        boolean verify = hash && random.nextBoolean();
        CopyLimits limits = limits();
        CopySpec plain = CopyLab.spec(source, target.uri(), limits);
        CopySpec spec = new CopySpec(plain.source(), plain.target(), plain.connect(), limits, hash, verify, zero);
        story = "; " + ranges + ", zero=" + zero + " hash=" + hash + " verify=" + verify + ", " + limits;
        BitSet idle = grainsThatNeedNothing(source, target);
        long linesBefore = target.log().map(WriteLog::lines).orElse(0L);

        CopyReport report = lab.copy(spec, _ -> ranges);

        BitSet wantedBytes = bytesOf(ranges);
        target.log().ifPresent(log -> checkLog(WriteLog.of(log, linesBefore).written(), wantedBytes, idle));
        checkContent(wanted, before, lab.content(target.uri()), wantedBytes);
        checkCounts(report, ranges, verify);
        assertEquals(hash, report.hashRoot().isPresent());
        if (hash) {
            checkRoot(report, source, wanted.length, ranges);
        }
    }

    private CopyLimits limits() {
        int request = 64 << 10 << random.nextInt(5);
        return new CopyLimits(
                random.nextInt(1, 6),
                random.nextInt(1, 65),
                request,
                (long) request * random.nextInt(1, 16),
                1L << random.nextInt(20, 27),
                Duration.ofMillis(random.nextInt(20, 2000)),
                Duration.ofSeconds(5),
                Duration.ofMillis(150),
                random.nextBoolean() ? 0 : 1L << random.nextInt(20, 24));
    }

    private static BitSet bytesOf(Ranges ranges) {
        BitSet bytes = new BitSet();
        ranges.forEach(range -> bytes.set((int) range.offset(), (int) range.end()));
        return bytes;
    }

    private static void checkContent(byte[] wanted, byte[] before, byte[] after, BitSet wantedBytes) {
        byte[] expected = before.clone();
        for (int i = wantedBytes.nextSetBit(0); i >= 0; i = wantedBytes.nextSetBit(i + 1)) {
            expected[i] = wanted[i];
        }
        int wrong = Arrays.mismatch(expected, after);
        if (wrong >= 0) {
            throw new AssertionError(
                    "byte " + wrong + (wantedBytes.get(wrong) ? " was copied wrongly" : " was none of our business")
                            + ": it was " + before[wrong] + ", is " + after[wrong] + ", should be " + expected[wrong]);
        }
    }

    private static void checkCounts(CopyReport report, Ranges ranges, boolean verify) {
        Progress.Counts counts = report.counts();
        String all = counts.toString();
        assertEquals(ranges.totalBytes(), counts.planned(), all);
        assertEquals(0, counts.durableBefore(), all);
        assertEquals(
                counts.planned(), counts.copied() + counts.zeroed() + counts.zeroesInData() + counts.skipped(), all);
        assertEquals(counts.planned(), counts.listed(), all);
        assertEquals(counts.data(), counts.copied() + counts.zeroesInData(), all);
        assertEquals(verify ? counts.planned() : 0, counts.toVerify(), all);
        assertEquals(verify ? counts.planned() : 0, counts.verified(), all);
        assertEquals(0, counts.resent(), all);
        assertEquals(verify, report.verified());
    }

    /** The same content gives the same root, whichever way it takes. */
    private void checkRoot(CopyReport report, String source, int sizeBytes, Ranges ranges) {
        String other = lab.serve(Nbdkit.plugin("memory", "size=" + sizeBytes));
        CopyReport again = lab.copy(CopyLab.spec(source, other, limits()), _ -> ranges);
        assertEquals(Optional.of(report.hashRoot().orElseThrow()), again.hashRoot());
    }

    // ---- what the target had to do

    private boolean readsAsZero(String uri) {
        List<Extent> extents = lab.extents(uri);
        return !extents.isEmpty() && extents.stream().allMatch(extent -> (extent.flags() & Extent.ZERO) != 0);
    }

    /** Grains of which both ends say that they read as zero. */
    private BitSet grainsThatNeedNothing(String source, RandomEnds.Target target) {
        BitSet idle = zeroGrains(lab.extents(source));
        idle.and(zeroGrains(lab.extents(target.uri())));
        return idle;
    }

    private static BitSet zeroGrains(List<Extent> extents) {
        BitSet grains = new BitSet();
        for (Extent extent : extents) {
            int first = Math.toIntExact((extent.offset() + CopyLimits.GRAIN - 1) / CopyLimits.GRAIN);
            int end = Math.toIntExact(extent.end() / CopyLimits.GRAIN);
            if ((extent.flags() & Extent.ZERO) != 0 && first < end) {
                grains.set(first, end);
            }
        }
        return grains;
    }

    private static void checkLog(List<ByteRange> written, BitSet wantedBytes, BitSet idle) {
        long end = 0;
        for (ByteRange write : written) {
            assertTrue(write.offset() >= end, () -> write + " was written twice, in part at least");
            end = write.end();
            boolean within = wantedBytes.nextClearBit((int) write.offset()) >= write.end();
            assertTrue(within, () -> write + " is in none of the ranges");
            int first = (int) (write.offset() / CopyLimits.GRAIN);
            int touched = idle.nextSetBit(first);
            assertTrue(
                    touched < 0 || touched * CopyLimits.GRAIN >= write.end(),
                    () -> write + " was written where both ends said that they read as zero");
        }
    }
}
