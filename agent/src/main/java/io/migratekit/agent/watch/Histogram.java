package io.migratekit.agent.watch;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * How are times distributed, to about 6 %? Sixteen buckets for each power of two, from a microsecond to hours, counted
 * by one thread without allocation and read by others at any moment.
 */
final class Histogram {
    private static final int SUB_BITS = 4;
    private static final int SUB_BUCKETS = 1 << SUB_BITS;
    /** Everything below 2^10 ns, about a microsecond, is one bucket. */
    private static final int LOWEST_BITS = 10;
    /** Everything from 2^44 ns, almost five hours, on is another one. */
    private static final int HIGHEST_BITS = 44;

    private static final int BUCKETS = (HIGHEST_BITS - LOWEST_BITS) * SUB_BUCKETS + 2;
    private static final VarHandle COUNTS = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] counts = new long[BUCKETS];

    /** Only ever called by the one writing thread. */
    void add(long nanos) {
        int bucket = bucketOf(nanos);
        COUNTS.setOpaque(counts, bucket, counts[bucket] + 1);
    }

    /** Adds what is in this one to the counts. */
    void addTo(Counts sum) {
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            sum.counts[bucket] += (long) COUNTS.getOpaque(counts, bucket);
        }
    }

    static int bucketOf(long nanos) {
        if (nanos < 1L << LOWEST_BITS) {
            return 0;
        }
        int bits = 63 - Long.numberOfLeadingZeros(nanos);
        if (bits >= HIGHEST_BITS) {
            return BUCKETS - 1;
        }
        int sub = (int) (nanos >>> (bits - SUB_BITS)) & (SUB_BUCKETS - 1);
        return 1 + (bits - LOWEST_BITS) * SUB_BUCKETS + sub;
    }

    /** The shortest time that falls into the bucket. */
    static long lowest(int bucket) {
        if (bucket == 0) {
            return 0;
        }
        int bits = LOWEST_BITS + (bucket - 1) / SUB_BUCKETS;
        long sub = (bucket - 1L) % SUB_BUCKETS;
        return (1L << bits) + (sub << (bits - SUB_BITS));
    }

    /** The counts at one moment, of one thread or of several. */
    static final class Counts {
        private final long[] counts = new long[BUCKETS];

        long total() {
            long total = 0;
            for (long count : counts) {
                total += count;
            }
            return total;
        }

        /** How many times were in [from, to), as far as the buckets can tell. */
        long between(long fromNanos, long toNanos) {
            long sum = 0;
            int end = bucketOf(toNanos);
            for (int bucket = bucketOf(fromNanos); bucket < end; bucket++) {
                sum += counts[bucket];
            }
            return sum;
        }

        /** The time that this part of all waits did not exceed: the upper end of its bucket; 0 if there were none. */
        long percentile(double part) {
            long wanted = (long) Math.ceil(part * total());
            long seen = 0;
            for (int bucket = 0; bucket < BUCKETS; bucket++) {
                seen += counts[bucket];
                if (seen >= wanted && seen > 0) {
                    return bucket == BUCKETS - 1 ? lowest(bucket) : lowest(bucket + 1) - 1;
                }
            }
            return 0;
        }
    }
}
