package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What does a policy keep? Points are named after their time; an id that ends in '-' is of one that is not good. */
class RetentionTest {
    private static final Instant NOW = Instant.parse("2026-11-27T12:00:00Z");
    private static final ZoneId UTC = ZoneOffset.UTC;

    private static Backup point(String id, Instant started, @Nullable Instant taken, @Nullable Instant keepUntil) {
        return new Backup(
                id,
                "vm",
                "web",
                Backup.State.SEALED,
                true,
                started,
                taken,
                started,
                keepUntil,
                null,
                null,
                null,
                List.of());
    }

    private static Backup at(String time) {
        Instant taken = Instant.parse(time.substring(0, time.indexOf('Z') + 1));
        return point(time, taken, taken, null);
    }

    private static List<Backup> at(String... times) {
        List<Backup> all = new ArrayList<>();
        for (String time : times) {
            all.add(at(time));
        }
        return all;
    }

    private static boolean isGood(Backup point) {
        return !point.id().endsWith("-");
    }

    /** The words of a policy: "daily 7 last 2 within 48h". */
    private static RetentionPolicy policy(String words) {
        Map<String, Integer> counts = new TreeMap<>();
        String[] all = words.isEmpty() ? new String[0] : words.split(" ", -1);
        for (int i = 0; i < all.length; i += 2) {
            counts.put(all[i], Integer.parseInt(all[i + 1].replace("h", "")));
        }
        return new RetentionPolicy(
                counts.getOrDefault("last", 0),
                counts.getOrDefault("hourly", 0),
                counts.getOrDefault("daily", 0),
                counts.getOrDefault("weekly", 0),
                counts.getOrDefault("monthly", 0),
                counts.getOrDefault("yearly", 0),
                Duration.ofHours(counts.getOrDefault("within", 0)));
    }

    /** Who is kept, and why. */
    private static Map<String, List<String>> kept(String policy, List<Backup> points, ZoneId zone) {
        return Retention.decide(points, policy(policy), NOW, zone, RetentionTest::isGood).stream()
                .filter(Retention.Verdict::isKept)
                .collect(Collectors.toMap(
                        one -> one.point().id(), Retention.Verdict::reasons, (one, _) -> one, TreeMap::new));
    }

    @Test
    void theNewestOfEachDayWeekMonthAndYearThatHasOne() {
        List<Backup> points = at(
                "2024-12-31T23:59:59Z",
                "2025-01-01T00:00:00Z",
                "2025-12-29T10:00:00Z",
                "2026-10-31T22:00:00Z",
                "2026-11-20T08:00:00Z",
                "2026-11-20T20:00:00Z",
                "2026-11-25T20:00:00Z",
                "2026-11-27T11:30:00Z",
                "2026-11-27T11:59:00Z");
        assertEquals(
                Map.of(
                        "2026-11-27T11:59:00Z",
                                List.of(
                                        "the last good one",
                                        "last",
                                        "hourly 2026-11-27 11:00+00:00",
                                        "daily 2026-11-27",
                                        "weekly 2026-W48",
                                        "monthly 2026-11",
                                        "yearly 2026"),
                        "2026-11-27T11:30:00Z", List.of("last"),
                        "2026-11-25T20:00:00Z", List.of("hourly 2026-11-25 20:00+00:00", "daily 2026-11-25"),
                        "2026-11-20T20:00:00Z", List.of("daily 2026-11-20", "weekly 2026-W47"),
                        "2026-10-31T22:00:00Z", List.of("weekly 2026-W44", "monthly 2026-10"),
                        // The week of New Year belongs to the year that has most of it.
                        "2025-12-29T10:00:00Z", List.of("weekly 2026-W01", "yearly 2025"),
                        "2024-12-31T23:59:59Z", List.of("yearly 2024")),
                kept("last 2 hourly 2 daily 3 weekly 4 monthly 2 yearly 5", points, UTC));
    }

    @Test
    void theDayIsThatOfTheHubsZone() {
        List<Backup> points = at("2026-11-26T20:00:00Z", "2026-11-26T23:30:00Z", "2026-11-27T01:00:00Z");
        assertEquals(
                List.of("2026-11-26T23:30:00Z", "2026-11-27T01:00:00Z"),
                List.copyOf(kept("daily 5", points, UTC).keySet()));
        assertEquals(
                Map.of(
                        "2026-11-27T01:00:00Z", List.of("the last good one", "daily 2026-11-27"),
                        "2026-11-26T20:00:00Z", List.of("daily 2026-11-26")),
                kept("daily 5", points, ZoneId.of("Europe/Berlin")));
    }

    @Test
    void anHourThatIsThereTwiceIsTwoHours() {
        List<Backup> points = at("2026-10-25T00:10:00Z", "2026-10-25T01:10:00Z", "2026-10-25T01:20:00Z");
        assertEquals(
                Map.of(
                        "2026-10-25T00:10:00Z", List.of("hourly 2026-10-25 02:00+02:00"),
                        "2026-10-25T01:20:00Z", List.of("the last good one", "hourly 2026-10-25 02:00+01:00")),
                kept("hourly 9", points, ZoneId.of("Europe/Berlin")));
    }

