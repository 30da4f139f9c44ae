package io.migratekit.agent.watch;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Does the copy move, and if not, what does it wait for? A thread of its own looks at the pulses of all workers four
 * times a second, says when one stalls and when it moves again, and can tell everything at any moment. It never calls
 * libnbd, never waits for a worker, and does no input or output besides logging.
 */
public final class StallWatch implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("io.migratekit.agent.watch");
    private static final Duration TICK = Duration.ofMillis(250);
    /** What a person sees as the speed, and what an estimate of hours should be based on. */
    private static final Duration SHORT_MEMORY = Duration.ofSeconds(5);

    private static final Duration LONG_MEMORY = Duration.ofSeconds(60);
    private static final long END_MILLIS = 1000;
    private static final int NOTES = 4;
    private static final long SIGHT_NANOS = Duration.ofMinutes(1).toNanos();
    private static final long NOTE_AGAIN_NANOS = Duration.ofMinutes(1).toNanos();

    private final WatchedJob job;
    private final WatchLimits limits;
    private final Progress progress;
    private final LongSupplier nanoTime;
    private final LongSupplier wallMillis;
    private final List<Pulse> pulses = new CopyOnWriteArrayList<>();
    private final SlowWaits slowWaits;
    private final WaitLog waitLog;
    private final Episodes episodes;
    private final AwakeClock clock;
    private final CpuMeter cpu = new CpuMeter();
    private final Rate rate = new Rate(SHORT_MEMORY);
    private final Rate longRate = new Rate(LONG_MEMORY);
    private final Deque<String> notes = new ArrayDeque<>();
    private final long startedNanos;
    private final Instant started;
    private volatile Supplier<List<Road>> roads = List::of;
    private final Map<Side, Sight> sights = new ConcurrentHashMap<>();
    private volatile double bytesPerSecond;
    private volatile double longBytesPerSecond;
    private Progress.@Nullable Phase ratedPhase;
    private boolean noted;
    private long notedNanos;
    private @Nullable Thread thread;

    /**
     * @param onStall called on the monitor's thread when a worker stalls and when it moves again; must not block
     */
    public StallWatch(WatchedJob job, WatchLimits limits, Progress progress, Consumer<StallReport> onStall) {
        this(job, limits, progress, onStall, System::nanoTime, System::currentTimeMillis);
    }

    StallWatch(
            WatchedJob job,
            WatchLimits limits,
            Progress progress,
            Consumer<StallReport> onStall,
            LongSupplier nanoTime,
            LongSupplier wallMillis) {
        this.job = job;
        this.limits = limits;
        this.progress = progress;
        this.nanoTime = nanoTime;
        this.wallMillis = wallMillis;
        slowWaits = new SlowWaits(limits.stallLog().toNanos());
        waitLog = new WaitLog(limits, slowWaits, nanoTime);
        episodes = new Episodes(onStall, limits.stallAfter());
        startedNanos = nanoTime.getAsLong();
        started = Instant.ofEpochMilli(wallMillis.getAsLong());
        clock = new AwakeClock(TICK, startedNanos, wallMillis.getAsLong());
    }

    /** The pulse of one more worker. */
    public Pulse worker(String name) {
        Pulse pulse = new Pulse(name, limits, slowWaits, nanoTime);
        pulses.add(pulse);
        return pulse;
    }

    /** Who wants to hear of each wait that was long, besides the log; must not block. */
    public void slowWaits(Consumer<SlowWait> who) {
        waitLog.audience(who);
    }

    /** Whom to ask about tunnels; must not block. */
    public void roads(Supplier<List<Road>> whom) {
        roads = whom;
    }

    /** What another connection to an end has shown, and when. */
    private record Sight(String words, long nanos) {}

    /** Another connection to that end has shown this; it belongs to the evidence for a while. */
    public void secondLook(Side side, String words) {
        sights.put(side, new Sight(words, nanoTime.getAsLong()));
    }

    private Optional<String> secondLook(Side side, long now) {
        Sight sight = sights.get(side);
        return sight == null || now - sight.nanos() > SIGHT_NANOS
                ? Optional.empty()
                : Optional.of(sight.words() + " (" + Evidence.show(now - sight.nanos()) + " ago)");
    }

    /** Whether something is waited for at that end, from which nothing at all has come for so long. */
    public boolean isSilent(Side side, Duration length) {
        long now = nanoTime.getAsLong();
        return read().stream()
                .flatMap(worker -> worker.connections().stream())
                .anyMatch(connection -> connection.side() == side
                        && connection.isWaiting()
                        && clock.age(connection.signNanos(), now) >= length.toNanos());
    }

    /** Begins to watch. */
    public void start() {
        Thread monitor = new Thread(this::watch, "watch");
        monitor.setDaemon(true);
        thread = monitor;
        monitor.start();
    }

    private void watch() {
        try {
            while (true) {
                TimeUnit.NANOSECONDS.sleep(TICK.toNanos());
                tickSafely();
            }
        } catch (InterruptedException e) {
            // The end: close() has asked for it.
            return;
        }
    }

    /** Whatever goes wrong in one look, the next one is made: nobody watches the watch. */
    private void tickSafely() {
        try {
            tick();
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "the watch failed at one look and goes on", e);
        }
    }

    /** One look at everything; on the monitor's thread. */
    void tick() {
        long now = nanoTime.getAsLong();
        boolean awake = notice(now);
        measure(now, awake);
        List<WorkerView> views = read();
        meterCpu(views, now);
        waitLog.look(views, new Evidence(clock, now), clock, now);
        Judge judge = judge(now);
        Verdict all = judge.ofAll(views);
        episodes.look(looks(views, judge), all.motion() == Motion.STALLED, now, this::dump);
    }

    /** False if the process has not run since the last tick. */
    private boolean notice(long now) {
        return clock.tick(now, wallMillis.getAsLong())
                .map(words -> {
                    note(words, now);
                    return false;
                })
                .orElse(true);
    }

    /** A machine that is overloaded would have something to say all the time. */
    private void note(String words, long now) {
        if (!noted || now - notedNanos >= NOTE_AGAIN_NANOS) {
            noted = true;
            notedNanos = now;
            LOG.log(System.Logger.Level.WARNING, words);
            synchronized (notes) {
                if (notes.size() == NOTES) {
                    notes.removeFirst();
                }
                notes.add(Instant.ofEpochMilli(wallMillis.getAsLong()) + " " + words);
            }
        }
    }

    private void measure(long now, boolean awake) {
        Progress.Counts counts = progress.counts();
        boolean verifying = counts.phase() == Progress.Phase.VERIFYING;
        long bytes = verifying ? counts.verified() : counts.moved();
        if (awake && counts.phase() == ratedPhase) {
            rate.sample(now, bytes);
            longRate.sample(now, bytes);
        } else {
            rate.skip(now, bytes);
            longRate.skip(now, bytes);
        }
        ratedPhase = counts.phase();
        bytesPerSecond = rate.perSecond();
        longBytesPerSecond = longRate.perSecond();
    }

    private void meterCpu(List<WorkerView> views, long now) {
        for (WorkerView view : views) {
            Thread worker = view.thread();
            if (worker == null) {
                continue;
            }
            if (clock.age(view.turnNanos(), now) >= Judge.NOTICED_NANOS / 2) {
                cpu.sample(worker, now);
            } else {
                cpu.forget(worker);
            }
        }
    }

    private List<WorkerView> read() {
        return pulses.stream().map(Pulse::read).toList();
    }

    private Judge judge(long now) {
        return new Judge(limits, clock, now, roads.get(), cpu::share, side -> secondLook(side, now));
    }

    private static List<WatchView.WorkerLook> looks(List<WorkerView> views, Judge judge) {
        return views.stream()
                .map(view -> new WatchView.WorkerLook(view, judge.of(view)))
                .toList();
    }

    // ---- for everybody, at any moment

    /** How far, how fast, until when, and does it move? */
    public ProgressView progress() {
        long now = nanoTime.getAsLong();
        return progress(now, judge(now).ofAll(read()));
    }

    private ProgressView progress(long now, Verdict verdict) {
        Progress.Counts counts = progress.counts();
        return new ProgressView(
                counts,
                bytesPerSecond,
                Eta.of(counts, longBytesPerSecond),
                Duration.ofNanos(now - startedNanos),
                verdict.motion(),
                verdict.layer(),
                verdict.evidence());
    }

    /** All waits that are over, by name, what took the longest in all first. */
    public List<LedgerLine> waits() {
        return WaitLedger.merge(pulses.stream().map(Pulse::ledger).toList());
    }

    /** One screen of text: what everything waits for right now. */
    public String dump() {
        return new Dump(look()).text();
    }

    /** The same as a JSON object; its fields are described in docs/state-format.md. */
    public String statusJson() {
        return StatusJson.of(look());
    }

    WatchView look() {
        long now = nanoTime.getAsLong();
        List<WorkerView> views = read();
        Judge judge = judge(now);
        Verdict verdict = judge.ofAll(views);
        List<String> happened;
        synchronized (notes) {
            happened = new ArrayList<>(notes);
        }
        return new WatchView(
                job,
                ProcessHandle.current().pid(),
                started,
                Instant.ofEpochMilli(wallMillis.getAsLong()),
                now,
                clock,
                progress(now, verdict),
                verdict,
                looks(views, judge),
                waits(),
                happened);
    }

    /** Ends the watch; waits that are over by now are still logged. */
    @Override
    public void close() {
        Thread monitor = thread;
        if (monitor != null) {
            monitor.interrupt();
            try {
                monitor.join(END_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        waitLog.logOver();
    }
}
