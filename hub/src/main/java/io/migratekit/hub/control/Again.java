package io.migratekit.hub.control;

import java.time.Duration;
import java.util.Optional;

/** Is a job that failed tried again, and when? That depends on the cause, which its exit code tells. */
final class Again {
    private static final int MOST_ATTEMPTS = 6;
    private static final Duration LONGEST = Duration.ofHours(1);

    private Again() {}

    /**
     * How long to wait before it is tried again; empty if that would be in vain until somebody has done something.
     *
     * @param code with which it ended, as `migratekit help exit-codes` lists them
     * @param attempt how often it was tried
     */
    static Optional<Duration> after(int code, int attempt) {
        return attempt >= MOST_ATTEMPTS ? Optional.empty() : first(code).map(first -> grown(first, attempt));
    }

    private static Optional<Duration> first(int code) {
        return switch (code) {
            // Somebody has to change something: words, keys, rights, room, or what is damaged.
            case 2, 11, 12, 34, 40, 41, 50, 51, 63 -> Optional.empty();
            // A link: it may be back at once.
            case 10, 20, 30, 31, 42 -> Optional.of(Duration.ofSeconds(30));
            // Somebody else has the VM.
            case 62 -> Optional.of(Duration.ofMinutes(2));
            // Killed, or the machine went down: the same job goes on where it was.
            case 129, 130, 134, 137, 143 -> Optional.of(Duration.ofSeconds(10));
            default -> Optional.of(Duration.ofMinutes(5));
        };
    }

    private static Duration grown(Duration first, int attempt) {
        Duration grown = first.multipliedBy(1L << Math.min(attempt - 1, 10));
        return grown.compareTo(LONGEST) < 0 ? grown : LONGEST;
    }
}
