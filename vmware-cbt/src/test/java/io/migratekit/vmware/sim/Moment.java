package io.migratekit.vmware.sim;

/**
 * What did a disk look like when it was frozen? A digest for each piece that was allocated; holes are not listed.
 *
 * @param numbers of the pieces, ascending
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared, except by since().
record Moment(long capacity, int granularity, long[] numbers, long[] digests) {

    /** All that is allocated. */
    Extents inUse() {
        Extents.Builder out = new Extents.Builder();
        for (long number : numbers) {
            add(out, number);
        }
        return out.build();
    }

    /** What is other than it was; pieces that appeared or vanished count, too. */
    Extents since(Moment old) {
        if (old.granularity != granularity) {
            throw new IllegalArgumentException("moments of different granularity cannot be compared");
        }
        Extents.Builder out = new Extents.Builder();
        int mine = 0;
        int theirs = 0;
        while (mine < numbers.length || theirs < old.numbers.length) {
            long a = mine < numbers.length ? numbers[mine] : Long.MAX_VALUE;
            long b = theirs < old.numbers.length ? old.numbers[theirs] : Long.MAX_VALUE;
            if (a != b || digests[mine] != old.digests[theirs]) {
                add(out, Math.min(a, b));
            }
            mine += a <= b ? 1 : 0;
            theirs += b <= a ? 1 : 0;
        }
        return out.build();
    }

    private void add(Extents.Builder out, long number) {
        long offset = number * granularity;
        if (offset < capacity) {
            out.add(offset, Math.min(granularity, capacity - offset));
        }
    }

    @Override
    public String toString() {
        return numbers.length + " pieces of " + granularity;
    }
}
