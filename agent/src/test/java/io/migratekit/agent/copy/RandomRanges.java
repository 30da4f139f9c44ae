package io.migratekit.agent.copy;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Ranges;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Which ranges of a disk are to be copied? All of it, a few, single bytes, neighbours, or a great many crumbs. */
final class RandomRanges {
    private static final int MANY = 20_000;

    private RandomRanges() {}

    /** @param block ranges consist of blocks of this size */
    static Ranges of(Random random, long sizeBytes, int block) {
        long blocks = sizeBytes / block;
        if (blocks == 0) {
            return Ranges.whole(sizeBytes);
        }
        List<ByteRange> ranges = new ArrayList<>();
        switch (random.nextInt(10)) {
            case 0, 1, 2, 3 -> {
                return Ranges.whole(sizeBytes);
            }
            case 4, 5 -> scatter(ranges, random, blocks, random.nextInt(1, 20), 1 << 20);
            case 6, 7 -> scatter(ranges, random, blocks, random.nextInt(1, 300), 300);
            case 8 -> { // around the borders of units, and single bytes
                for (long border = 1 << 20; border < sizeBytes; border += 1 << 20) {
                    add(ranges, blocks, border / block - random.nextLong(3), random.nextLong(1, 5));
                }
                scatter(ranges, random, blocks, 5, 1);
            }
            default -> {
                int most = (int) Math.min(MANY, blocks / 2);
                long step = Math.max(2, Math.min(blocks / Math.max(1, most), random.nextLong(2, 60)));
                for (long at = random.nextLong(2), i = 0; at < blocks && i < most; at += step, i++) {
                    add(ranges, blocks, at, random.nextLong(1, step + 1));
                }
            }
        }
        return Ranges.of(ranges.stream()
                .map(range -> new ByteRange(range.offset() * block, range.length() * block))
                .toList());
    }

    private static void scatter(List<ByteRange> ranges, Random random, long blocks, int count, int longest) {
        for (int i = 0; i < count; i++) {
            add(ranges, blocks, random.nextLong(blocks), 1 + random.nextLong(longest));
        }
    }

    private static void add(List<ByteRange> ranges, long blocks, long at, long length) {
        if (at >= 0 && at < blocks) {
            ranges.add(new ByteRange(at, Math.min(length, blocks - at)));
        }
    }
}
