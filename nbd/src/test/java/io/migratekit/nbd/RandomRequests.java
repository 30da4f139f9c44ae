package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Does a real server hold what a model in memory says it must? Keeps many random requests in flight,
 * never two on the same slot of the disk, because the order of requests that overlap is undefined.
 */
final class RandomRequests {
    private static final int SLOT_BYTES = 64 << 10;

    private final Random random;
    private final int depth;
    private final byte[] model;
    /** Bytes that were trimmed: what they read as is up to the server until they are written again. */
    private final BitSet undefined;

    private final BitSet busySlots = new BitSet();
    /** A request equals only itself, so that one answered twice shows. */
    private final Map<Request, Pending> pending = new HashMap<>();

    private int mostInFlight;

    /** A request under way: the slot it keeps busy (or -1), its buffer, and what is checked or becomes true by its answer. */
    private record Pending(int slot, @Nullable MemorySegment buffer, Runnable whenAnswered) {}

    /** A model of a disk that reads as zeroes. */
    RandomRequests(long seed, int sizeBytes, int depth) {
        this.random = new Random(seed);
        this.depth = depth;
        this.model = new byte[sizeBytes];
        this.undefined = new BitSet(sizeBytes);
    }

    /** Makes so many requests, all kinds mixed, and checks each answer. */
    void run(NbdConnection connection, int count) {
        int alignment = (int) connection.info().requestAlignment();
        try (BufferPool pool = new BufferPool(depth, SLOT_BYTES)) {
            for (int i = 0; i < count; i++) {
                while (pending.size() == depth) {
                    takeAnswer(connection, pool);
                }
                issue(connection, pool, alignment);
                mostInFlight = Math.max(mostInFlight, connection.inFlight());
            }
            while (!pending.isEmpty()) {
                takeAnswer(connection, pool);
            }
            assertNull(connection.poll(), "nothing is pending any more");
            assertEquals(0, connection.inFlight());
        }
    }

    int mostInFlight() {
        return mostInFlight;
    }

    /** Reads the whole disk and compares. */
    void checkWhole(NbdConnection connection) {
        try (BufferPool pool = new BufferPool(depth, SLOT_BYTES)) {
            for (int slot = 0; slot < model.length / SLOT_BYTES; slot++) {
                while (pending.size() == depth) {
                    takeAnswer(connection, pool);
                }
                int offset = slot * SLOT_BYTES;
                read(connection, pool, slot, offset, SLOT_BYTES);
            }
            while (!pending.isEmpty()) {
                takeAnswer(connection, pool);
            }
        }
    }

    private void issue(NbdConnection connection, BufferPool pool, int alignment) {
        int slot = freeSlot();
        int from = random.nextInt(SLOT_BYTES / alignment);
        int length = (1 + random.nextInt(SLOT_BYTES / alignment - from)) * alignment;
        int offset = slot * SLOT_BYTES + from * alignment;
        int dice = random.nextInt(100);
        if (dice < 40) {
            read(connection, pool, slot, offset, length);
        } else if (dice < 75) {
            write(connection, pool, slot, offset, length, dice < 45);
        } else if (dice < 90) {
            Request zero = connection.zero(offset, length, random.nextBoolean());
            pending.put(zero, new Pending(slot, null, () -> {
                Arrays.fill(model, offset, offset + length, (byte) 0);
                undefined.clear(offset, offset + length);
            }));
        } else if (dice < 95) {
            Request trim = connection.trim(offset, length);
            pending.put(trim, new Pending(slot, null, () -> undefined.set(offset, offset + length)));
        } else {
            busySlots.clear(slot);
            pending.put(connection.flush(), new Pending(-1, null, () -> {}));
        }
    }

    private void read(NbdConnection connection, BufferPool pool, int slot, int offset, int length) {
        MemorySegment buffer = Objects.requireNonNull(pool.take());
        Request read = connection.read(buffer.asSlice(0, length), offset);
        pending.put(read, new Pending(slot, buffer, () -> compare(buffer, offset, length)));
    }

    private void write(NbdConnection connection, BufferPool pool, int slot, int offset, int length, boolean fua) {
        byte[] data = new byte[length];
        random.nextBytes(data);
        MemorySegment buffer = Objects.requireNonNull(pool.take());
        MemorySegment.copy(data, 0, buffer, ValueLayout.JAVA_BYTE, 0, length);
        Request write = connection.write(buffer.asSlice(0, length), offset, fua);
        pending.put(write, new Pending(slot, buffer, () -> {
            System.arraycopy(data, 0, model, offset, length);
            undefined.clear(offset, offset + length);
        }));
    }

    private int freeSlot() {
        while (true) {
            int slot = random.nextInt(model.length / SLOT_BYTES);
            if (!busySlots.get(slot)) {
                busySlots.set(slot);
                return slot;
            }
        }
    }

    private void takeAnswer(NbdConnection connection, BufferPool pool) {
        Request request = connection.poll();
        assertNotNull(request);
        assertNull(request.failure(), request.toString());
        Pending done = pending.remove(request);
        assertNotNull(done, "answered twice, or never asked: " + request);
        if (done.slot() >= 0) {
            busySlots.clear(done.slot());
        }
        done.whenAnswered().run();
        if (done.buffer() != null) {
            pool.give(done.buffer());
        }
    }

    private void compare(MemorySegment buffer, int offset, int length) {
        for (int i = 0; i < length; i++) {
            int at = offset + i;
            if (!undefined.get(at) && buffer.get(ValueLayout.JAVA_BYTE, i) != model[at]) {
                throw new AssertionError("byte " + at + " is not what was written there, by a read of " + length
                        + " bytes at " + offset);
            }
        }
    }
}
