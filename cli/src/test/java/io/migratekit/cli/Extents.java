package io.migratekit.cli;

import io.migratekit.nbd.Extent;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Which maps do the tests draw? Made by hand or at random, and fed as a server would. */
final class Extents {
    private Extents() {}

    /** Neighbours from offset 0 on: length and flags by turns. */
    static List<Extent> of(long... lengthsAndFlags) {
        List<Extent> extents = new ArrayList<>();
        long offset = 0;
        for (int i = 0; i < lengthsAndFlags.length; i += 2) {
            extents.add(new Extent(offset, lengthsAndFlags[i], lengthsAndFlags[i + 1]));
            offset += lengthsAndFlags[i];
        }
        return extents;
    }

    static void feed(MapSink sink, List<Extent> extents) {
        extents.forEach(sink::extent);
        sink.end();
    }

    /** The same map as an ExtentMap yields it: neighbours of equal flags are one extent. */
    static List<Extent> merged(List<Extent> extents) {
        List<Extent> merged = new ArrayList<>();
        for (Extent extent : extents) {
            Extent before = merged.isEmpty() ? null : merged.getLast();
            if (before != null && before.flags() == extent.flags()) {
                merged.set(
                        merged.size() - 1,
                        new Extent(before.offset(), before.length() + extent.length(), extent.flags()));
            } else {
                merged.add(extent);
            }
        }
        return merged;
    }

    /** A map of a disk of this size, with islands from one byte to a good part of the disk. */
    static List<Extent> random(Random random, long diskSize, long[] flags) {
        List<Extent> extents = new ArrayList<>();
        for (long offset = 0; offset < diskSize; ) {
            long scale = Math.max(1, diskSize >> random.nextInt(64));
            long length = Math.min(diskSize - offset, random.nextLong(scale) + 1);
            extents.add(new Extent(offset, length, flags[random.nextInt(flags.length)]));
            offset += length;
            if (extents.size() > 2_000 && offset < diskSize) {
                extents.add(new Extent(offset, diskSize - offset, flags[0]));
                break;
            }
        }
        return extents;
    }

    /** A generator whose seed is printed, so that a failure can be repeated. */
    static Random random(String test) {
        long seed = System.nanoTime();
        System.out.println(test + ": seed=" + seed);
        return new Random(seed);
    }
}
