package io.migratekit.agent.watch;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * How do a few numbers get from one thread to another so that they belong together? One thread writes, any number read;
 * nobody waits for anybody (a sequence lock).
 *
 * <p>The version is odd while the row is being written. A reader that sees it change reads again, a few times; then it
 * gives up, which tells it that the row is changing right now.
 */
final class Row {
    static final int WIDTH = 6;
    private static final int ATTEMPTS = 16;
    private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);

    /** The version, then the numbers. */
    private final long[] words = new long[1 + WIDTH];

    /** Only ever called by the one writing thread. */
    void write(long a, long b, long c, long d, long e, long f) {
        long version = words[0];
        WORDS.setOpaque(words, 0, version + 1);
        VarHandle.storeStoreFence();
        WORDS.setOpaque(words, 1, a);
        WORDS.setOpaque(words, 2, b);
        WORDS.setOpaque(words, 3, c);
        WORDS.setOpaque(words, 4, d);
        WORDS.setOpaque(words, 5, e);
        WORDS.setOpaque(words, 6, f);
        WORDS.setRelease(words, 0, version + 2);
    }

    /** One of the numbers, for the writing thread. */
    long own(int index) {
        return words[1 + index];
    }

    /** Fills {@code into} with numbers that were written together; false if the row changes all the time. */
    boolean read(long[] into) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            long before = (long) WORDS.getAcquire(words, 0);
            if ((before & 1) == 0) {
                for (int i = 0; i < WIDTH; i++) {
                    into[i] = (long) WORDS.getOpaque(words, 1 + i);
                }
                VarHandle.loadLoadFence();
                if ((long) WORDS.getOpaque(words, 0) == before) {
                    return true;
                }
            }
            Thread.onSpinWait();
        }
        return false;
    }
}
