package io.migratekit.agent.copy;

import io.migratekit.agent.watch.Side;
import io.migratekit.agent.watch.StallWatch;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Wait;
import io.migratekit.nbd.WaitListener;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Is an end that says nothing slow or frozen? One more connection to it, only to be greeted, tells the two apart. It is
 * tried where the server takes several clients, and never while the copy moves.
 */
final class SecondLook implements AutoCloseable {
    /** Nothing has come for so long: time to look. */
    private static final Duration SILENT = Duration.ofSeconds(5);

    private static final Duration AGAIN = Duration.ofSeconds(20);
    private static final Duration ROUND = Duration.ofSeconds(1);
    private static final long END_MILLIS = 1000;

    private final CopySpec spec;
    private final StallWatch watch;
    private final Map<Side, Long> lastNanos = new EnumMap<>(Side.class);
    private @Nullable Thread thread;

    SecondLook(CopySpec spec, StallWatch watch) {
        this.spec = spec;
        this.watch = watch;
    }

    /** Begins to look at those ends that take several clients. */
    void start(Copier.Found found) {
        thread = Thread.ofPlatform().daemon().name("second-look").start(() -> {
            try {
                while (true) {
                    TimeUnit.NANOSECONDS.sleep(ROUND.toNanos());
                    lookIfSilent(Side.SOURCE, found.source().multiConn(), spec.source());
                    lookIfSilent(Side.TARGET, found.target().multiConn(), spec.target());
                }
            } catch (InterruptedException e) {
                // The end: close() has asked for it.
                return;
            }
        });
    }

    private void lookIfSilent(Side side, boolean multiConn, NbdUri uri) {
        if (!multiConn || !watch.isSilent(side, SILENT)) {
            return;
        }
        Long last = lastNanos.get(side);
        if (last == null || System.nanoTime() - last >= AGAIN.toNanos()) {
            watch.secondLook(side, look(uri));
            lastNanos.put(side, System.nanoTime());
        }
    }

    /** Connects and leaves again; what came of it, in words. */
    private String look(NbdUri uri) {
        Duration limit = spec.limits().extraConnect();
        ConnectSpec connect = spec.connect()
                .withPurpose("second-look")
                .withLimits(spec.connect().limits().withGreeting(limit))
                .withListener(WaitListener.NONE);
        long begun = System.nanoTime();
        try (NbdConnection _ = NbdConnection.open(uri, connect)) {
            return "another connection was greeted within "
                    + Durations.show(Duration.ofNanos(System.nanoTime() - begun))
                    + ", so the server is alive and busy with this";
        } catch (NbdException.NoAnswer e) {
            return e.awaited() == Wait.GREETING
                    ? "another connection got no greeting within " + Durations.show(limit)
                            + ", so the server is frozen or has no free slot"
                    : "another connection got no answer either (" + e.awaited().title() + ")";
        } catch (NbdException e) {
            return "another connection failed: " + e.getMessage();
        }
    }

    @Override
    public void close() {
        Thread looker = thread;
        if (looker == null) {
            return;
        }
        looker.interrupt();
        try {
            looker.join(END_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
