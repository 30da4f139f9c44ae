package io.migratekit.nbd.server;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;

/** How long did it take? Runs from its creation. */
final class Stopwatch {
    private final long startNanos = System.nanoTime();

    void assertBelow(Duration bound) {
        assertTrue(elapsed().compareTo(bound) < 0, () -> "took " + elapsed() + ", allowed was " + bound);
    }

    void assertAtLeast(Duration bound) {
        assertTrue(elapsed().compareTo(bound) >= 0, () -> "took only " + elapsed() + " instead of " + bound);
    }

    private Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - startNanos);
    }
}
