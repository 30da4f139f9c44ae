package io.migratekit.hub.repository;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * How is a policy carried out? One point after the other, the oldest first, each a deletion of its own: what fails is told,
 * and the others go on. {@link Retention} decides.
 */
final class Pruning {
    private static final System.Logger LOG = System.getLogger(Pruning.class.getName());

    private final Catalog catalog;
    private final Layers layers;
    private final Merging merging;
    private final Predicate<Backup> isGood;
    private final ZoneId zone = ZoneId.systemDefault();

    Pruning(Catalog catalog, Layers layers, Merging merging, Predicate<Backup> isGood) {
        this.catalog = catalog;
        this.layers = layers;
        this.merging = merging;
        this.isGood = isGood;
    }

    /** What would be done. */
    Pruned look(String vm, RetentionPolicy policy) {
        List<Retention.Verdict> verdicts = decide(vm, policy);
        List<Pruned.Point> points = new ArrayList<>();
        for (Retention.Verdict verdict : verdicts) {
            Pruned.Outcome outcome = verdict.isKept() ? Pruned.Outcome.KEPT : Pruned.Outcome.UNWANTED;
            points.add(new Pruned.Point(verdict.point(), outcome, verdict.reasons(), 0, null));
        }
        return new Pruned(vm, policy, zone, false, busy(vm), points, mostBytes(verdicts));
    }

    /** Does it; whoever removes a point asks {@link #requireUnwanted} once more, when nobody else can change anything. */
    Pruned apply(String vm, RetentionPolicy policy, Consumer<String> remove) {
        if (busy(vm) == null) {
            // What a removal before has left to be done is done though nothing else may have to go.
            merging.pending(vm).map(Merge::point).ifPresent(point -> finish(point, remove));
        }
        Pruned looked = look(vm, policy);
        List<Pruned.Point> points = new ArrayList<>();
        String passedOver = null;
        for (Pruned.Point point : looked.points()) {
            Pruned.Point now = point;
            if (point.outcome() == Pruned.Outcome.UNWANTED && passedOver == null) {
                passedOver = Thread.currentThread().isInterrupted() ? "the hub is stopping" : busy(vm);
                now = passedOver == null ? removed(point.backup(), remove) : point;
                if (now.outcome() == Pruned.Outcome.FAILED) {
                    passedOver = busy(vm); // A backup began just before: that is no failure.
                    now = passedOver == null ? now : point;
                }
            }
            points.add(now);
        }
        return new Pruned(
                vm,
                policy,
                zone,
                true,
                passedOver == null ? looked.passedOver() : passedOver,
                points,
                looked.mostBytes());
    }

    /** Another one may be at it just now, and has done it when it is our turn. */
    private static void finish(String point, Consumer<String> remove) {
        try {
            remove.accept(point);
        } catch (RepositoryException.NotFound e) {
            LOG.log(INFO, () -> "the removal of restore point " + point + " is finished already");
        }
    }

    private Pruned.Point removed(Backup point, Consumer<String> remove) {
        long before = bytes(point.vm());
        try {
            remove.accept(point.id());
        } catch (RepositoryException e) {
            LOG.log(
                    WARNING,
                    () -> "vm=" + point.vm() + " restore point " + point.id() + " is not wanted, but was not removed: "
                            + e.getMessage());
            long freed = Math.max(0, before - bytes(point.vm()));
            return new Pruned.Point(point, Pruned.Outcome.FAILED, List.of(), freed, e);
        }
        long freed = Math.max(0, before - bytes(point.vm()));
        LOG.log(INFO, () -> "vm=" + point.vm() + " pruned=" + point.id() + " freed-bytes=" + freed);
        return new Pruned.Point(point, Pruned.Outcome.REMOVED, List.of(), freed, null);
    }

    /** Between the decision and the removal others may have removed what was to be kept. */
    void requireUnwanted(Backup point, RetentionPolicy policy) {
        for (Retention.Verdict verdict : decide(point.vm(), policy)) {
            if (verdict.point().id().equals(point.id()) && verdict.isKept()) {
                throw new RepositoryException.Conflict(
                        "kept",
                        "restore point " + point.id() + " is kept now: " + String.join(", ", verdict.reasons()));
            }
        }
    }

    private List<Retention.Verdict> decide(String vm, RetentionPolicy policy) {
        catalog.requireReadable(vm);
        return Retention.decide(catalog.backups(Optional.of(vm)), policy, Instant.now(), zone, isGood);
    }

    private @Nullable String busy(String vm) {
        return catalog.backups(Optional.of(vm)).stream()
                .filter(one -> one.state() == Backup.State.OPEN)
                .findFirst()
                .map(open -> "backup " + open.id() + " is open, so nothing of VM " + vm
                        + " is removed; wait until it ends, or abandon it")
                .orElse(null);
    }

    private long bytes(String vm) {
        long bytes = 0;
        for (Path disk : Disk.list(catalog.vmFolder(vm).resolve("disks"))) {
            for (Path file : Disk.list(disk)) {
                String name = file.getFileName().toString();
                if (Layers.isName(name)) {
                    bytes += layers.bytes("vms/" + vm + "/disks/" + disk.getFileName() + "/" + name);
                }
            }
        }
        return bytes;
    }

    /**
     * Layers that are merged become one that is no smaller than the largest of them, and all of a layer goes on which
     * nothing stands that is kept.
     */
    private long mostBytes(List<Retention.Verdict> verdicts) {
        Set<String> going = new HashSet<>(Catalog.layersOf(verdicts.stream()
                .filter(one -> !one.isKept())
                .map(Retention.Verdict::point)
                .toList()));
        Set<String> staying = Catalog.layersOf(verdicts.stream()
                .filter(Retention.Verdict::isKept)
                .map(Retention.Verdict::point)
                .toList());
        going.removeAll(staying);
        Map<String, Long> sizes = new TreeMap<>();
        going.forEach(layer -> sizes.put(layer, layers.bytes(layer)));
        long most = 0;
        for (String layer : staying) {
            long largest = layers.bytes(layer);
            long all = largest;
            for (Optional<String> below = below(layer);
                    below.filter(going::contains).isPresent(); ) {
                String next = below.get();
                going.remove(next);
                long bytes = sizes.getOrDefault(next, 0L);
                largest = Math.max(largest, bytes);
                all += bytes;
                below = below(next);
            }
            most += all - largest;
        }
        return most
                + going.stream()
                        .mapToLong(layer -> sizes.getOrDefault(layer, 0L))
                        .sum();
    }

    /** Nothing, if the layer cannot be read: the deletion will say so. */
    private Optional<String> below(String layer) {
        try {
            return layers.below(layer);
        } catch (RepositoryException e) {
            return Optional.empty();
        }
    }
}
