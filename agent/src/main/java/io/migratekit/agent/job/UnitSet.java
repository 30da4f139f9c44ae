package io.migratekit.agent.job;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Which units are durable? One bit each, allocated in pieces of 8 KiB where there are any: 64 TiB in
 * units of 1 MiB are 8 MiB of heap. Reading takes no lock and never waits.
 */
final class UnitSet {
    /** So that a wrong number cannot ask for any amount of memory. */
    static final long MOST_UNITS = 1L << 32;

    private static final int CHUNK_SHIFT = 16;
    private static final int CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;
    /** Stands where there is no chunk yet; empty, and so told from one. */
    private static final AtomicLongArray NONE = new AtomicLongArray(0);

    /** Replaced, never changed in its length; its elements go from NONE to a chunk once. Written under the monitor. */
    private volatile AtomicLongArray[] chunks = {};

    private volatile long size;

    long size() {
        return size;
    }

    boolean contains(long unit) {
        return (word(unit) & (1L << unit)) != 0;
    }

    /** Adds a unit; false if it was there. */
    synchronized boolean add(long unit) {
        if (unit < 0 || unit >= MOST_UNITS) {
            throw new IllegalArgumentException("not a unit's number: " + unit);
        }
        AtomicLongArray chunk = chunkForWriting((int) (unit >>> CHUNK_SHIFT));
        int index = (int) (unit & CHUNK_MASK) >>> 6;
        long old = chunk.getPlain(index);
        long bit = 1L << unit;
        if ((old & bit) != 0) {
            return false;
        }
        chunk.setRelease(index, old | bit);
        size++;
        return true;
    }

    /** The smallest unit of the set that is not smaller than the given one; -1 if there is none. */
    long next(long from) {
        AtomicLongArray[] present = chunks;
        for (long unit = from; unit >>> CHUNK_SHIFT < present.length; ) {
            if (present[(int) (unit >>> CHUNK_SHIFT)].length() == 0) {
                unit = ((unit >>> CHUNK_SHIFT) + 1) << CHUNK_SHIFT;
                continue;
            }
            // Shifting by a long's low six bits drops the units before this one.
            long rest = word(unit) >>> unit;
            if (rest != 0) {
                return unit + Long.numberOfTrailingZeros(rest);
            }
            unit = (unit | 63) + 1;
        }
        return -1;
    }

    /** The 64 bits among which the unit's is; its place is given by the low six bits of its number. */
    private long word(long unit) {
        AtomicLongArray[] present = chunks;
        long chunk = unit >>> CHUNK_SHIFT;
        if (chunk >= present.length || present[(int) chunk].length() == 0) {
            return 0;
        }
        return present[(int) chunk].getAcquire((int) (unit & CHUNK_MASK) >>> 6);
    }

    private AtomicLongArray chunkForWriting(int number) {
        AtomicLongArray[] present = chunks;
        if (number < present.length && present[number].length() > 0) {
            return present[number];
        }
        AtomicLongArray[] more = present;
        if (number >= present.length) {
            more = Arrays.copyOf(present, Math.max(number + 1, present.length * 2));
            Arrays.fill(more, present.length, more.length, NONE);
        } else {
            more = present.clone();
        }
        AtomicLongArray chunk = new AtomicLongArray(1 << (CHUNK_SHIFT - 6));
        more[number] = chunk;
        chunks = more; // A volatile write: whoever sees the chunk sees it filled with zeroes.
        return chunk;
    }
}
