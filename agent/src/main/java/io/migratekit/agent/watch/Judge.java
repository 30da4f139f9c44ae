package io.migratekit.agent.watch;

import io.migratekit.nbd.Wait;
import java.time.Duration;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Does a worker move, is it slow, or does it stand still, and in which layer? Decides by what was seen of it at one
 * moment; remembers nothing.
 */
final class Judge {
    /** From this time on a wait is worth words. */
    static final long NOTICED_NANOS = Duration.ofSeconds(2).toNanos();
    /** Whoever uses this part of a CPU computes; on a machine that is overloaded it may not get more. */
    private static final double COMPUTES = 0.02;

    private final WatchLimits limits;
    private final AwakeClock clock;
    private final long nowNanos;
    private final List<Road> roads;
    private final ToDoubleFunction<WorkerView> cpuShare;
    private final Function<Side, Optional<String>> secondLook;
    private final Evidence evidence;

    /**
     * @param cpuShare which part of a CPU a worker has used of late; NaN if nobody knows
     * @param secondLook what another connection to that end has shown of late
     */
    Judge(
            WatchLimits limits,
            AwakeClock clock,
            long nowNanos,
            List<Road> roads,
            ToDoubleFunction<WorkerView> cpuShare,
            Function<Side, Optional<String>> secondLook) {
        this.limits = limits;
        this.clock = clock;
        this.nowNanos = nowNanos;
        this.roads = roads;
        this.cpuShare = cpuShare;
        this.secondLook = secondLook;
        evidence = new Evidence(clock, nowNanos);
    }

    Verdict of(WorkerView worker) {
        Stage.Nature nature = worker.stage().nature();
        if (nature == Stage.Nature.OVER) {
            return resting(worker);
        }
        if (age(worker.turnNanos()) >= NOTICED_NANOS) {
            // Nobody looks whether the peers have answered, so nothing can be said about them.
            return nature == Stage.Nature.DELIBERATE
                    ? inTrouble(worker).orElseGet(() -> resting(worker))
                    : notLooking(worker);
        }
        List<Verdict> verdicts = Stream.concat(
                        worker.connections().stream()
                                .filter(ConnectionView::isWaiting)
                                .map(this::of),
                        inTrouble(worker).stream())
                .toList();
        if (!verdicts.isEmpty()) {
            return worst(verdicts).hanging(verdicts.stream().anyMatch(Verdict::hangs));
        }
        return switch (nature) {
            case DELIBERATE, OVER -> resting(worker);
            case CPU, LOCAL_DISK -> Verdict.MOVES;
            case PEER -> nothingAsked(worker);
        };
    }

    /** The job as a whole: it moves if all move; one that stands still makes it slow, and stalled if nobody else moves. */
    Verdict ofAll(List<WorkerView> workers) {
        List<Verdict> active = workers.stream()
                .map(this::of)
                .filter(verdict -> verdict.motion() != Motion.RESTING)
                .toList();
        if (active.isEmpty()) {
            return allResting(workers);
        }
        Verdict worst = worst(active);
        boolean someMove = active.stream().anyMatch(verdict -> verdict.motion() != Motion.STALLED);
        return worst.motion() == Motion.STALLED && someMove
                ? new Verdict(Motion.SLOW, worst.layer(), worst.nanos(), worst.evidence(), worst.hangs())
                : worst;
    }

    private static Verdict worst(List<Verdict> verdicts) {
        return Collections.max(verdicts, Comparator.comparing(Verdict::motion).thenComparingLong(Verdict::nanos));
    }

    private Verdict allResting(List<WorkerView> workers) {
        List<WorkerView> alive = workers.stream()
                .filter(worker -> worker.stage().nature() != Stage.Nature.OVER)
                .toList();
        long shortest = alive.stream()
                .mapToLong(worker -> age(worker.sinceNanos()))
                .min()
                .orElse(0);
        boolean inCircle =
                !alive.isEmpty() && alive.stream().allMatch(worker -> worker.stage() == Stage.WAITING_FOR_OTHERS);
        if (inCircle && shortest >= limits.stallAfter().toNanos()) {
            return new Verdict(
                    Motion.STALLED,
                    Layer.LOCAL,
                    shortest,
                    "all workers wait for others, and have done so for " + Evidence.show(shortest)
                            + ": that is a fault of this program");
        }
        String why = alive.stream()
                .map(worker -> worker.stage().id())
                .distinct()
                .reduce((a, b) -> a + ", " + b)
                .orElse("no work");
        return new Verdict(Motion.RESTING, null, shortest, why);
    }

    // ---- one connection

    private Verdict of(ConnectionView connection) {
        long silent = age(connection.signNanos());
        long waited = waited(connection);
        boolean stalled = silent >= longestSilence(connection) || waited >= longestWait(connection);
        if (!stalled && silent < NOTICED_NANOS && waited < NOTICED_NANOS) {
            return Verdict.MOVES;
        }
        Road down = roadDown(connection.side());
        Layer layer = down == null ? Layer.of(connection.side(), oldestKind(connection)) : Layer.TUNNEL;
        String words = evidence.of(connection);
        if (down != null) {
            words = "tunnel " + down.name() + " is down: " + down.evidence() + "; " + words;
        } else if (silent < NOTICED_NANOS) {
            words = "something arrives, but " + words;
        }
        words += secondLook.apply(connection.side()).map(seen -> "; " + seen).orElse("");
        return new Verdict(stalled ? Motion.STALLED : Motion.SLOW, layer, Math.max(silent, waited), words, stalled);
    }

