package io.migratekit.agent.copy;

import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.Pulse;
import io.migratekit.agent.watch.StallReport;
import io.migratekit.agent.watch.StallWatch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** Who works on a run? As many workers as both ends allow connections, each on a thread of its own. */
final class Crew {
    /** What is under way when somebody wants us to stop gets so long to be flushed and recorded. */
    private static final Duration GRACE = Duration.ofSeconds(3);

    private static final Duration LAST_GRACE = Duration.ofSeconds(1);
    private static final long LOOK_MILLIS = 100;

    private final StallWatch watch;
    private final Progress progress;
    private final List<CopyWorker> workers = new CopyOnWriteArrayList<>();

    Crew(StallWatch watch, Progress progress) {
        this.watch = watch;
        this.progress = progress;
    }

    /**
     * Works until the run is done, or throws why it is not.
     *
     * @param scout goes on as the first worker, because it is connected already; null if nobody is
     * @return how many workers there were
     */
    int work(CopyRun run, Copier.Found found, @Nullable Scout scout) {
        int most = run.spec().limits().connections();
        int sources = found.source().multiConn() ? most : 1;
        int targets = found.target().multiConn() ? most : 1;
        // Verifying reads the target alone. Otherwise the narrower end decides, and the wider one's connections are
        // shared out.
        int width = run.isVerify() ? targets : Math.min(sources, targets);
        int count = Math.clamp(run.unitsLeft(), 1, width);
        int targetShare = targets / width;
        int sourceShare = Math.max(1, sources / width);
        workers.clear();
        List<Thread> threads = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            if (i == 1 && scout != null) {
                CopyWorker first = new CopyWorker(
                        scout.thread().getName(), run, scout.pulse(), scout.tally(), sourceShare, targetShare);
                workers.add(first);
                threads.add(scout.thread());
                scout.goOnAs(first);
                continue;
            }
            String name = (run.isVerify() ? "verifier-" : "worker-") + i;
            Pulse pulse = watch.worker(name);
            CopyWorker worker = new CopyWorker(name, run, pulse, progress.worker(), sourceShare, targetShare);
            workers.add(worker);
            threads.add(Thread.ofPlatform().daemon().name(name).start(() -> {
                pulse.adopt();
                worker.live(null);
            }));
        }
        awaitAll(threads, run);
        return count;
    }

    private static void awaitAll(List<Thread> threads, CopyRun run) {
        long stoppingNanos = 0;
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join(LOOK_MILLIS);
                } catch (InterruptedException e) {
                    interrupted = true;
                    run.stopSoon();
                }
                if (!run.isStopping()) {
                    continue;
                }
                stoppingNanos = stoppingNanos == 0 ? System.nanoTime() | 1 : stoppingNanos;
                long sinceNanos = System.nanoTime() - stoppingNanos;
                if (sinceNanos > GRACE.plus(LAST_GRACE).toNanos()) {
                    break;
                }
                if (sinceNanos > GRACE.toNanos()) {
                    threads.forEach(Thread::interrupt);
                }
            }
        }
        RuntimeException failure = run.firstFailure();
        if (failure != null) {
            throw failure;
        }
        if (interrupted) {
            throw new CopyException.Interrupted("interrupted");
        }
        if (!run.isAllDone()) {
            throw new IllegalStateException("the workers ended before their work did");
        }
    }

    /** The monitor saw a worker stand still; its session ends, and it tries another one. */
    void stalled(StallReport report) {
        for (CopyWorker worker : workers) {
            if (!report.over() && report.hangs() && worker.name().equals(report.worker())) {
                worker.breakOff(report.toString());
            }
        }
    }
}
