package io.migratekit.hub;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonObject;
import io.migratekit.hub.repository.BackupDisk;
import io.migratekit.hub.repository.LastPoint;
import io.migratekit.hub.repository.Repository;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.hub.repository.Vm;
import io.migratekit.nbd.Durations;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Is there anything that somebody should look after? A VM without a good restore point of late, damage, room that will not last. Looked
 * at every minute; what begins and what ends is told once, to the log, to who listens, and to a webhook.
 */
public final class Alarms implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Alarms.class.getName());
    private static final Duration LOOK_EVERY = Duration.ofMinutes(1);
    /** By what was sealed in this time it is judged how long the room lasts. */
    private static final Duration GROWTH = Duration.ofDays(7);
    /** Posts to a webhook that takes none. */
    private static final int MOST_WAITING = 1000;

    private final Repository repository;
    private final Events events;
    private final Settings settings;
    private final CountDownLatch end = new CountDownLatch(1);
    private volatile Optional<Duration> lastSpaceLeft = Optional.empty();
    private final ToldAlarms told;
    /** One after the other: an end that overtakes its beginning would leave an alarm standing that is over. */
    private final ThreadPoolExecutor posts = posts();

    private volatile List<Alarm> last;

    /**
     * When is there an alarm?
     *
     * @param noGoodPointFor a VM has no good restore point that is younger; zero: never
     * @param spaceFor the room lasts for less, at the pace of the last week; zero: never
     * @param reserveBytes what has to stay free
     * @param webhook where alarms are posted to
     * @param lookEvery how often is looked
     */
    public record Settings(
            Duration noGoodPointFor,
            Duration spaceFor,
            long reserveBytes,
            Optional<Webhook> webhook,
            Duration lookEvery) {
        public static final Settings NONE = new Settings(Duration.ZERO, Duration.ZERO, 0, Optional.empty());

        /** Looks every minute. */
        public Settings(Duration noGoodPointFor, Duration spaceFor, long reserveBytes, Optional<Webhook> webhook) {
            this(noGoodPointFor, spaceFor, reserveBytes, webhook, LOOK_EVERY);
        }
    }

    /** @param notes where it is noted what was told, for a hub that comes after this one */
    Alarms(Repository repository, Events events, Settings settings, Path notes) {
        this.repository = repository;
        this.events = events;
        this.settings = settings;
        told = new ToldAlarms(notes);
        last = told.all();
        Thread.ofPlatform().daemon().name("hub-alarms").start(this::watch);
    }

    /** What is wrong, when these are all VMs. */
    public List<Alarm> of(List<Vm> vms) {
        return of(vms, settings.spaceFor().isZero() ? Optional.empty() : spaceLeft());
    }

    private List<Alarm> of(List<Vm> vms, Optional<Duration> left) {
        List<Alarm> all = new ArrayList<>();
        for (Vm vm : vms) {
            noGoodPoint(vm).ifPresent(all::add);
            damage(vm).ifPresent(all::add);
        }
        space(left).ifPresent(all::add);
        return all;
    }

    private Optional<Alarm> noGoodPoint(Vm vm) {
        if (settings.noGoodPointFor().isZero() || vm.points() == 0) {
            return Optional.empty();
        }
        LastPoint good = vm.lastGood();
        Duration age = good == null ? null : Duration.between(good.moment(), Instant.now());
        if (age != null && age.compareTo(settings.noGoodPointFor()) <= 0) {
            return Optional.empty();
        }
        return Optional.of(new Alarm(
                "no-good-point",
                Optional.of(vm.id()),
                "VM " + vm.name() + " has no good restore point"
                        + (age == null ? "" : " since " + Durations.show(age.truncatedTo(ChronoUnit.MINUTES)))
                        + "; look why its backups fail"));
    }

    private static Optional<Alarm> damage(Vm vm) {
        return vm.damaged().isEmpty()
                ? Optional.empty()
                : Optional.of(new Alarm(
                        "damaged",
                        Optional.of(vm.id()),
                        "restore points of VM " + vm.name() + " are damaged: " + String.join(", ", vm.damaged())
                                + "; `migratekit hub verify --vm` says where"));
    }

    /** @param lasts so long the room lasts, if that is known */
    private Optional<Alarm> space(Optional<Duration> lasts) {
        return lasts.filter(left -> left.compareTo(settings.spaceFor()) < 0)
                .map(left -> new Alarm(
                        "space",
                        Optional.empty(),
                        "at the pace of the last week the repository's file system is full in " + left.toDays()
                                + " days; delete restore points or enlarge it"));
    }

    /** What concerns no single VM, as it was a minute ago at the most: to ask is cheap. */
    public List<Alarm> ofTheHub() {
        return last.stream().filter(alarm -> alarm.vm().isEmpty()).toList();
    }

    /** The same as {@link #spaceLeft}, as it was a minute ago at the most. */
    public Optional<Duration> lastSpaceLeft() {
        return lastSpaceLeft;
    }

    /** How long the room lasts at the pace of the last week; empty if nothing was sealed in it. */
    public Optional<Duration> spaceLeft() {
        Instant begin = Instant.now().minus(GROWTH);
        long grown = repository.backups(Optional.empty()).stream()
                .filter(point -> point.sealedAt() != null && point.sealedAt().isAfter(begin))
                .flatMap(point -> point.disks().stream())
                .mapToLong(BackupDisk::layerBytes)
                .sum();
        if (grown == 0) {
            return Optional.empty();
        }
        double left = Math.max(0, repository.freeBytes() - settings.reserveBytes());
        return Optional.of(Duration.ofSeconds((long) (left / grown * GROWTH.toSeconds())));
    }

    private void watch() {
        try {
            do {
                look();
            } while (!end.await(settings.lookEvery().toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void look() {
        try {
            Optional<Duration> left = spaceLeft();
            List<Alarm> now = of(repository.vms(), left);
            lastSpaceLeft = left;
            Map<String, Alarm> before = byIdentity(last);
            Map<String, Alarm> after = byIdentity(now);
            last = now;
            after.values().stream()
                    .filter(alarm -> !before.containsKey(alarm.identity()))
                    .forEach(alarm -> tell(alarm, true));
            before.values().stream()
                    .filter(alarm -> !after.containsKey(alarm.identity()))
                    .forEach(alarm -> tell(alarm, false));
        } catch (RepositoryException e) {
            LOG.log(WARNING, () -> "alarms cannot be looked after: " + e.getMessage());
        }
    }

    private static Map<String, Alarm> byIdentity(List<Alarm> alarms) {
        Map<String, Alarm> all = new LinkedHashMap<>();
        alarms.forEach(alarm -> all.put(alarm.identity(), alarm));
        return all;
    }

    private void tell(Alarm alarm, boolean isBeginning) {
        String what = isBeginning ? "begins" : "ended";
        LOG.log(isBeginning ? WARNING : INFO, () -> "alarm=" + alarm.kind() + " " + what + ": " + alarm.words());
        JsonObject data = new JsonObject();
        data.addProperty("alarm", alarm.kind());
        data.addProperty("what", what);
        data.addProperty("words", alarm.words());
        alarm.vm().ifPresent(vm -> data.addProperty("vm", vm));
        alarm.vm().ifPresent(vm -> events.tell("alarm", vm, data));
        if (settings.webhook().isEmpty()) {
            told.note(alarm, isBeginning);
            return;
        }
        Webhook hook = settings.webhook().get();
        posts.execute(() -> {
            // What the hub did not live to post, or to give up, is told again by the one that comes after it.
            if (hook.post(data, end)) {
                told.note(alarm, isBeginning);
            }
        });
    }

    private static ThreadPoolExecutor posts() {
        ThreadPoolExecutor one = new ThreadPoolExecutor(
                1,
                1,
                30,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(MOST_WAITING),
                Thread.ofPlatform().daemon().name("hub-webhook").factory(),
                (_, _) -> LOG.log(WARNING, "an alarm is not posted, because " + MOST_WAITING + " wait already"));
        one.allowCoreThreadTimeOut(true);
        return one;
    }

    @Override
    public void close() {
        end.countDown();
        posts.shutdownNow();
    }
}
