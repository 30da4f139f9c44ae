package io.migratekit.hub.guest;

import io.migratekit.hub.guest.BootResult.Verdict;
import io.migratekit.nbd.Durations;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Is what was seen up to now a guest that lives, one that failed, or is it too early to say? It only hears of signs, in
 * the order of time.
 */
final class BootJudge {
    private final Optional<Pattern> expect;
    private final Duration settle;
    private Sign furthest = Sign.NOTHING;
    private @Nullable Duration firstPrograms;
    private Duration lastPrograms = Duration.ZERO;
    private @Nullable Duration services;

    /** The end of the story. */
    record Finding(Verdict verdict, Sign sign, String why) {}

    BootJudge(Optional<Pattern> expect, Duration settle) {
        this.expect = expect;
        this.settle = settle;
    }

    /** The guest has written this on its serial port, or on its screen in text mode. */
    Optional<Finding> text(String text, Duration now) {
        Optional<String> expected = expect.flatMap(pattern -> SerialSigns.line(pattern, text));
        if (expected.isPresent()) {
            return Optional.of(
                    new Finding(Verdict.ALIVE, Sign.EXPECTED, Sign.EXPECTED.words() + ": " + expected.get()));
        }
        Optional<String> failure = SerialSigns.failure(text);
        sign(SerialSigns.sign(text), now);
        if (failure.isPresent()) {
            return Optional.of(new Finding(Verdict.DEAD, furthest, "it says: " + failure.get()));
        }
        if (expect.isEmpty() && furthest == Sign.LOGIN) {
            return Optional.of(new Finding(Verdict.ALIVE, furthest, furthest.words()));
        }
        return Optional.empty();
    }

    /** Something else was seen. */
    void sign(Sign sign, Duration now) {
        furthest = sign.compareTo(furthest) > 0 ? sign : furthest;
        if (sign == Sign.PROGRAMS) {
            firstPrograms = firstPrograms == null ? now : firstPrograms;
            lastPrograms = now;
        }
        if (sign == Sign.SERVICES && services == null) {
            services = now;
        }
    }

    Sign furthest() {
        return furthest;
    }

    /** Whether what was seen has lasted for long enough to be believed. */
    Optional<Finding> settled(Duration now) {
        if (expect.isPresent()) {
            return Optional.empty();
        }
        boolean isStarting = services != null && now.minus(services).compareTo(settle) < 0;
        if (services != null && !isStarting) {
            return Optional.of(new Finding(
                    Verdict.ALIVE,
                    furthest,
                    Sign.SERVICES.words() + ", and nothing failed for " + Durations.show(now.minus(services))));
        }
        if (!isStarting && programs().compareTo(settle) >= 0) {
            return Optional.of(new Finding(
                    Verdict.ALIVE,
                    furthest,
                    Sign.PROGRAMS.words() + " for " + Durations.show(programs())
                            + ", as its processors show; what they are, the picture may tell"));
        }
        return Optional.empty();
    }

    /** No more time, or the guest has ended; {@code how} begins the sentence. */
    Finding ended(String how) {
        if (expect.isPresent()) {
            return new Finding(
                    Verdict.DEAD, furthest, how + ", and what was expected did not appear; " + furthest.words());
        }
        String most = how + "; " + furthest.words();
        return switch (furthest) {
            case LOGIN, SERVICES, EXPECTED -> new Finding(Verdict.ALIVE, furthest, most);
            case PROGRAMS, KERNEL, SCREEN ->
                new Finding(
                        Verdict.UNSURE, furthest, most + ", which may be all of it, or a beginning: see the picture");
            case HANDED_OVER, FIRMWARE, NOTHING -> new Finding(Verdict.DEAD, furthest, most + ", and no more");
        };
    }

    private Duration programs() {
        return firstPrograms == null ? Duration.ZERO : lastPrograms.minus(firstPrograms);
    }
}
