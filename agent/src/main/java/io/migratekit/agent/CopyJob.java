package io.migratekit.agent;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import io.migratekit.agent.copy.Copier;
import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.copy.CopyReport;
import io.migratekit.agent.copy.CopySpec;
import io.migratekit.agent.copy.RateLimit;
import io.migratekit.agent.job.AnonymousRun;
import io.migratekit.agent.job.JobEvent;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobIdentity;
import io.migratekit.agent.job.JobStart;
import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.JobView;
import io.migratekit.agent.job.RunRecord;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.ProgressView;
import io.migratekit.agent.watch.Reporter;
import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.agent.watch.SlowWait;
import io.migratekit.agent.watch.StallReport;
import io.migratekit.agent.watch.StallWatch;
import io.migratekit.agent.watch.WatchLimits;
import io.migratekit.agent.watch.WatchedJob;
import io.migratekit.nbd.Ranges;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How is a disk copied under the name of a job, or without one? The job is looked up, the copier works
 * while the watch looks at it and the reporter answers other terminals, and how it ended is written down.
 */
public final class CopyJob implements Copier.Plan, AutoCloseable {
    private final Named named;
    private final CopySpec spec;
    private final LongFunction<Ranges> rangesOfDisk;
    private final Listener listener;
    private final StallWatch watch;
    private final Copier copier;
    private final RateLimit rate;
    private @Nullable RunRecord record;
    private @Nullable Reporter reporter;
    private @Nullable StallReport lastStall;
    private volatile Supplier<List<Road>> roads = List::of;

    /**
     * Under which name is the copy remembered, and where?
     *
     * @param title what people call it; empty for a copy that is not remembered
     */
    public record Named(Optional<JobId> id, JobStore store, String title) {
        public Named(Optional<JobId> id, JobStore store) {
            this(id, store, id.map(JobId::text).orElse(""));
        }

        private boolean isBegun() {
            return id.flatMap(store::view).isPresent();
        }

        /** Which size of a unit an earlier run has settled; a resume keeps it, whatever the limits say now. */
        private long unitBytes(CopyLimits limits) {
            return id.flatMap(store::view)
                    .map(view -> view.identity().unitBytes())
                    .orElse(limits.unitBytes());
        }
    }

    /** Who wants to know what happens meanwhile? */
    public interface Listener {
        /** A worker stands still, or moves again; on the monitor's thread, so it must not block. */
        void stalled(StallReport report);

        /** A wait that was longer than {@code --stall-log} is over; on the monitor's thread. */
        default void waitedLong(SlowWait wait) {}

        /** With which code the process will end if the copy ends like this; it is written down. */
        int exitCode(RuntimeException failure);
    }

    /** What came of it? */
    public sealed interface Outcome {
        /** Everything is at the target. */
        record Done(CopyReport report) implements Outcome {}

        /** An earlier run had finished the very same job; this is what it reported, as JSON. */
        record DoneBefore(String report) implements Outcome {}
    }

    /** Ends a copy that has nothing to do, once that is known. */
    private static final class AlreadyDone extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final String report;

