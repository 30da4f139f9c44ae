package io.migratekit.hub;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonObject;
import io.migratekit.hub.export.ExportFailed;
import io.migratekit.hub.export.ExportKey;
import io.migratekit.hub.export.Exports;
import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.BackupDisk;
import io.migratekit.hub.repository.Pruned;
import io.migratekit.hub.repository.Repository;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.hub.repository.RetentionPolicy;
import io.migratekit.hub.repository.SealProgress;
import io.migratekit.hub.repository.SealRequest;
import io.migratekit.hub.repository.StartRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The story of a backup: how does it get a place to write into, and how does it become a restore point? Stories of one VM
 * are told one after the other; those of different VMs never wait for each other here.
 */
public final class Hub implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Hub.class.getName());
    private static final Duration LEASES_EVERY = Duration.ofSeconds(1);
    /** For the story that is told before ours; a seal may read whole layers. */
    private static final Duration TURN = Duration.ofMinutes(10);

    private final Repository repository;
    private final Exports exports;
    private final Leases leases;
    private final Events events = new Events();
    private final Verifying verifying;
    private final Readings readings;
    private final Alarms alarms;
    private final Map<String, ReentrantLock> turns = new ConcurrentHashMap<>();
    private final Map<String, Work> works = new ConcurrentHashMap<>();
    private final CountDownLatch end = new CountDownLatch(1);
    private volatile long lookedNanos = System.nanoTime();

    /** A backup, and what the repository does not know of it. */
    public record Seen(
            Backup backup, Optional<Leases.Lease> lease, Optional<Work> work, Exports exports, Repository repository) {
        /** Open, but nobody has renewed its lease. */
        public boolean isDormant() {
            return backup.state() == Backup.State.OPEN
                    && lease.filter(held -> !held.isOver()).isEmpty();
        }
    }

    /** What the hub itself does for an open backup right now. */
    public record Work(String step, Instant since, OptionalInt disk, long doneBytes, long totalBytes) {}

    /** What a start came to. */
    public record Started(Seen seen, boolean created) {}

    /** What a hub does without being asked. */
    public record Habits(Verifying.Habit verifying, Alarms.Settings alarms) {
        public static final Habits NONE = new Habits(Verifying.Habit.NONE, Alarms.Settings.NONE);
    }

    private Hub(Repository repository, Exports exports, Leases leases, Path alarmsFile, Habits habits) {
        this.repository = repository;
        this.exports = exports;
        this.leases = leases;
        this.verifying = new Verifying(repository, events, habits.verifying());
        this.alarms = new Alarms(repository, events, habits.alarms(), alarmsFile);
        this.readings = new Readings(repository, exports);
    }

    /**
     * Serves again what was open when the hub ended before: who writes there shall find it where it was.
     *
     * @param leasesFile where the leases are noted for a hub that comes after this one
     * @param alarmsFile where the alarms that were told are
     */
    public static Hub over(Repository repository, Exports exports, Path leasesFile, Path alarmsFile, Habits habits) {
        Hub hub = new Hub(repository, exports, new Leases(leasesFile), alarmsFile, habits);
        Function<String, Optional<Leases.Asked>> remembered = hub.leases.remembered();
        for (Backup backup : repository.backups(Optional.empty())) {
            if (backup.state() == Backup.State.OPEN) {
                remembered.apply(backup.id()).ifPresent(asked -> hub.serveAgain(backup, asked));
            }
        }
        Thread.ofPlatform().daemon().name("hub-leases").start(hub::watchLeases);
        return hub;
    }

    private void serveAgain(Backup backup, Leases.Asked asked) {
        leases.begin(backup.id(), backup.vm(), asked);
        try {
            serve(backup, asked.workers());
        } catch (ExportFailed | RepositoryException e) {
            LOG.log(WARNING, () -> "backup=" + backup.id() + " is not served again: " + e.getMessage());
        }
    }

    public Repository repository() {
        return repository;
    }

    /** Whether leases are being looked at: who tells systemd that we live must have seen something of it. */
    public boolean isAlive() {
        return System.nanoTime() - lookedNanos < LEASES_EVERY.multipliedBy(10).toNanos();
    }

    /** What Prometheus wants to know. */
    public String metrics() {
        return Metrics.of(
                backups(Optional.empty()),
                repository.unreadable(Optional.empty()).size(),
                exports.count(),
                repository.freeBytes(),
                repository.vms(),
                alarms);
    }

    public Events events() {
        return events;
    }

    public Alarms alarms() {
        return alarms;
    }

    public Verifying verifying() {
        return verifying;
    }

    /** What takes long, and may be broken off, ends now. */
    public void goingDown() {
        verifying.close();
    }

    /** Opens layers and serves them; the same id again answers the same. */
    public Started start(StartRequest request, int workers, Duration lease) {
        return inTurn(request.vm(), () -> {
            boolean there = repository.find(request.id()).isPresent();
            Optional<Backup> other = repository.backups(Optional.of(request.vm())).stream()
                    .filter(backup ->
                            backup.state() == Backup.State.OPEN && !backup.id().equals(request.id()))
                    .findFirst();
            other.ifPresent(this::mustBeDormant);
            other.ifPresent(this::endExports);
            Backup backup = repository.start(new StartRequest(
                    request.id(),
                    request.vm(),
                    request.name(),
                    request.disks(),
                    other.map(Backup::id).orElse(null)));
            other.ifPresent(old -> leases.end(old.id()));
            if (backup.state() == Backup.State.OPEN) {
                leases.begin(backup.id(), backup.vm(), new Leases.Asked(workers, lease));
                serve(backup, workers);
            }
            events.tell("opened", backup.id(), backup.vm(), new JsonObject());
            return new Started(seen(backup), !there);
        });
    }

    private void mustBeDormant(Backup other) {
        Optional<Leases.Lease> lease = leases.find(other.id()).filter(held -> !held.isOver());
        if (lease.isPresent()) {
            throw new RepositoryException.Conflict(
                    "locked",
                    "backup " + other.id() + " of this VM is being written, its lease ends at "
                            + lease.get().until() + "; wait for it, or abandon it");
        }
    }

    private void serve(Backup backup, int workers) {
        for (BackupDisk disk : backup.disks()) {
            exports.open(key(backup, disk), repository.layerFile(backup.id(), disk.key()), workers);
        }
    }

    /** Renews the lease. One whose lease had ended has to start again, since its exports are gone. */
    public Instant heartbeat(String id, Optional<JsonObject> progress) {
        Leases.Lease lease = leases.renew(id, progress)
                .orElseThrow(() -> new RepositoryException.Conflict(
                        "dormant", "backup " + id + " has no lease any more; start it again with the same id"));
        progress.ifPresent(said -> {
            JsonObject data = new JsonObject();
            data.add("progress", said);
            events.tell("progress", id, lease.vm(), data);
        });
        return lease.until();
    }

    /** Makes a restore point of it. The exports end first, so that nobody writes into what is being sealed. */
    public Seen seal(String id, SealRequest request) {
        Backup before = show(id).backup();
        return inTurn(before.vm(), () -> {
            Instant since = Instant.now();
            works.put(id, new Work("ends its exports", since, OptionalInt.empty(), 0, 0));
            try {
                endExports(before);
                SealProgress telling = telling(id, before.vm());
                Backup sealed = repository.seal(id, request, (disk, step, done, total) -> {
                    works.put(id, new Work(step, since, OptionalInt.of(disk), done, total));
                    telling.at(disk, step, done, total);
                });
                leases.end(id);
                events.tell("sealed", id, before.vm(), new JsonObject());
                return seen(sealed);
            } finally {
                works.remove(id);
            }
        });
    }

    private SealProgress telling(String id, String vm) {
        return (disk, step, done, total) -> {
            JsonObject data = new JsonObject();
            data.addProperty("disk", disk);
            data.addProperty("step", step);
            data.addProperty("doneBytes", done);
            data.addProperty("totalBytes", total);
            events.tell("progress", id, vm, data);
        };
    }

    /** Removes the open layers. */
    public void abandon(String id) {
        Optional<Backup> known = repository.find(id);
        if (known.isEmpty()) {
            return;
        }
        inTurn(known.get().vm(), () -> {
            if (known.get().state() == Backup.State.OPEN) {
                endExports(known.get());
            }
            repository.abandon(id);
            leases.end(id);
            events.tell("abandoned", id, known.get().vm(), new JsonObject());
            return true;
        });
    }

    /** The VM of a backup; also of one whose deletion could not be finished, so that it can be asked for again. */
    public String vmOf(String id) {
        return repository.vmOf(id).orElseThrow(() -> unknown(id));
    }

    /** Removes a restore point; one on which others stand only if it may be merged into them. */
    public void delete(String id, boolean merge) {
        String vm = vmOf(id);
        remove(vm, id, () -> repository.delete(id, merge, telling(id, vm)));
    }

    /** Nobody reads a point that goes, and what the hub verifies by itself makes way. */
    private void remove(String vm, String id, Runnable removal) {
        try (var _ = verifying.makeWay(vm)) {
            inTurn(vm, () -> {
                readings.requireUnread(id);
                removal.run();
                events.tell("deleted", id, vm, new JsonObject());
                return true;
            });
        }
    }

    /** Lets a restore point be read for a while; again, for a while longer. */
    public Readings.Opened read(String reading, String id, Set<Integer> disks, int workers, Duration lease) {
        Backup point = show(id).backup();
        if (point.state() != Backup.State.SEALED) {
            throw new RepositoryException.Conflict(
                    "open", "backup " + id + " is not sealed; there is nothing to read yet");
        }
        return inTurn(point.vm(), () -> readings.open(reading, show(id).backup(), disks, workers, lease));
    }

    /** Nothing is read there any more; that nothing was is no failure. */
    public void endReading(String reading, String id) {
        readings.close(reading, id);
    }

    /** What a policy does with the restore points of a VM, or would do; between two removals others have their turn. */
    public Pruned prune(String vm, RetentionPolicy policy, boolean apply) {
        if (!apply) {
            return repository.prune(vm, policy, false);
        }
        return repository.prune(
                vm, policy, id -> remove(vm, id, () -> repository.deleteUnwanted(id, policy, telling(id, vm))));
    }

    public Optional<Seen> find(String id) {
        return repository.find(id).map(this::seen);
    }

    public Seen show(String id) {
        return find(id).orElseThrow(() -> unknown(id));
    }

    private static RepositoryException unknown(String id) {
        return new RepositoryException.NotFound(
                "there is no backup " + id + "; `migratekit hub list` shows what there is");
    }

    public List<Seen> backups(Optional<String> vm) {
        return repository.backups(vm).stream().map(this::seen).toList();
    }

    /** Backups that are being written, oldest first; to ask is cheap, however much is kept. */
    public List<Seen> open() {
        return repository.open().stream().map(this::seen).toList();
    }

    private Seen seen(Backup backup) {
        return new Seen(
                backup, leases.find(backup.id()), Optional.ofNullable(works.get(backup.id())), exports, repository);
    }

    private void endExports(Backup backup) {
        backup.disks().forEach(disk -> exports.close(key(backup, disk)));
    }

    /** How an open layer is known to the exports. */
    public static ExportKey key(Backup backup, BackupDisk disk) {
        return new ExportKey(backup.id(), disk.key());
    }

    private <T> T inTurn(String vm, Supplier<T> story) {
        ReentrantLock turn = turns.computeIfAbsent(vm, _ -> new ReentrantLock(true));
        try {
            if (!turn.tryLock(TURN.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new RepositoryException.Conflict(
                        "busy", "something else is done with VM " + vm + " for " + TURN.toMinutes() + " min already");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RepositoryException.Conflict("busy", "the hub is stopping");
        }
        try {
            return story.get();
        } finally {
            turn.unlock();
        }
    }

    private void watchLeases() {
        try {
            while (!end.await(LEASES_EVERY.toMillis(), TimeUnit.MILLISECONDS)) {
                lookedNanos = System.nanoTime();
                Thread.ofPlatform().daemon().name("hub-readings").start(readings::closeOver);
                for (String id : leases.over()) {
                    // A frozen export takes its time to end, which must not keep other leases from ending.
                    Thread.ofPlatform().daemon().name("hub-lease-end").start(() -> endLease(id));
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void endLease(String id) {
        try {
            endLease(id, Leases.Lease::isOver);
        } catch (RuntimeException e) {
            LOG.log(WARNING, () -> "backup=" + id + " its lease is over, but: " + e.getMessage());
        }
    }

    /** Where layers are served. */
    public Exports exports() {
        return exports;
    }

    /** Nobody writes it any more. Its layers stay for whoever goes on with it, until another backup of the VM begins. */
    public void letGo(String id) {
        endLease(id, _ -> true);
    }

    private void endLease(String id, Predicate<Leases.Lease> which) {
        Optional<Backup> backup = repository.find(id);
        leases.find(id)
                .filter(which)
                .ifPresent(lease -> inTurn(lease.vm(), () -> {
                    if (leases.find(id).filter(which).isPresent()) {
                        backup.ifPresent(this::endExports);
                        leases.end(id);
                        events.tell("lease", id, lease.vm(), new JsonObject());
                        LOG.log(INFO, () -> "backup=" + id + " lease=over; its layers stay");
                    }
                    return true;
                }));
    }

    @Override
    public void close() {
        end.countDown();
        verifying.close();
        alarms.close();
        exports.close();
        repository.close();
    }
}
