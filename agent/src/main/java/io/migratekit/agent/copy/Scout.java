package io.migratekit.agent.copy;

import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.Pulse;
import io.migratekit.agent.watch.Stage;
import io.migratekit.agent.watch.StallWatch;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Extent;
import io.migratekit.nbd.ExtentMap;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * What are the two ends like? The thread that opens the first connection to each, tells what it
 * found, and, since a connection belongs to its thread, goes on as the first worker.
 */
final class Scout {
    private static final long LOOK_MILLIS = 100;

    private final CopySpec spec;
    private final Pulse pulse;
    private final Progress.Tally tally;
    private final Thread thread;
    private final CompletableFuture<Copier.Found> found = new CompletableFuture<>();
    /** What to go on as; null to end. */
    private final CompletableFuture<@Nullable CopyWorker> next = new CompletableFuture<>();

    Scout(String name, CopySpec spec, StallWatch watch, Progress progress) {
        this.spec = spec;
        this.pulse = watch.worker(name);
        this.tally = progress.worker();
        thread = Thread.ofPlatform().daemon().name(name).start(this::run);
    }

    private void run() {
        pulse.adopt();
        Ends ends = new Ends(spec, pulse, null);
        try {
            pulse.stage(Stage.CONNECTING);
            ends.open(spec.connect(), 1, 1);
            if (spec.destinationIsZero()) {
                requireZero(ends.targets().getFirst().connection());
            }
            pulse.stage(Stage.WAITING_FOR_OTHERS);
            found.complete(new Copier.Found(ends.source(), ends.target()));
            CopyWorker worker = awaitNext();
            if (worker != null) {
                worker.live(ends);
                return;
            }
            ends.close(null);
        } catch (Ends.EndLost e) {
            ends.close(null);
            found.completeExceptionally(
                    new CopyException.EndFailed(e.side, e.failure, e.side.id() + ": " + e.failure.getMessage()));
        } catch (RuntimeException e) {
            ends.close(null);
            found.completeExceptionally(e);
        }
    }

    /** "Destination is zero" is something to prove, never to assume. */
    private void requireZero(NbdConnection target) {
        pulse.stage(Stage.LISTING);
        try {
            requireZero(ExtentMap.of(target, ConnectSpec.BASE_ALLOCATION));
        } catch (NbdException.Unsupported | NbdException.RequestFailed e) {
            throw new CopyException.Refused(spec.target() + ": the target does not list its extents, so"
                    + " --destination-is-zero cannot be proved; nothing was written (" + e.getMessage() + ")");
        }
    }

    private void requireZero(ExtentMap map) {
        while (map.hasNext()) {
            Extent extent = map.next();
            if ((extent.flags() & Extent.ZERO) == 0) {
                throw new CopyException.Refused(spec.target() + ": the target does not read as zero at byte "
                        + extent.offset() + ", so --destination-is-zero does not hold; nothing was written");
            }
        }
    }

    private @Nullable CopyWorker awaitNext() {
        while (true) {
            try {
                return next.get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                pulse.turn();
            } catch (InterruptedException | ExecutionException e) {
                return null;
            }
        }
    }

    /** Waits for what is found, within the limits of the connecting itself. */
    Copier.Found awaitFound() {
        while (true) {
            try {
                return found.get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // The scout's own waits are bounded, each by its limit.
            } catch (InterruptedException e) {
                thread.interrupt();
                Thread.currentThread().interrupt();
                throw new CopyException.Interrupted("interrupted while connecting");
            } catch (ExecutionException e) {
                if (e.getCause() instanceof RuntimeException failure) {
                    throw failure;
                }
                throw new IllegalStateException(e.getCause());
            }
        }
    }

    void goOnAs(CopyWorker worker) {
        next.complete(worker);
    }

    /** Ends it if it was not sent on. */
    void end() {
        next.complete(null);
    }

    Thread thread() {
        return thread;
    }

    Pulse pulse() {
        return pulse;
    }

    Progress.Tally tally() {
        return tally;
    }
}