    @Test
    void whatIsNotGoodTakesNobodysPlace() {
        List<Backup> points = at(
                "2026-11-20T10:00:00Z-",
                "2026-11-24T10:00:00Z",
                "2026-11-25T10:00:00Z",
                "2026-11-25T22:00:00Z-",
                "2026-11-26T10:00:00Z-",
                "2026-11-26T11:00:00Z-",
                "2026-11-27T10:00:00Z-");
        assertEquals(
                Map.of(
                        "2026-11-24T10:00:00Z", List.of("daily 2026-11-24"),
                        "2026-11-25T10:00:00Z", List.of("the last good one", "daily 2026-11-25"),
                        "2026-11-26T11:00:00Z-", List.of("daily 2026-11-26, which has no good one"),
                        "2026-11-27T10:00:00Z-", List.of("daily 2026-11-27, which has no good one")),
                kept("daily 2", points, UTC));
        assertEquals(
                List.of("2026-11-25T10:00:00Z", "2026-11-27T10:00:00Z-"),
                List.copyOf(kept("last 1", points, UTC).keySet()));
    }

    /** A VM of which one disk is always missing still has its days. */
    @Test
    void whereNoneIsGoodThePolicyCountsThose() {
        List<Backup> points = at("2026-11-24T10:00:00Z-", "2026-11-25T10:00:00Z-", "2026-11-26T10:00:00Z-");
        assertEquals(
                Map.of(
                        "2026-11-26T10:00:00Z-",
                                List.of("the newest, and none is good", "daily 2026-11-26, which has no good one"),
                        "2026-11-25T10:00:00Z-", List.of("daily 2026-11-25, which has no good one")),
                kept("daily 2", points, UTC));
    }

    @Test
    void aPointOfTheFutureStaysAndTakesNobodysPlace() {
        List<Backup> points = at("2026-11-25T10:00:00Z", "2026-11-26T10:00:00Z", "2030-01-01T00:00:00Z");
        assertEquals(
                Map.of(
                        "2026-11-26T10:00:00Z", List.of("the last good one", "last"),
                        "2030-01-01T00:00:00Z", List.of("its time is in the future, so a clock is or was wrong")),
                kept("last 1", points, UTC));
        // The hub's clock is behind: all is of the future, and nothing goes.
        List<Retention.Verdict> early =
                Retention.decide(points, policy("last 1"), Instant.EPOCH, UTC, RetentionTest::isGood);
        assertTrue(early.stream().allMatch(Retention.Verdict::isKept), early::toString);
    }

    /** The clock of the VM's host was put back, so what was taken last looks older than what was taken before. */
    @Test
    void whatWasBegunLastStaysThoughItLooksOld() {
        Instant old = Instant.parse("2020-01-01T00:00:00Z");
        List<Backup> points = List.of(
                at("2026-11-25T10:00:00Z"), point("put back", Instant.parse("2026-11-26T10:00:00Z"), old, null));
        assertEquals(
                Map.of(
                        "2026-11-25T10:00:00Z", List.of("the last good one", "daily 2026-11-25"),
                        "put back", List.of("the good one that was begun last")),
                kept("daily 1", points, UTC));
    }

    @Test
    void ofTwoAtTheSameTimeOneIsTheNewer() {
        Instant time = Instant.parse("2026-11-26T10:00:00Z");
        List<Backup> points = new ArrayList<>(
                List.of(point("b", time, time, null), point("a", time, time, null), point("c", time, null, null)));
        assertEquals(Map.of("c", List.of("the last good one", "daily 2026-11-26")), kept("daily 9", points, UTC));
        Collections.reverse(points);
        assertEquals(List.of("b", "c"), List.copyOf(kept("last 2", points, UTC).keySet()));
    }

    @Test
    void lockedOnesAndThoseOfTheLastTimeStay() {
        Instant time = Instant.parse("2026-11-20T10:00:00Z");
        List<Backup> points = List.of(
                point("locked", time, time, NOW.plusSeconds(1)),
                point("not any more", time, time, NOW),
                at("2026-11-24T10:00:00Z"),
                at("2026-11-24T09:59:59Z"),
                at("2026-11-25T10:00:00Z"));
        assertEquals(
                Map.of(
                        "locked", List.of("locked until 2026-11-27T12:00:01Z"),
                        "2026-11-24T10:00:00Z", List.of("within 1d"),
                        "2026-11-25T10:00:00Z", List.of("the last good one", "within 1d")),
                kept("within 24h", points, UTC));
    }

    @Test
    void aPolicyThatSaysNothingIsRefused() {
        String said = String.valueOf(assertThrows(RepositoryException.BadRequest.class, () -> policy(""))
                .getMessage());
        assertTrue(said.contains("nothing is removed"), said);
        assertThrows(RepositoryException.BadRequest.class, () -> policy("daily -1"));
        assertEquals(
                "last 2, daily 7, within 36h",
                policy("daily 7 last 2 within 36h").told());
    }

