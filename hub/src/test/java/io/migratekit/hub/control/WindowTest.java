package io.migratekit.hub.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Is it known when hours begin and end, over midnight, and when clocks are put forward or back? */
class WindowTest {
    private static final long SEED = Long.getLong("window.seed", System.nanoTime());

    /** Of Berlin, Newfoundland and Lord Howe Island, where it is half an hour. */
    private static final List<String> JUMPS = List.of(
            "2026-03-29T01:00:00Z",
            "2026-10-25T01:00:00Z",
            "2026-03-08T05:30:00Z",
            "2026-11-01T04:30:00Z",
            "2026-04-04T15:00:00Z",
            "2026-10-03T15:30:00Z");

    private static Instant at(String time) {
        return Instant.parse(time);
    }

    @Test
    void hoursOverMidnightBelongToTwoDays() {
        Window night = Window.of("22:00-06:00", "UTC");
        assertTrue(night.isOpen(at("2026-03-01T22:00:00Z")));
        assertTrue(night.isOpen(at("2026-03-01T00:00:00Z")));
        assertTrue(night.isOpen(at("2026-03-01T05:59:59Z")));
        assertFalse(night.isOpen(at("2026-03-01T06:00:00Z")));
        assertFalse(night.isOpen(at("2026-03-01T21:59:59Z")));
        assertEquals(at("2026-03-01T22:00:00Z"), night.opens(at("2026-03-01T06:00:00Z")));
        assertEquals(at("2026-03-01T23:30:00Z"), night.opens(at("2026-03-01T23:30:00Z")));
    }

    @Test
    void hoursOfADayBeginAgainOnTheNextOne() {
        Window day = Window.of("08:00-18:00", "UTC");
        assertEquals(at("2026-03-02T08:00:00Z"), day.opens(at("2026-03-01T18:00:00Z")));
        assertEquals(at("2026-03-01T08:00:00Z"), day.opens(at("2026-03-01T07:59:59Z")));
    }

    /** At two in the morning of that day it is three in Berlin. */
    @Test
    void whatAClockJumpsIntoBeginsThen() {
        Window window = Window.of("02:30-04:00", "Europe/Berlin");
        Instant opens = window.opens(at("2026-03-29T00:30:00Z"));
        assertEquals(at("2026-03-29T01:00:00Z"), opens);
        assertTrue(window.isOpen(opens));
    }

    /** Whenever one asks, the next opening is open, not in the past, and nothing before it was. */
    @Test
    void theNextOpeningIsTheFirst() {
        System.getLogger("window").log(System.Logger.Level.INFO, "window.seed=" + SEED);
        Random random = new Random(SEED);
        List<String> zones = List.of("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe");
        for (int i = 0; i < 2000; i++) {
            String from = "%02d:%02d".formatted(random.nextInt(24), random.nextInt(60));
            String to = "%02d:%02d".formatted(random.nextInt(24), random.nextInt(60));
            if (from.equals(to)) {
                continue;
            }
            Window window = Window.of(from + "-" + to, zones.get(random.nextInt(zones.size())));
            // Half of them within the days around those on which clocks are put forward or back.
            Instant now = random.nextBoolean()
                    ? at("2026-01-01T00:00:00Z").plusSeconds(random.nextInt(366 * 86_400))
                    : at(JUMPS.get(random.nextInt(JUMPS.size())))
                            .minusSeconds(86_400)
                            .plusSeconds(random.nextInt(2 * 86_400));
            Instant opens = window.opens(now);
            String all = "seed " + SEED + ": " + window + " at " + now + " opens " + opens;
            assertFalse(opens.isBefore(now), all);
            assertTrue(Duration.between(now, opens).compareTo(Duration.ofHours(49)) <= 0, all);
            for (Instant before = now; before.isBefore(opens); before = before.plusSeconds(300)) {
                assertFalse(window.isOpen(before), all + ", but was open at " + before);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"22:00", "22-6", "24:00-06:00", "06:00-06:00", "22:00-06:00 ", ""})
    void whatIsNoTimeOfTheDayIsRefused(String hours) {
        assertThrows(ControlException.BadRequest.class, () -> Window.of(hours, "UTC"));
    }

    @Test
    void aZoneThatIsNoneIsRefused() {
        assertThrows(ControlException.BadRequest.class, () -> Window.of("22:00-06:00", "Mars/Olympus"));
    }

    @Test
    void whatIsKeptIsReadAgain() {
        Window window = Window.of("22:00-06:00", "Europe/Berlin");
        assertEquals(Optional.of(window), Window.kept(window.toString()));
        assertEquals(Optional.empty(), Window.kept(null));
    }

    @Test
    void theLowestRateThatHoldsCounts() {
        Limits limits = new Limits(
                1,
                1,
                1,
                1,
                Map.of(),
                List.of(
                        new Rate(Optional.empty(), Optional.empty(), 100),
                        new Rate(Optional.of("slow"), Optional.of(Window.of("08:00-18:00", "UTC")), 10)));
        assertEquals(OptionalLong.of(10), limits.rate("slow", at("2026-03-01T12:00:00Z")));
        assertEquals(OptionalLong.of(100), limits.rate("slow", at("2026-03-01T18:00:00Z")));
        assertEquals(OptionalLong.of(100), limits.rate("other", at("2026-03-01T12:00:00Z")));
        assertEquals(OptionalLong.empty(), Limits.DEFAULTS.rate("slow", at("2026-03-01T12:00:00Z")));
    }
}
