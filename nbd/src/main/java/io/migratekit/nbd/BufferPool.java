package io.migratekit.nbd;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Where do the bytes live on their way from one server to the other? In off-heap buffers of equal
 * size, allocated once and used again and again. A buffer may be given back only when no request
 * uses it any more; closing the pool before that is an error, because libnbd would write into freed
 * memory. Not for use by several threads at once.
 */
public final class BufferPool implements AutoCloseable {
    /** Page size: what direct I/O on the other side of a unix socket likes, too. */
    private static final long ALIGNMENT = 4096;

    private final Arena arena = Arena.ofShared();
    private final ArrayDeque<MemorySegment> free;
    private final BitSet taken;
    private final long base;
    private final int count;
    private final long sizeBytes;

    public BufferPool(int count, long sizeBytes) {
        this.count = count;
        this.sizeBytes = sizeBytes;
        free = new ArrayDeque<>(count);
        taken = new BitSet(count);
        MemorySegment all = arena.allocate(Math.multiplyExact(count, sizeBytes), ALIGNMENT);
        base = all.address();
        for (int i = 0; i < count; i++) {
            free.push(all.asSlice(i * sizeBytes, sizeBytes));
        }
    }

    /** A buffer, or null when all of them are in use. Its content is whatever was in it before. */
    public @Nullable MemorySegment take() {
        MemorySegment buffer = free.poll();
        if (buffer != null) {
            taken.set(numberOf(buffer));
        }
        return buffer;
    }

    /** The buffer is not used any more; the last one given is the first one taken, as it is still in the cache. */
    public void give(MemorySegment buffer) {
        int number = numberOf(buffer);
        // Given twice, it would be taken twice, and two answers would write into it.
        if (number < 0 || !taken.get(number)) {
            throw new IllegalArgumentException("this buffer is not one that was taken from the pool");
        }
        taken.clear(number);
        free.push(buffer);
    }

    /** Which of the pool's buffers it is, or -1 for any other memory. */
    private int numberOf(MemorySegment buffer) {
        long distance = buffer.address() - base;
        boolean ours = buffer.isNative()
                && buffer.byteSize() == sizeBytes
                && distance >= 0
                && distance < count * sizeBytes
                && distance % sizeBytes == 0;
        return ours ? (int) (distance / sizeBytes) : -1;
    }

    /** Frees everything, also what is in use. Allowed only when every connection that used a buffer is closed. */
    public void abandon() {
        arena.close();
    }

    @Override
    public void close() {
        if (free.size() != count) {
            throw new IllegalStateException((count - free.size()) + " buffers are still in use");
        }
        arena.close();
    }
}
