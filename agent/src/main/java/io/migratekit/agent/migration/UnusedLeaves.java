package io.migratekit.agent.migration;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.proof.Grid;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;

/** Which pieces of 64 KiB lie wholly where a disk is said not to be in use? Some, chosen by chance. */
final class UnusedLeaves {
    private static final int TRIES = 64;

    private UnusedLeaves() {}

    static List<ByteRange> of(Ranges inUse, long diskBytes, int most, long seed) {
        Random random = new Random(seed);
        long count = Math.ceilDiv(diskBytes, Grid.LEAF_BYTES);
        List<Long> leaves = new ArrayList<>();
        if (count <= (long) TRIES * most) {
            for (long leaf = 0; leaf < count; leaf++) {
                leaves.add(leaf);
            }
            Collections.shuffle(leaves, random);
        } else {
            LinkedHashSet<Long> drawn = new LinkedHashSet<>();
            for (int i = 0; i < TRIES * most; i++) {
                drawn.add(random.nextLong(count));
            }
            leaves.addAll(drawn);
        }
        return leaves.stream()
                .map(leaf -> range(leaf, diskBytes))
                .filter(range -> !inUse.intersects(range.offset(), range.end()))
                .limit(most)
                .toList();
    }

    private static ByteRange range(long leaf, long diskBytes) {
        long offset = leaf * Grid.LEAF_BYTES;
        return new ByteRange(offset, Math.min(Grid.LEAF_BYTES, diskBytes - offset));
    }
}
