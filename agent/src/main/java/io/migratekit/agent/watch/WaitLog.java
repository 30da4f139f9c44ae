package io.migratekit.agent.watch;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Which waits are written to the log? Those longer than {@code --stall-log}: once while they last, by their oldest
 * request, and when they are over; of a road that is slow all the time only now and then, and how many were left out
 * ({@code untold}). On the monitor's thread, because a log may block.
 */
final class WaitLog {
    private static final System.Logger LOG = System.getLogger("io.migratekit.agent.watch");
    /** More lines a tick would be a flood that tells nothing. */
    private static final int LINES = 10;

    /** A road that is slow for hours would have something to say every moment. */
    private static final long AGAIN_NANOS = Duration.ofSeconds(30).toNanos();

    /** What was told of one kind of waits last, and what was not told since. */
    private static final class Told {
        private long nanos;
        private long atNanos;
        private long untold;
    }

    private final WatchLimits limits;
    private final SlowWaits over;
    private final LongSupplier nanoTime;
    private volatile Consumer<SlowWait> audience = _ -> {};
    private final Map<String, Told> told = new HashMap<>();
    /** The oldest request, by its time, that was logged last, for each connection. */
    private final Map<String, Long> logged = new HashMap<>();

    WaitLog(WatchLimits limits, SlowWaits over, LongSupplier nanoTime) {
        this.limits = limits;
        this.over = over;
        this.nanoTime = nanoTime;
    }

    /** Who else wants to hear of each; must not block. */
    void audience(Consumer<SlowWait> who) {
        audience = who;
    }

    void look(List<WorkerView> workers, Evidence evidence, AwakeClock clock, long nowNanos) {
        Map<String, Long> still = new HashMap<>();
        for (WorkerView worker : workers) {
            for (ConnectionView connection : worker.connections()) {
                connection
                        .waitingSince()
                        .filter(since ->
                                clock.age(since, nowNanos) >= limits.stallLog().toNanos())
                        .ifPresent(since -> {
                            still.put(connection.id(), since);
                            if (!since.equals(logged.get(connection.id()))) {
                                tell(
                                        "still " + worker.worker() + connection.side(),
                                        clock.age(since, nowNanos),
                                        1,
                                        () -> "still waiting worker=" + worker.worker() + " "
                                                + evidence.of(connection));
                            }
                        });
            }
        }
        logged.clear();
        logged.putAll(still);
        logOver();
    }

    /** What is over; also called at the very end. Waits that ended together are told together, by the longest. */
    void logOver() {
        Map<String, List<SlowWait>> groups = new LinkedHashMap<>();
        for (SlowWait wait : over.drain()) {
            audience.accept(wait);
            groups.computeIfAbsent(wait.connection() + wait.layer() + wait.outcome(), key -> new ArrayList<>())
                    .add(wait);
        }
        groups.values().stream().limit(LINES).forEach(this::logGroup);
        long more = over.takeDropped()
                + groups.values().stream().skip(LINES).mapToLong(List::size).sum();
        if (more > 0) {
            info("waited as long: " + more + " more");
        }
    }

    private void logGroup(List<SlowWait> waits) {
        SlowWait longest = Collections.max(waits, Comparator.comparingLong(SlowWait::nanos));
        tell(
                "over " + longest.worker() + longest.layer() + longest.outcome(),
                longest.nanos(),
                waits.size(),
                () -> "waited took=" + Evidence.show(longest.nanos()).replace(" ", "") + " end="
                        + longest.outcome().id() + " layer=" + longest.layer().id() + " worker=" + longest.worker()
                        + " connection=" + longest.connection() + " for=\"" + longest.what() + "\" arrived=\""
                        + longest.arrived() + "\"" + (waits.size() == 1 ? "" : " others=" + (waits.size() - 1)));
    }

    /** Logs the first of its kind, those that are twice as long as the last one told, and one every so often. */
    private void tell(String kind, long nanos, int count, Supplier<String> line) {
        long now = nanoTime.getAsLong();
        Told last = told.get(kind);
        if (last != null && nanos < 2 * last.nanos && now - last.atNanos < AGAIN_NANOS) {
            last.untold += count;
            return;
        }
        info(line.get() + (last == null || last.untold == 0 ? "" : " untold=" + last.untold));
        Told next = new Told();
        next.nanos = nanos;
        next.atNanos = now;
        told.put(kind, next);
    }

    private static void info(String line) {
        LOG.log(System.Logger.Level.INFO, line);
    }
}
