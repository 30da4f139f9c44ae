package io.migratekit.agent.watch;

import io.migratekit.nbd.Wait;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which requests are in flight on a connection? Each has a row of its own from the question to the answer, so answers
 * may come in any order, and the oldest request is found by whoever looks, not kept up to date by the worker.
 */
final class RequestTable {
    private static final int FIRST_ROWS = 64;
    private static final long FREE = -1;
    private static final Wait[] ALL_KINDS = Wait.values();
    static final int KINDS = ALL_KINDS.length;

    /** A request as it was seen. */
    record Entry(Wait kind, long offset, long length, long sinceNanos, long answersBefore) {}

    /**
     * What is in flight.
     *
     * @param changing how many rows changed while they were read: requests that are only just being made or answered,
     *     never old ones
     */
    record Entries(List<Entry> list, int changing) {}

    private volatile Row[] rows = rows(new Row[0], FIRST_ROWS);
    /** Of each row the offset, or FREE, for the worker, who looks through them for every answer. */
    private long[] offsets = new long[FIRST_ROWS];

    private int[] free = new int[FIRST_ROWS];
    private int freeCount;

    RequestTable() {
        addFree(0, FIRST_ROWS);
    }

    /** The number that stands for a kind in a row; it is not stored anywhere else. */
    @SuppressWarnings("EnumOrdinal") // A row holds numbers, and code and kindOf are the only ones who know them.
    static int code(Wait kind) {
        return kind.ordinal();
    }

    static Wait kindOf(long code) {
        return ALL_KINDS[(int) code];
    }

    /** Enters a request; the number is its row. */
    int add(Wait kind, long offset, long length, long sinceNanos, long answersBefore) {
        if (freeCount == 0) {
            grow();
        }
        int slot = free[--freeCount];
        offsets[slot] = offset;
        rows[slot].write(code(kind), offset, length, sinceNanos, answersBefore, 0);
        return slot;
    }

    /** The oldest request that was made in these words; -1 if there is none. */
    int find(Wait kind, long offset, long length) {
        Row[] all = rows;
        int found = -1;
        for (int slot = 0; slot < offsets.length; slot++) {
            if (offsets[slot] == offset
                    && all[slot].own(0) == code(kind)
                    && all[slot].own(2) == length
                    && (found < 0 || all[slot].own(3) - all[found].own(3) < 0)) {
                found = slot;
            }
        }
        return found;
    }

    Wait kind(int slot) {
        return kindOf(rows[slot].own(0));
    }

    long offset(int slot) {
        return rows[slot].own(1);
    }

    long length(int slot) {
        return rows[slot].own(2);
    }

    long since(int slot) {
        return rows[slot].own(3);
    }

    long answersBefore(int slot) {
        return rows[slot].own(4);
    }

    boolean holds(int slot) {
        return rows[slot].own(0) != FREE;
    }

    boolean isEmpty() {
        return freeCount == free.length;
    }

    int size() {
        return free.length - freeCount;
    }

    int capacity() {
        return free.length;
    }

    void remove(int slot) {
        if (!holds(slot)) {
            throw new IllegalStateException("this request was answered before: slot " + slot);
        }
        offsets[slot] = FREE;
        rows[slot].write(FREE, 0, 0, 0, 0, 0);
        free[freeCount++] = slot;
    }

    /** For other threads. */
    Entries read() {
        List<Entry> list = new ArrayList<>();
        long[] row = new long[Row.WIDTH];
        int changing = 0;
        for (Row each : rows) {
            if (!each.read(row)) {
                changing++;
            } else if (row[0] != FREE) {
                list.add(new Entry(kindOf(row[0]), row[1], row[2], row[3], row[4]));
            }
        }
        return new Entries(list, changing);
    }

    private void grow() {
        int before = free.length;
        int after = 2 * before;
        free = new int[after];
        offsets = Arrays.copyOf(offsets, after);
        rows = rows(rows, after);
        addFree(before, after);
    }

    private static Row[] rows(Row[] old, int count) {
        Row[] all = new Row[count];
        System.arraycopy(old, 0, all, 0, old.length);
        for (int i = old.length; i < count; i++) {
            all[i] = new Row();
            all[i].write(FREE, 0, 0, 0, 0, 0);
        }
        return all;
    }

    private void addFree(int from, int to) {
        for (int slot = to - 1; slot >= from; slot--) {
            offsets[slot] = FREE;
            free[freeCount++] = slot;
        }
    }
}
