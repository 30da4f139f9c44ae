package io.migratekit.agent.copy;

import io.migratekit.agent.job.JobEvent;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.Pulse;
import io.migratekit.agent.watch.Side;
import io.migratekit.agent.watch.Stage;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.Wait;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How does a worker live? It connects, works in a session, and when a connection is lost it gives its
 * unfinished units back, pauses and connects again, until nothing is left or its patience ends.
 */
final class CopyWorker {
    private static final int PAUSE_SLICE_MILLIS = 50;

    private final String name;
    private final CopyRun run;
    private final Pulse pulse;
    private final Progress.Tally tally;
    /** How many connections it wants to each end. */
    private int sources;

    private int targets;
    private final Backoff backoff;
    /** Why the monitor wants the session to end; null if it does not. */
    private volatile @Nullable String brokenOff;

    /** Where extents were asked for in vain. */
    private @Nullable Side extentsSilent;

    private boolean tried;
    private boolean everConnected;
    private boolean left;

    CopyWorker(String name, CopyRun run, Pulse pulse, Progress.Tally tally, int sources, int targets) {
        this.name = name;
        this.run = run;
        this.pulse = pulse;
        this.tally = tally;
        this.sources = run.isVerify() ? 0 : sources;
        this.targets = targets;
        this.backoff = new Backoff(run.spec().limits().retryFor());
    }

    String name() {
        return name;
    }

    /** Called by the monitor, which saw nothing move for too long. */
    void breakOff(String why) {
        brokenOff = why;
    }

    /** The whole life. With {@code ends} the worker is already connected, and is sure to be needed. */
    void live(@Nullable Ends ends) {
        run.workerBegins();
        if (ends != null) {
            tried = true;
            everConnected = true;
            run.connected();
        }
        Ends next = ends;
        try {
            while (!run.isStopping() && !run.isAllDone()) {
                Failure failure = work(next == null ? new Ends(run.spec(), pulse, run.found()) : next);
                next = null;
                if (failure == null || !goOn(failure)) {
                    break;
                }
            }
        } catch (RuntimeException e) {
            run.fail(e);
        } catch (Error e) {
            // Out of memory, say: it is the cause of the copy's end, and must not be lost with its thread.
            run.fail(new IllegalStateException(name + " failed: " + e, e));
        } finally {
            if (next != null) {
                next.close(null); // There was nothing to do. Left open, its server would not end.
            }
            if (!left) {
                run.workerEnds();
            }
            pulse.stage(Stage.DONE);
        }
    }

    /** Why a session ended before its work did: a lost connection, or nothing that moved. */
    private record Failure(Side side, @Nullable NbdException cause, String message) {}

    /** One session; null when there is nothing left to do. */
    private @Nullable Failure work(Ends ends) {
        Session session = null;
        Failure failure = null;
        try {
            connect(ends);
            brokenOff = null;
            session = new Session(run, ends, pulse, tally);
            session.run(() -> brokenOff != null);
        } catch (Ends.EndLost e) {
            failure = failure(e.side, e.failure);
        } catch (NbdException e) {
            failure = failure(ends.lostSide(), e);
        } catch (Session.BrokenOff e) {
            failure = new Failure(ends.lostSide(), null, String.valueOf(brokenOff));
        } finally {
            // Buffers may be freed only when the connections that write into them are gone.
            ends.close(failure == null ? null : failure.cause());
            if (session != null) {
                run.giveBack(session.giveUp());
                session.close();
                if (session.hasAchieved()) {
                    backoff.reset();
                } else {
                    backoff.excuse(session.answeredForNanos());
                }
            }
        }
        return failure;
    }

    private static Failure failure(Side side, NbdException cause) {
        return new Failure(side, cause, side.id() + ": " + cause.getMessage());
    }

    private void connect(Ends ends) {
        pulse.stage(Stage.CONNECTING);
        ConnectSpec spec = run.spec().connect();
        if (!tried && run.isAnyConnected()) {
            spec = hasty(spec);
        }
        tried = true;
        ends.open(spec, Math.min(1, sources), 1);
        everConnected = true;
        run.connected();
        Side silent = extentsSilent;
        if (silent != null) {
            // It greets, so it was not frozen but too slow for this one question; a frozen one will be asked again.
            run.withoutExtents(silent, "no answer within the limit");
            extentsSilent = null;
        }
        openFurther(ends);
    }

    /** One connection to each end is enough to work; if the servers give no more, it is done with those. */
    private void openFurther(Ends ends) {
        try {
            ends.open(hasty(run.spec().connect()), sources, targets);
        } catch (Ends.EndLost e) {
            if (e.failure instanceof NbdException.Cancelled || e.failure instanceof NbdException.DeadlinePassed) {
                throw e;
            }
            sources = ends.sources().size();
            targets = ends.targets().size();
            run.warn(name + " works with " + connections(sources) + " to the source and " + targets
                    + " to the target, no more are to be had: "
                    + failure(e.side, e.failure).message());
        }
    }

    private static String connections(int count) {
        return count == 1 ? "1 connection" : count + " connections";
    }

    /** A further client may find no free slot, and silence is how it is told. */
    private ConnectSpec hasty(ConnectSpec spec) {
        Duration greeting =
                shorter(spec.limits().greeting(), run.spec().limits().extraConnect());
        return spec.withLimits(spec.limits().withGreeting(greeting));
    }

    private static Duration shorter(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? a : b;
    }

    /** Whether to try again after this failure; throws when it is the copy's end. */
    private boolean goOn(Failure failure) {
        NbdException cause = failure.cause();
        if (cause instanceof NbdException.Cancelled) {
            return false;
        }
        if (cause instanceof NbdException.DeadlinePassed) {
            throw new CopyException.EndFailed(failure.side(), cause, failure.message());
        }
        if (!everConnected && run.isAnyConnected() && leave()) {
            run.warn(name + " got no connection of its own and is not needed: " + failure.message());
            return false;
        }
        if (cause instanceof NbdException.NoAnswer silence && silence.awaited() == Wait.BLOCK_STATUS) {
            extentsSilent = failure.side();
        }
        if (backoff.isExhausted() || isHopeless(cause)) {
            return giveUp(failure);
        }
        run.note(JobEvent.RECONNECTED, Map.of("worker", name, "because", failure.message()));
        pause();
        return true;
    }

    /** Trying again does not make a wrong key right, nor a request that our own side refuses to send. */
    private static boolean isHopeless(@Nullable NbdException cause) {
        return (cause instanceof NbdException.RequestFailed refused && refused.errno() != Pipeline.ESHUTDOWN)
                || cause instanceof NbdException.TlsFailed
                || cause instanceof NbdException.BadUri
                || cause instanceof NbdException.LibraryMissing;
    }

    private boolean giveUp(Failure failure) {
        NbdException cause = failure.cause();
        if (leave()) {
            run.warn(name + " gives up, the others go on: " + failure.message());
            return false;
        }
        if (cause == null || cause instanceof NbdException.NoAnswer) {
            throw new CopyException.Stalled(failure.side(), failure.message(), cause);
        }
        throw new CopyException.EndFailed(failure.side(), cause, failure.message());
    }

    private boolean leave() {
        left = run.mayLeave();
        return left;
    }

    private void pause() {
        pulse.stage(Stage.BACKING_OFF);
        long end = System.nanoTime() + backoff.nextMillis() * 1_000_000;
        while (System.nanoTime() < end && !run.isStopping()) {
            pulse.turn();
            try {
                Thread.sleep(PAUSE_SLICE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
