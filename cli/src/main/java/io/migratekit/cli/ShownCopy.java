package io.migratekit.cli;

import io.migratekit.agent.CopyJob;
import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.agent.watch.Signals;
import io.migratekit.agent.watch.SlowWait;
import io.migratekit.agent.watch.StallReport;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How does a command copy a disk before somebody's eyes? With a display, with what it waits for on SIGUSR1 and when it stands
 * still, and with a tunnel that was lost named as the cause of what follows from that.
 */
final class ShownCopy implements CopyJob.Listener {
    private final String what;
    private final @Nullable Way toSource;
    private final @Nullable Way toTarget;
    private volatile Spans spans = Spans.NONE;
    private volatile @Nullable ProgressDisplay shown;

    /**
     * A copy that is to be made.
     *
     * @param what is going on, as its sentences begin
     */
    ShownCopy(String what, @Nullable Way toSource, @Nullable Way toTarget) {
        this.what = what;
        this.toSource = toSource;
        this.toTarget = toTarget;
    }

    /**
     * Does it.
     *
     * @param job of which this is the listener
     * @param run calls the job, and may close the display before it prints
     */
    <T> T run(Console console, ProgressOptions progress, CopyJob job, Function<ProgressDisplay, T> run) {
        try (Spans traced = Spans.of(what, job.title());
                ProgressDisplay display = progress.display(console, job::progress)) {
            spans = traced;
            shown = display;
            ConsoleLog.to(display::say);
            job.roads(this::roads);
            Signals.onUser1(() -> display.print(job.dump()));
            display.start();
            return named(job, display, run);
        }
    }

    private static <T> T named(CopyJob job, ProgressDisplay display, Function<ProgressDisplay, T> run) {
        try {
            return run.apply(display);
        } catch (CopyException.Interrupted e) {
            throw new CopyException.Interrupted(
                    job.isResumable()
                            ? "stopped; run the same command again to go on from the last checkpoint"
                            : "stopped; without --job-id it cannot be resumed");
        } catch (CopyException.Stalled e) {
            display.print(job.lastDump());
            throw e;
        } catch (CopyException.RoadDown e) {
            if (e.getCause() instanceof CopyException.Stalled) {
                display.print(job.lastDump());
            }
            throw e;
        }
    }

    private List<Road> roads() {
        List<Road> roads = new ArrayList<>();
        if (toSource != null) {
            roads.add(toSource.road(Side.SOURCE));
        }
        if (toTarget != null) {
            roads.add(toTarget.road(Side.TARGET));
        }
        return roads;
    }

    @Override
    public void waitedLong(SlowWait wait) {
        spans.waitedLong("", wait);
    }

    @Override
    public void stalled(StallReport report) {
        spans.stalled("", report);
        ProgressDisplay display = shown;
        if (report.news() && display != null) {
            display.say(what + ": " + report);
        }
    }

    @Override
    public int exitCode(RuntimeException failure) {
        int code = Console.codeOf(failure).code();
        spans.failing(code, String.valueOf(failure.getMessage()));
        return code;
    }
}