    /** A worker that loses one connection after the other is not resting between them. */
    private Optional<Verdict> inTrouble(WorkerView worker) {
        Trouble trouble = worker.trouble();
        // If it was tried again long ago, what is open now is judged by itself.
        boolean isOld = trouble != null
                && worker.stage() != Stage.BACKING_OFF
                && age(trouble.triedNanos()) >= limits.stallAfter().toNanos();
        if (trouble == null || isOld) {
            return Optional.empty();
        }
        long nanos = age(trouble.sinceNanos());
        boolean stalled = trouble.isSerious(limits.stallAfter().toNanos())
                && nanos >= limits.stallAfter().toNanos();
        Road down = roadDown(trouble.layer().side());
        return Optional.of(new Verdict(
                stalled ? Motion.STALLED : Motion.SLOW,
                down == null ? trouble.layer() : Layer.TUNNEL,
                nanos,
                (down == null ? "" : "tunnel " + down.name() + " is down: " + down.evidence() + "; ")
                        + worker.worker() + " has got no answer in "
                        + trouble.layer().id() + " for " + Evidence.show(nanos)
                        + "; connections were lost " + (trouble.times() == 1 ? "once" : trouble.times() + " times")
                        + " meanwhile, at last " + trouble.last() + "; it is "
                        + Evidence.stage(worker)));
    }

    private long waited(ConnectionView connection) {
        return connection.waitingSince().map(this::age).orElse(0L);
    }

    private static Wait oldestKind(ConnectionView connection) {
        RequestTable.Entry oldest = connection.oldest();
        if (oldest != null) {
            return oldest.kind();
        }
        Wait single = connection.single();
        // Without either, requests are only just being made, which is no reason to be here.
        return single == null ? Wait.CONNECT : single;
    }

    /** A server may work off its requests in turn: a read behind a slow block status gets the latter's time. */
    private long longestSilence(ConnectionView connection) {
        long stallAfter = limits.stallAfter().toNanos();
        return listsSourcesExtents(connection)
                ? Math.max(stallAfter, limits.extentsTimeout().toNanos())
                : stallAfter;
    }

    private long longestWait(ConnectionView connection) {
        long deadline = limits.requestDeadline().toNanos();
        return listsSourcesExtents(connection)
                ? Math.max(deadline, limits.extentsTimeout().toNanos())
                : deadline;
    }

    /** Only a source has more time for it, as only its connections have other limits then. */
    private static boolean listsSourcesExtents(ConnectionView connection) {
        return connection.side() == Side.SOURCE
                && (connection.single() == Wait.BLOCK_STATUS
                        || connection.inFlight().stream().anyMatch(entry -> entry.kind() == Wait.BLOCK_STATUS));
    }

    private @Nullable Road roadDown(@Nullable Side side) {
        for (Road road : roads) {
            if (road.side() == side && !road.up()) {
                return road;
            }
        }
        return null;
    }

    // ---- our own side

    private Verdict resting(WorkerView worker) {
        return new Verdict(
                Motion.RESTING, null, age(worker.sinceNanos()), worker.stage().id());
    }

    private Verdict notLooking(WorkerView worker) {
        long nanos = age(worker.turnNanos());
        double cpu = cpuShare.applyAsDouble(worker);
        boolean disk = worker.stage().nature() == Stage.Nature.LOCAL_DISK;
        String words = disk
                ? "writing the state of the job to the local disk has not returned for " + Evidence.show(nanos)
                : worker.worker() + " has not looked at its connections for " + Evidence.show(nanos)
                        + " (so nothing can be said about the peers); it is " + Evidence.stage(worker);
        if (cpu >= COMPUTES) {
            return new Verdict(
                    Motion.SLOW, Layer.LOCAL, nanos, words + ", and uses " + Math.round(100 * cpu) + " % of a CPU");
        }
        String where = Evidence.top(worker.thread());
        return new Verdict(
                nanos >= limits.stallAfter().toNanos() ? Motion.STALLED : Motion.SLOW,
                Layer.LOCAL,
                nanos,
                words
                        + (Double.isNaN(cpu) ? "" : ", uses no CPU")
                        + (where.isEmpty() ? "" : ", and stands at " + where));
    }

    private Verdict nothingAsked(WorkerView worker) {
        long since = worker.sinceNanos();
        for (ConnectionView connection : worker.connections()) {
            since = connection.signNanos() - since > 0 ? connection.signNanos() : since;
        }
        long nanos = age(since);
        if (nanos < NOTICED_NANOS) {
            return Verdict.MOVES;
        }
        return new Verdict(
                nanos >= limits.stallAfter().toNanos() ? Motion.STALLED : Motion.SLOW,
                Layer.LOCAL,
                nanos,
                worker.worker() + " is " + Evidence.stage(worker) + " but has had no request in flight for "
                        + Evidence.show(nanos));
    }

    private long age(long sinceNanos) {
        return clock.age(sinceNanos, nowNanos);
    }
}
