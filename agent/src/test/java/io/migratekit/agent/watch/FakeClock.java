package io.migratekit.agent.watch;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/** A clock that goes on when the test says so. It begins just before the numbers of a long turn over. */
final class FakeClock implements LongSupplier {
    private static final long BEGIN = Long.MAX_VALUE - Duration.ofSeconds(5).toNanos();

    private final AtomicLong nanos = new AtomicLong(BEGIN);

    @Override
    public long getAsLong() {
        return nanos.get();
    }

    long passed() {
        return nanos.get() - BEGIN;
    }

    void pass(Duration time) {
        nanos.addAndGet(time.toNanos());
    }

    void pass(long millis) {
        pass(Duration.ofMillis(millis));
    }
}
