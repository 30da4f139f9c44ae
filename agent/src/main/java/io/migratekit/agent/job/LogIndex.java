package io.migratekit.agent.job;

import java.util.Arrays;

/**
 * Where in the log are the units of a certain stretch? For every few thousand records in a row: where
 * they are, and the smallest and largest unit among them. A disk of 64 TiB in units of 1 MiB needs
 * half a megabyte of it, where the offset of every record would take 512 MiB of heap.
 *
 * <p>It rests on units being recorded nearly in order. If they are not, stretches overlap and the log
 * is read more often; the result is the same.
 */
final class LogIndex {
    private static final int RECORDS_IN_A_BLOCK = 4096;
    private static final int FIELDS = 4;
    private static final int OFFSET = 0;
    private static final int END = 1;
    private static final int SMALLEST = 2;
    private static final int LARGEST = 3;

    private long[] blocks = new long[FIELDS * 16];
    private int count;
    private int recordsInLast = RECORDS_IN_A_BLOCK;

    /** Takes in a record; they come in the order of their offsets. */
    synchronized void add(long unit, long offset, int bytes) {
        if (recordsInLast == RECORDS_IN_A_BLOCK) {
            if ((count + 1) * FIELDS > blocks.length) {
                blocks = Arrays.copyOf(blocks, blocks.length * 2);
            }
            int fresh = count++ * FIELDS;
            blocks[fresh + OFFSET] = offset;
            blocks[fresh + SMALLEST] = unit;
            blocks[fresh + LARGEST] = unit;
            recordsInLast = 0;
        }
        int last = (count - 1) * FIELDS;
        blocks[last + END] = offset + bytes;
        blocks[last + SMALLEST] = Math.min(blocks[last + SMALLEST], unit);
        blocks[last + LARGEST] = Math.max(blocks[last + LARGEST], unit);
        recordsInLast++;
    }

    /** A stretch of the log, from one record's beginning to another's end. */
    record Block(long offset, long end) {}

    synchronized int count() {
        return count;
    }

    synchronized Block block(int number) {
        return new Block(blocks[number * FIELDS + OFFSET], blocks[number * FIELDS + END]);
    }

    /** Whether the block may hold units from {@code first} on and before {@code end}. */
    synchronized boolean mayHold(int number, long first, long end) {
        return blocks[number * FIELDS + SMALLEST] < end && blocks[number * FIELDS + LARGEST] >= first;
    }
}
