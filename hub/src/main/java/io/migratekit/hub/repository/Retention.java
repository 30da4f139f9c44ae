package io.migratekit.hub.repository;

import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.time.temporal.IsoFields;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Which restore points of a VM does a policy keep, and why? Thinks only, and does nothing.
 *
 * <p>What no policy can change: the last good point stays; so does one that is locked, or that was taken in the future,
 * by a clock that went wrong; and those of the future take nobody's place. A point that is not good is looked at only
 * beside the good ones: it may stay for a day that has no good one, and counts among its own kind.
 */
final class Retention {
    private static final DateTimeFormatter HOUR = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mmxxx");

    private final RetentionPolicy policy;
    private final Instant now;
    private final ZoneId zone;
    /** The ids of those that are. Whoever knows is asked once for each point. */
    private final Set<String> good;

    private final Map<String, List<String>> reasons = new HashMap<>();

    /**
     * What becomes of a point?
     *
     * @param reasons why it is kept; without any it is to be removed
     */
    record Verdict(Backup point, List<String> reasons) {
        Verdict {
            reasons = List.copyOf(reasons);
        }

        boolean isKept() {
            return !reasons.isEmpty();
        }
    }

    private Retention(RetentionPolicy policy, Instant now, ZoneId zone, Set<String> good) {
        this.policy = policy;
        this.now = now;
        this.zone = zone;
        this.good = good;
    }

    /** A verdict for each restore point, the oldest first; open backups have none. */
    static List<Verdict> decide(
            List<Backup> backups, RetentionPolicy policy, Instant now, ZoneId zone, Predicate<Backup> isGood) {
        List<Backup> points = backups.stream()
                .filter(one -> one.state() == Backup.State.SEALED)
                .sorted(Comparator.comparing(Retention::time)
                        .thenComparing(Backup::startedAt)
                        .thenComparing(Backup::id))
                .toList();
        Set<String> good = points.stream().filter(isGood).map(Backup::id).collect(Collectors.toSet());
        return new Retention(policy, now, zone, good).decide(points);
    }

    /** When its disks were what they are in it. */
    static Instant time(Backup point) {
        Instant taken = point.takenAt();
        return taken == null ? point.startedAt() : taken;
    }

    private boolean isGood(Backup point) {
        return good.contains(point.id());
    }

    private List<Verdict> decide(List<Backup> points) {
        List<Backup> newestFirst = points.reversed().stream()
                .filter(point -> !time(point).isAfter(now))
                .toList();
        keepTheLast(newestFirst);
        rule(policy.last(), newestFirst, Backup::id, _ -> "last");
        rule(policy.hourly(), newestFirst, this::hour, hour -> "hourly " + hour.format(HOUR));
        rule(policy.daily(), newestFirst, this::day, day -> "daily " + day);
        rule(policy.weekly(), newestFirst, this::week, week -> "weekly " + week);
        rule(policy.monthly(), newestFirst, point -> YearMonth.from(day(point)), month -> "monthly " + month);
        rule(policy.yearly(), newestFirst, point -> day(point).getYear(), year -> "yearly " + year);
        keepWithin(newestFirst);
        points.forEach(this::keepUntouchable);
        return points.stream()
                .map(point -> new Verdict(point, reasons.getOrDefault(point.id(), List.of())))
                .toList();
    }

    private void keep(Backup point, String why) {
        reasons.computeIfAbsent(point.id(), _ -> new ArrayList<>()).add(why);
    }

    /** By its own time and by when it was begun: of two clocks one may have gone wrong. */
    private void keepTheLast(List<Backup> newestFirst) {
        List<Backup> sound = newestFirst.stream().filter(this::isGood).toList();
        if (sound.isEmpty()) {
            newestFirst.stream().findFirst().ifPresent(point -> keep(point, "the newest, and none is good"));
            return;
        }
        Backup begun =
                sound.stream().max(Comparator.comparing(Backup::startedAt)).orElseThrow();
        keep(sound.getFirst(), "the last good one");
        if (!begun.startedAt().equals(sound.getFirst().startedAt())) {
            keep(begun, "the good one that was begun last");
        }
    }

    /**
     * Keeps the newest good point of each of the last so many hours, days, or whatever the key tells apart. Then those that
     * are not good, likewise: where none is good, and not from before the good ones that were found.
     */
    private <K> void rule(int count, List<Backup> newestFirst, Function<Backup, K> key, Function<K, String> told) {
        Set<K> found = new LinkedHashSet<>();
        Instant oldest = Instant.MIN;
        for (Backup point : newestFirst) {
            if (isGood(point) && found.add(key.apply(point)) && found.size() <= count) {
                keep(point, told.apply(key.apply(point)));
                oldest = found.size() == count ? time(point) : oldest;
            }
        }
        Set<K> others = new HashSet<>();
        for (Backup point : newestFirst) {
            if (!isGood(point)
                    && !found.contains(key.apply(point))
                    && !time(point).isBefore(oldest)
                    && others.add(key.apply(point))
                    && others.size() <= count) {
                keep(point, told.apply(key.apply(point)) + ", which has no good one");
            }
        }
    }

    /** Counted from the newest one: when backups stop, what there is does not grow too old. */
    private void keepWithin(List<Backup> newestFirst) {
        if (newestFirst.isEmpty() || policy.within().isZero()) {
            return;
        }
        Instant newest =
                time(newestFirst.stream().filter(this::isGood).findFirst().orElse(newestFirst.getFirst()));
        for (Backup point : newestFirst) {
            if (!time(point).isBefore(newest.minus(policy.within()))) {
                keep(point, "within " + RetentionPolicy.told(policy.within()));
            }
        }
    }

    private void keepUntouchable(Backup point) {
        Instant until = point.keepUntil();
        if (until != null && until.isAfter(now)) {
            keep(point, "locked until " + until.truncatedTo(ChronoUnit.SECONDS));
        }
        if (time(point).isAfter(now)) {
            keep(point, "its time is in the future, so a clock is or was wrong");
        }
    }

    private LocalDate day(Backup point) {
        return time(point).atZone(zone).toLocalDate();
    }

    /** With the zone's offset: when clocks are put back, there are two hours of one name. */
    private OffsetDateTime hour(Backup point) {
        return time(point).atZone(zone).truncatedTo(ChronoUnit.HOURS).toOffsetDateTime();
    }

    private String week(Backup point) {
        LocalDate day = day(point);
        return "%d-W%02d".formatted(day.get(IsoFields.WEEK_BASED_YEAR), day.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
    }
}
