package io.migratekit.agent.watch;

import io.migratekit.nbd.Wait;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.logging.Level;
import java.util.logging.Logger;

/** A copy with one worker and a connection to each end, whose time goes on when the test says so. */
final class Scene {
    static final WatchLimits LIMITS = new WatchLimits(
            Duration.ofSeconds(60), Duration.ofSeconds(300), Duration.ofMinutes(10), Duration.ofSeconds(1));
    private static final long TICK_MILLIS = 250;
    /** Hundreds of waits that are meant to be long would bury the output of the tests. */
    private static final Logger QUIET = Logger.getLogger("io.migratekit.agent.watch");

    static {
        QUIET.setLevel(Level.OFF);
    }

    final FakeClock clock = new FakeClock();
    final FakeClock wall = new FakeClock();
    final Progress progress = new Progress();
    final List<StallReport> reports = new ArrayList<>();
    final StallWatch watch = new StallWatch(
            new WatchedJob("nightly-7", "nbd://source:10809/disk", "nbd://hub:10809/disk"),
            LIMITS,
            progress,
            reports::add,
            clock,
            () -> Duration.ofDays(20_000).toMillis()
                    + Duration.ofNanos(wall.passed()).toMillis());
    final Pulse worker = watch.worker("copy-0");
    final ConnectionPulse source = worker.opening("copy-source-0", Side.SOURCE, "nbd://source:10809/disk");
    final ConnectionPulse target = worker.opening("copy-target-0", Side.TARGET, "nbd://hub:10809/disk");
    private boolean looking = true;

    Scene() {
        worker.stage(Stage.COPYING, 16 << 20, 128 << 20);
    }

    /** The worker does not come back to its loop any more. */
    Scene looksNoMore() {
        looking = false;
        return this;
    }

    Scene stage(Stage stage) {
        worker.stage(stage);
        return this;
    }

    Scene issued(ConnectionPulse connection, Wait kind, int count) {
        for (int i = 0; i < count; i++) {
            connection.issued(kind, (66L + i) << 18, 1 << 18);
        }
        return this;
    }

    /** Time passes; the worker looks at its connections, and the watch ticks. */
    Scene passes(Duration time) {
        return passes(time, () -> {});
    }

    /** The same, and something happens every second. */
    Scene passes(Duration time, Runnable everySecond) {
        for (long millis = 0; millis < time.toMillis(); millis += TICK_MILLIS) {
            clock.pass(TICK_MILLIS);
            wall.pass(TICK_MILLIS);
            if (looking) {
                worker.turn();
            }
            if (millis % 1000 == 0) {
                everySecond.run();
            }
            watch.tick();
        }
        return this;
    }

    Scene passes(int seconds) {
        return passes(Duration.ofSeconds(seconds));
    }

    Verdict verdict() {
        return watch.look().verdict();
    }

    String layer() {
        Layer layer = verdict().layer();
        return layer == null ? "" : Objects.requireNonNull(layer).id();
    }
}