        AlreadyDone(String report) {
            super(null, null, false, false);
            this.report = report;
        }
    }

    /**
     * A copy to be run once.
     *
     * @param ranges what is to be copied of a disk of the given size; may refuse by throwing
     */
    public CopyJob(
            Named named,
            CopySpec spec,
            WatchLimits limits,
            RateLimit rate,
            LongFunction<Ranges> ranges,
            Listener listener) {
        this.named = named;
        CopySpec settled = spec.withUnitBytes(named.unitBytes(spec.limits()));
        // What the first run has written is there: that all is zero can neither be proved again nor be relied on.
        this.spec = named.isBegun() ? settled.withoutDestinationIsZero() : settled;
        this.rangesOfDisk = ranges;
        this.listener = listener;
        this.rate = rate;
        Progress progress = new Progress();
        watch = new StallWatch(
                new WatchedJob(
                        named.title(), spec.source().identity(), spec.target().identity()),
                limits,
                progress,
                this::stalled);
        watch.slowWaits(listener::waitedLong);
        copier = new Copier(this.spec, progress, watch, rate);
    }

    /** What it is called where it is shown; empty for a copy that is not remembered. */
    public String title() {
        return named.title();
    }

    /** Copies. Call it on a thread that may be interrupted: that is how one stops it. */
    public Outcome run() {
        watch.start();
        try {
            lookBeforeConnecting();
            CopyReport report = copier.copy(this);
            record().finished(report.json());
            return new Outcome.Done(report);
        } catch (AlreadyDone e) {
            return new Outcome.DoneBefore(e.report);
        } catch (RuntimeException e) {
            // An interrupt has reached its end here; left on, it would close the very files that are to be written.
            Thread.interrupted();
            RuntimeException told = byRoad(e);
            writeDown(told);
            throw told;
        }
    }

    /** An end that is lost, or silent, behind a road that is down is no news of the end. */
    private RuntimeException byRoad(RuntimeException failure) {
        return switch (failure) {
            case CopyException.EndFailed e -> down(e.side(), e);
            case CopyException.Stalled e -> down(e.side(), e);
            default -> failure;
        };
    }

    private CopyException down(Side side, CopyException failure) {
        return roads.get().stream()
                .filter(road -> road.side() == side && !road.up())
                .findFirst()
                .<CopyException>map(road -> new CopyException.RoadDown(road, failure))
                .orElse(failure);
    }

    /** A job that is finished, or is being run, must not take a connection that somebody else may need. */
    private void lookBeforeConnecting() {
        Optional<JobView> before = named.id().flatMap(named.store()::view);
        if (before.isEmpty()) {
            return;
        }
        JobView job = before.get();
        if (job.live()) {
            throw named.store().locked(job.id());
        }
        if (job.state() instanceof JobState.Finished finished) {
            long diskBytes = job.identity().diskBytes();
            if (identity(diskBytes, rangesOfDisk.apply(diskBytes)).equals(job.identity())) {
                requireVerified(job.id(), finished);
                throw new AlreadyDone(finished.report());
            }
        }
    }

    /** "Finished before" must not sound as if what was not compared then had been compared now. */
    private void requireVerified(JobId id, JobState.Finished finished) {
        JsonElement verified =
                JsonParser.parseString(finished.report()).getAsJsonObject().get("verified");
        if (spec.verify() && (verified == null || !verified.getAsBoolean())) {
            throw new CopyException.Refused(
                    "job " + id + " was finished without --verify, and a finished job is not run"
                            + " again. To have everything compared, copy it with --verify under another job id");
        }
    }

    // ---- what the copier asks when it knows both ends

    @Override
    public Ranges ranges(Copier.Found found) {
        return rangesOfDisk.apply(found.source().sizeBytes());
    }

    @Override
    public RunRecord begin(Copier.Found found, Ranges ranges) {
        RunRecord run = named.id().isEmpty()
                ? new AnonymousRun()
                : open(named.id().get(), identity(found.source().sizeBytes(), ranges));
        record = run;
        Reporter talk = new Reporter(run, watch::statusJson, watch::dump, rate::set);
        reporter = talk;
        talk.start();
        return run;
    }

    private RunRecord open(JobId id, JobIdentity identity) {
        return switch (named.store().open(id, identity)) {
            case JobStart.Ready ready -> ready.run();
            case JobStart.AlreadyFinished done ->
                throw new AlreadyDone(done.state().report());
        };
    }

    private JobIdentity identity(long diskBytes, Ranges ranges) {
        return identity(
                spec.source().identity(),
                spec.target().identity(),
                diskBytes,
                ranges,
                spec.limits().unitBytes(),
                spec.hash());
    }

    /** What a job is about that copies so: a run of it that finds anything else written down is refused. */
    public static JobIdentity identity(
            String source, String target, long diskBytes, Ranges ranges, long unitBytes, boolean hash) {
        return new JobIdentity(source, target, diskBytes, ranges.fingerprint(), unitBytes, hash, Map.of());
    }

    private RunRecord record() {
        RunRecord run = record;
        if (run == null) {
            throw new IllegalStateException("the copy has not begun");
        }
        return run;
    }

    // ---- how it ends

    private void writeDown(RuntimeException failure) {
        RunRecord run = record;
        if (run == null) {
            return;
        }
        if (failure instanceof CopyException.Interrupted) {
            run.interrupted("asked to stop");
        } else {
            if (failure instanceof CopyException.Mismatch) {
                run.forgetProgress();
            }
            run.answerWhy(lastDump());
            run.failed(listener.exitCode(failure), String.valueOf(failure.getMessage()));
        }
    }

    /** What everything waited for when it stood still last, or else now. */
    public String lastDump() {
        StallReport stall = lastStall;
        return stall == null || stall.dump().isEmpty() ? watch.dump() : stall.dump();
    }

    private void stalled(StallReport report) {
        lastStall = report;
        RunRecord run = record;
        if (run != null && report.news()) {
            run.note(JobEvent.STALLED, Map.of("message", report.toString()));
        }
        listener.stalled(report);
        copier.stalled(report);
    }

    /** Whether the same job could go on where this one ended. */
    public boolean isResumable() {
        RunRecord run = record;
        return run == null ? named.id().isPresent() : run.isResumable();
    }

    /** Whom the watch may ask about tunnels; must not block. */
    public void roads(Supplier<List<Road>> whom) {
        roads = whom;
        watch.roads(whom);
    }

    /** How far it is; at any moment, from any thread. */
    public ProgressView progress() {
        return watch.progress();
    }

    /** How it stands, for machines: docs/state-format.md. */
    public String statusJson() {
        return watch.statusJson();
    }

    /** One screen of text: what everything waits for right now. */
    public String dump() {
        return watch.dump();
    }

    @Override
    public void close() {
        watch.close();
        Reporter talk = reporter;
        if (talk != null) {
            talk.close();
        }
        RunRecord run = record;
        if (run != null) {
            run.close();
        }
    }
}
