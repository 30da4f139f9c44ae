package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** What goes on in a VM all the while: it writes, until this is closed. */
final class Guest implements AutoCloseable {
    private static final Duration END = Duration.ofSeconds(10);
    private final Thread thread;
    private final CountDownLatch closed = new CountDownLatch(1);

    Guest(MigrateLab lab, long seed) {
        Random own = new Random(seed);
        thread = Thread.ofPlatform().daemon().start(() -> {
            try {
                do {
                    lab.guestWrites(own, 1);
                } while (!closed.await(50 + own.nextInt(400), TimeUnit.MILLISECONDS));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    @Override
    public void close() {
        closed.countDown();
        try {
            assertTrue(thread.join(END), "the guest goes on writing");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while the guest writes", e);
        }
    }
}