    /** Random histories: clocks that jump, points that are not good, locks, and policies of all kinds. */
    @Test
    void whateverThePointsAre() {
        long seed = Long.getLong("retention.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            List<Backup> points = history(random);
            Map<String, Integer> counts = new TreeMap<>();
            for (String rule : List.of("last", "hourly", "daily", "weekly", "monthly", "yearly", "within")) {
                counts.put(rule, random.nextInt(3) == 0 ? 1 + random.nextInt(5) : 0);
            }
            if (counts.values().stream().allMatch(count -> count == 0)) {
                counts.put("last", 1);
            }
            ZoneId zone = random.nextBoolean() ? UTC : ZoneId.of("Europe/Berlin");
            try {
                verify(points, counts, zone, random);
            } catch (AssertionError e) {
                throw new AssertionError(
                        "retention.seed=" + seed + " policy=" + counts + " " + zone + "\n"
                                + points.stream()
                                        .map(one -> one.id() + " " + Retention.time(one) + " " + one.startedAt() + " "
                                                + one.keepUntil())
                                        .collect(Collectors.joining("\n")),
                        e);
            }
        }
        System.out.println("retention.seed=" + seed);
    }

    private static List<Backup> history(Random random) {
        List<Backup> points = new ArrayList<>();
        long unit = List.of(600L, 7200L, 86_400L, 500_000L, 9_000_000L).get(random.nextInt(5));
        Instant time = NOW.minusSeconds((long) (unit * 12 * random.nextDouble()));
        for (int n = random.nextInt(14); n > 0; n--) {
            // Mostly onwards, sometimes not at all, sometimes back.
            int dice = random.nextInt(10);
            time = dice == 0 ? time : time.plusSeconds((long) (unit * (dice == 1 ? -8 : 1) * random.nextDouble()));
            Instant taken = random.nextInt(4) == 0 ? null : random.nextInt(9) == 0 ? time.minusSeconds(unit) : time;
            points.add(point(
                    "p" + n + (random.nextInt(4) == 0 ? "-" : ""),
                    time,
                    taken,
                    random.nextInt(8) == 0 ? NOW.plusSeconds(random.nextInt(-9, 9)) : null));
        }
        Collections.shuffle(points, random);
        return points;
    }

    private static void verify(List<Backup> points, Map<String, Integer> counts, ZoneId zone, Random random) {
        Map<String, List<String>> kept = kept(words(counts), points, zone);
        List<Backup> left =
                points.stream().filter(one -> kept.containsKey(one.id())).toList();
        for (Backup point : points) {
            boolean isLocked = point.keepUntil() != null && point.keepUntil().isAfter(NOW);
            assertTrue(kept.containsKey(point.id()) || !isLocked, "a locked one is removed: " + point.id());
            assertTrue(
                    kept.containsKey(point.id()) || !Retention.time(point).isAfter(NOW),
                    "one of the future is removed: " + point.id());
        }
        assertEquals(points.isEmpty(), left.isEmpty(), "nothing is left");
        List<Backup> good = points.stream()
                .filter(RetentionTest::isGood)
                .filter(one -> !Retention.time(one).isAfter(NOW))
                .toList();
        good.stream()
                .max(Comparator.comparing(Retention::time)
                        .thenComparing(Backup::startedAt)
                        .thenComparing(Backup::id))
                .ifPresent(
                        last -> assertTrue(kept.containsKey(last.id()), "the last good one is removed: " + last.id()));
        // What is not good changes nothing for those that are.
        assertEquals(
                goodOf(kept),
                goodOf(kept(
                        words(counts),
                        points.stream().filter(RetentionTest::isGood).toList(),
                        zone)));
        // Again, and nothing is left to remove.
        assertEquals(kept.keySet(), kept(words(counts), left, zone).keySet(), "the second time");
        // In another order it is the same.
        List<Backup> shuffled = new ArrayList<>(points);
        Collections.shuffle(shuffled, random);
        assertEquals(kept, kept(words(counts), shuffled, zone), "in another order");
        // More is not less.
        Map<String, Integer> more = new TreeMap<>(counts);
        more.replaceAll((_, count) -> count + (random.nextBoolean() ? random.nextInt(3) : 0));
        assertTrue(
                kept(words(more), points, zone).keySet().containsAll(kept.keySet()),
                () -> "with " + more + " fewer stay");
        // Each rule keeps as many as it says, and no fewer, as long as there are.
        int last = counts.getOrDefault("last", 0);
        long named = kept.values().stream().filter(why -> why.contains("last")).count();
        assertEquals(Math.min(last, good.size()), named, "last");
        for (Map.Entry<String, List<String>> one : kept.entrySet()) {
            assertFalse(one.getValue().isEmpty(), one::getKey);
        }
    }

    private static List<String> goodOf(Map<String, List<String>> kept) {
        return kept.keySet().stream().filter(id -> !id.endsWith("-")).toList();
    }

    private static String words(Map<String, Integer> counts) {
        return counts.entrySet().stream()
                .map(one -> one.getKey() + " " + one.getValue())
                .collect(Collectors.joining(" "));
    }
}
