package io.migratekit.tunnel;

import java.time.Duration;
import java.util.Optional;

/**
 * How stubbornly is a lost link made anew? Pauses double from the first to the longest, each with
 * some jitter, so that many clients of a restarted hub do not come at the same moment.
 *
 * @param budget without a link for so long, the tunnel gives up; empty: never. With a budget it also
 *     gives up at once when only a person can help (wrong key, changed host key).
 */
public record Persistence(Duration firstPause, Duration longestPause, Optional<Duration> budget) {
    /** For a service: as long as it runs. */
    public static final Persistence FOR_EVER =
            new Persistence(Duration.ofMillis(250), Duration.ofSeconds(30), Optional.empty());

    /** For a job, which has a budget of its own for reconnecting. */
    public static Persistence within(Duration budget) {
        return new Persistence(Duration.ofMillis(250), Duration.ofSeconds(10), Optional.of(budget));
    }
}
