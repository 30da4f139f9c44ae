package io.migratekit.tunnel;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** How long until the next attempt? Doubles with each failure, and is never quite the same for two clients. */
final class Backoff {
    private final Persistence persistence;
    private int failures;

    Backoff(Persistence persistence) {
        this.persistence = persistence;
    }

    /** Between three quarters and five quarters of the doubled pause. */
    Duration next() {
        long millis = persistence.firstPause().toMillis() << Math.min(failures, 20);
        millis = Math.min(millis, persistence.longestPause().toMillis());
        failures++;
        return Duration.ofMillis((long) (millis * ThreadLocalRandom.current().nextDouble(0.75, 1.25)));
    }

    void reset() {
        failures = 0;
    }
}
