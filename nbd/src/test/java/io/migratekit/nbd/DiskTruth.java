package io.migratekit.nbd;

import io.migratekit.nbd.fixture.ScriptedNbd.Run;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/**
 * What does a random disk really look like, and which of the many legal ways to say so does a server
 * choose? The truth that an {@link ExtentMap} has to find out from answers that tell it in pieces.
 */
final class DiskTruth {
    private static final long LARGEST_RUN_BYTES = 1L << 35;
    private static final long LARGEST_32BIT = 0xFFFF_FFFFL;

    private final TreeMap<Long, Long> flagsFrom = new TreeMap<>();
    private final long sizeBytes;
    private final long blockBytes;

    /** A disk whose runs begin and end at multiples of the block, with some hundreds of them in and around the range. */
    DiskTruth(RandomGenerator random, long sizeBytes, long blockBytes, ByteRange interesting) {
        this.sizeBytes = sizeBytes;
        this.blockBytes = blockBytes;
        flagsFrom.put(0L, (long) random.nextInt(4));
        long position = Math.max(0, interesting.offset() - (1 << 20)) / blockBytes * blockBytes;
        int longestBits = random.nextInt(1, 36);
        for (int i = 0; i < 300 && position < sizeBytes && position < interesting.end() + (1 << 20); i++) {
            flagsFrom.put(position, (long) random.nextInt(4));
            position += roundedUp(1 + random.nextLong(1L << random.nextInt(longestBits)));
        }
    }

    private long roundedUp(long length) {
        return Math.ceilDiv(Math.min(length, LARGEST_RUN_BYTES), blockBytes) * blockBytes;
    }

    /** The range's extents: neighbours differ, the first and the last are cut to the range. */
    List<Extent> in(ByteRange range) {
        List<Extent> extents = new ArrayList<>();
        for (long position = range.offset(); position < range.end(); ) {
            long flags = flagsAt(position);
            long end = position;
            while (end < range.end() && flagsAt(end) == flags) {
                end = Math.min(range.end(), runEnd(end));
            }
            extents.add(new Extent(position, end - position, flags));
            position = end;
        }
        return extents;
    }

    /**
     * One legal answer to a question: at least one run, perhaps fewer than were asked for, a long one
     * perhaps in several parts, and the last one perhaps reaching beyond the question.
     */
    List<Run> answer(RandomGenerator random, long offset, long length) {
        List<Run> runs = new ArrayList<>();
        int most = random.nextInt(4) == 0 ? 1 : random.nextInt(1, 64);
        long asked = offset + length;
        for (long position = offset; position < asked && runs.size() < most; ) {
            long end = runEnd(position);
            if (random.nextInt(4) == 0) { // in parts
                end = position + Math.min(end - position, roundedUp(1 + random.nextLong(end - position)));
            }
            if (end > asked && random.nextBoolean()) { // exact
                end = asked;
            }
            end = Math.min(end, position + LARGEST_32BIT / blockBytes * blockBytes);
            runs.add(new Run(end - position, flagsAt(position)));
            position = end;
        }
        return runs;
    }

    private long flagsAt(long offset) {
        Map.Entry<Long, Long> run = flagsFrom.floorEntry(offset);
        if (run == null) {
            throw new IllegalArgumentException("before the disk: " + offset);
        }
        return run.getValue();
    }

    private long runEnd(long offset) {
        Long next = flagsFrom.higherKey(offset);
        return next == null ? sizeBytes : Math.min(sizeBytes, next);
    }
}
