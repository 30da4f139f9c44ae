package io.migratekit.hub;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonObject;
import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.Repository;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.hub.repository.VerifyProgress;
import io.migratekit.hub.repository.VerifyReport;
import io.migratekit.hub.repository.VerifyRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Who looks whether what is kept is still right, and when? Whoever asks for it; and the hub by itself, slowly, when something was
 * not looked at for long. What it does by itself makes way at once for a deletion, which it would hinder.
 */
public final class Verifying implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Verifying.class.getName());
    private static final Duration LOOK_EVERY = Duration.ofMinutes(10);
    private static final Duration MAKE_WAY = Duration.ofSeconds(30);
    private static final long TELL_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final Repository repository;
    private final Events events;
    private final Habit habit;
    private final CountDownLatch end = new CountDownLatch(1);
    /** For each VM that the hub looks at by itself right now: what ends when it has ended. */
    private final Map<String, CountDownLatch> ours = new ConcurrentHashMap<>();

    private final Map<String, Integer> inNeed = new ConcurrentHashMap<>();

    /**
     * What the hub does by itself.
     *
     * @param every what was verified longer ago is verified again; zero: nothing is
     * @param bytesPerSecond at most so much is read meanwhile
     * @param lookEvery how often it looks for what was not verified for so long
     */
    public record Habit(Duration every, long bytesPerSecond, Duration lookEvery) {
        public static final Habit NONE = new Habit(Duration.ZERO, 0);

        /** Looks every ten minutes. */
        public Habit(Duration every, long bytesPerSecond) {
            this(every, bytesPerSecond, LOOK_EVERY);
        }
    }

    Verifying(Repository repository, Events events, Habit habit) {
        this.repository = repository;
        this.events = events;
        this.habit = habit;
        if (!habit.every().isZero()) {
            Thread.ofPlatform().daemon().name("hub-verify").start(this::byItself);
        }
    }

    /** Because somebody asked for it, and as long as he listens. */
    public VerifyReport asked(
            String vm, Optional<String> point, Optional<Duration> olderThan, long rate, BooleanSupplier isGone) {
        Instant notSince = olderThan.map(Instant.now()::minus).orElse(null);
        return repository.verify(
                new VerifyRequest(
                        Optional.of(vm), point, notSince, rate, () -> isGone.getAsBoolean() || end.getCount() == 0),
                telling(vm));
    }

    private VerifyProgress telling(String vm) {
        long[] told = {System.nanoTime() - TELL_NANOS};
        return (layer, done, total) -> {
            if (System.nanoTime() - told[0] >= TELL_NANOS) {
                told[0] = System.nanoTime();
                JsonObject data = new JsonObject();
                data.addProperty("vm", vm);
                data.addProperty("layer", layer);
                data.addProperty("doneBytes", done);
                data.addProperty("totalBytes", total);
                events.tell("verifying", vm, data);
            }
        };
    }

    private void byItself() {
        try {
            do {
                for (String vm : due()) {
                    if (end.getCount() > 0 && !inNeed.containsKey(vm)) {
                        verify(vm);
                    }
                }
            } while (!end.await(habit.lookEvery().toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** VMs of which something was not looked at for so long, that first which waits longest. */
    private List<String> due() {
        try {
            Map<String, Instant> oldest = new HashMap<>();
            Instant limit = Instant.now().minus(habit.every());
            for (Backup point : repository.backups(Optional.empty())) {
                Instant proved = repository.verdict(point).provedAt();
                Instant sealed = Objects.requireNonNullElse(point.sealedAt(), Instant.MIN);
                // A seal is a proof of what was written, too.
                Instant since = proved == null || proved.isBefore(sealed) ? sealed : proved;
                if (point.state() == Backup.State.SEALED && since.isBefore(limit)) {
                    oldest.merge(point.vm(), since, (one, other) -> one.isBefore(other) ? one : other);
                }
            }
            return oldest.entrySet().stream()
                    .sorted(Comparator.comparing(Map.Entry<String, Instant>::getValue))
                    .map(Map.Entry::getKey)
                    .toList();
        } catch (RepositoryException e) {
            LOG.log(WARNING, () -> "what is to be verified is not known: " + e.getMessage());
            return List.of();
        }
    }

    private void verify(String vm) {
        CountDownLatch done = new CountDownLatch(1);
        ours.put(vm, done);
        try {
            LOG.log(INFO, () -> "vm=" + vm + " verify=begins");
            VerifyReport report = repository.verify(
                    new VerifyRequest(
                            Optional.of(vm),
                            Optional.empty(),
                            Instant.now().minus(habit.every()),
                            habit.bytesPerSecond(),
                            () -> end.getCount() == 0 || inNeed.containsKey(vm)),
                    telling(vm));
            LOG.log(
                    report.isClean() ? INFO : WARNING,
                    () -> "vm=" + vm + " verify=" + (report.isWhole() ? "done" : "broken off") + " layers="
                            + report.layers() + " readBytes=" + report.readBytes() + " damage=" + report.found()
                            + " failures=" + report.failures());
        } catch (RuntimeException e) {
            LOG.log(WARNING, () -> "vm=" + vm + " could not be verified: " + e.getMessage());
        } finally {
            ours.remove(vm);
            done.countDown();
        }
    }

    /** Until it is closed, the hub does not look at this VM by itself; comes back when it has stopped to. */
    MakingWay makeWay(String vm) {
        inNeed.merge(vm, 1, Integer::sum);
        CountDownLatch under = ours.get(vm);
        try {
            if (under != null && !under.await(MAKE_WAY.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.log(WARNING, () -> "vm=" + vm + " is still being verified after " + MAKE_WAY.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return () -> inNeed.computeIfPresent(vm, (_, count) -> count == 1 ? null : count - 1);
    }

    /** Ends a making way. */
    interface MakingWay extends AutoCloseable {
        @Override
        void close();
    }

    /** What runs ends soon; what it has found is kept. */
    @Override
    public void close() {
        end.countDown();
    }
}
