package io.migratekit.hub.control;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.zone.ZoneOffsetTransition;
import java.util.Comparator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * At which time of the day may something be?
 *
 * @param to the first moment at which it may not any more; one before {@code from} is of the next day
 * @param zone whose clock that is
 */
public record Window(LocalTime from, LocalTime to, ZoneId zone) {
    private static final Pattern HOURS = Pattern.compile("([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})");

    /**
     * Reads one.
     *
     * @param hours such as {@code 22:00-06:00}
     * @param zone such as {@code Europe/Berlin}
     */
    public static Window of(String hours, String zone) {
        Matcher parts = HOURS.matcher(hours);
        try {
            if (parts.matches()) {
                LocalTime from = LocalTime.parse(parts.group(1));
                LocalTime to = LocalTime.parse(parts.group(2));
                if (!from.equals(to)) {
                    return new Window(from, to, zone(zone));
                }
            }
        } catch (DateTimeException _) {
            // Said below: which of the two parts is wrong everybody sees.
        }
        throw new ControlException.BadRequest("'" + hours + "' is no time of the day, such as 22:00-06:00");
    }

    static ZoneId zone(String zone) {
        try {
            return ZoneId.of(zone);
        } catch (DateTimeException e) {
            throw new ControlException.BadRequest("'" + zone + "' is no time zone, such as Europe/Berlin");
        }
    }

    boolean isOpen(Instant now) {
        LocalTime time = LocalTime.ofInstant(now, zone);
        boolean isAfter = !time.isBefore(from);
        boolean isBefore = time.isBefore(to);
        return from.isBefore(to) ? isAfter && isBefore : isAfter || isBefore;
    }

    /** The moment itself if it is open, else the next one at which it will be. */
    Instant opens(Instant now) {
        if (isOpen(now)) {
            return now;
        }
        LocalDate today = LocalDate.ofInstant(now, zone);
        ZonedDateTime first = today.atTime(from).atZone(zone);
        // A clock that is put back shows an hour twice, and one that is put forward may jump into the middle of a
        // window.
        Stream<Instant> jump =
                Stream.ofNullable(zone.getRules().nextTransition(now)).map(ZoneOffsetTransition::getInstant);
        Stream<Instant> usual = Stream.of(
                        first,
                        first.withLaterOffsetAtOverlap(),
                        today.plusDays(1).atTime(from).atZone(zone))
                .map(ZonedDateTime::toInstant);
        return Stream.concat(usual, jump)
                .filter(time -> time.isAfter(now) && isOpen(time))
                .min(Comparator.naturalOrder())
                // It is left out altogether on the day on which clocks are put forward.
                .orElseGet(() -> today.plusDays(2).atTime(from).atZone(zone).toInstant());
    }

    /** Its hours, as {@link #of} reads them. */
    public String hours() {
        return from + "-" + to;
    }

    /** As it is kept: hours and zone. */
    @Override
    public String toString() {
        return hours() + " " + zone;
    }

    /** Reads what {@link #toString} has made. */
    static Optional<Window> kept(@Nullable String text) {
        if (text == null || text.isEmpty()) {
            return Optional.empty();
        }
        int space = text.indexOf(' ');
        return Optional.of(of(text.substring(0, space), text.substring(space + 1)));
    }
}
