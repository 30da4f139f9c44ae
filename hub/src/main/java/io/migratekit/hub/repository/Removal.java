package io.migratekit.hub.repository;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** What may be removed, and what has to stay? The caller holds the VM. */
final class Removal {
    private static final System.Logger LOG = System.getLogger(Removal.class.getName());

    private final Catalog catalog;
    private final Layers layers;
    private final Merging merging;

    Removal(Catalog catalog, Layers layers, Merging merging) {
        this.catalog = catalog;
        this.layers = layers;
        this.merging = merging;
    }

    /** Refuses what must not be started, and removes the open backup that it takes the place of. */
    void makeWay(StartRequest request, Optional<Backup> known) {
        if (known.isPresent() && known.get().state() == Backup.State.SEALED) {
            throw new RepositoryException.Conflict(
                    "sealed", "backup " + request.id() + " is sealed already; choose another id");
        }
        for (Backup other : catalog.backups(Optional.of(request.vm()))) {
            if (other.state() == Backup.State.OPEN && !other.id().equals(request.id())) {
                if (!other.id().equals(request.supersede())) {
                    throw new RepositoryException.Conflict(
                            "locked", "backup " + other.id() + " of VM " + request.vm() + " is open; end it first");
                }
                abandon(other);
            }
        }
    }

    /** Removes the layers of an open backup. */
    void abandon(Backup backup) {
        // The record goes before the layers: one that no record names is removed at the next start.
        catalog.removeManifests(backup);
        catalog.removeOpen(backup);
        Catalog.layersOf(List.of(backup)).forEach(layers::remove);
    }

    /** Removes a restore point; with merge also one on which others stand, which then hold what they need of it. */
    void delete(String vm, String id, boolean merge, long freeBytes, SealProgress progress) {
        catalog.requireReadable(vm);
        finishWhatWasBegun(vm, id, merge, progress);
        Optional<Backup> found = catalog.find(id);
        if (found.isEmpty()) {
            return; // It was this one.
        }
        Backup point = found.get();
        requireDeletable(point);
        Set<String> standing = new TreeSet<>();
        for (String layer : Catalog.layersOf(List.of(point))) {
            for (String above : layers.standingOn(layer)) {
                standing.add(catalog.backups(Optional.of(vm)).stream()
                        .filter(other -> Catalog.layersOf(List.of(other)).contains(above))
                        .map(Backup::id)
                        .findFirst()
                        .orElse(above));
            }
        }
        if (standing.isEmpty()) {
            List<String> below = below(point);
            catalog.removeManifests(point);
            catalog.removePoint(vm, id);
            Catalog.layersOf(List.of(point)).forEach(layers::remove);
            removeUnnamed(vm, below);
        } else if (merge) {
            merging.merge(point, freeBytes, progress);
        } else {
            throw new RepositoryException.Conflict(
                    "has-increments",
                    "restore point " + id + " is needed by " + standing
                            + "; delete these first, or let it be merged into them");
        }
    }

    /** What the layers of a point stand on, from the top; no more than can be told, if the chain is damaged. */
    private List<String> below(Backup point) {
        List<String> all = new ArrayList<>();
        for (BackupDisk disk : point.disks()) {
            try {
                String layer = disk.layer();
                if (layer != null) {
                    all.addAll(layers.chain(layer, disk.capacityBytes()));
                }
            } catch (RepositoryException.Damaged e) {
                LOG.log(INFO, () -> "what restore point " + point.id() + " stands on is not known: " + e.getMessage());
            }
        }
        return all;
    }

    /** A merge that was given up leaves a layer without a record; it goes with the last one that stands on it. */
    private void removeUnnamed(String vm, List<String> below) {
        Set<String> named = Catalog.layersOf(catalog.backups(Optional.of(vm)));
        for (String layer : below) {
            if (!named.contains(layer)
                    && Files.exists(layers.path(layer), LinkOption.NOFOLLOW_LINKS)
                    && layers.standingOn(layer).isEmpty()) {
                layers.remove(layer);
            }
        }
    }

    /** A merge that cannot be finished is in the way of another one, and of whoever would remove what it needs. */
    private void finishWhatWasBegun(String vm, String id, boolean merge, SealProgress progress) {
        Optional<Merge> pending = merging.pending(vm);
        if (pending.isEmpty()) {
            return;
        }
        requireNoneOpen(vm);
        try {
            merging.finish(vm, progress);
        } catch (RepositoryException e) {
            boolean isPart = pending.get().point().equals(id)
                    || pending.get().steps().stream()
                            .anyMatch(step -> step.child().equals(id));
            if (merge || isPart) {
                throw e;
            }
            LOG.log(WARNING, () -> "vm=" + vm + " merge of " + pending.get().point() + " waits: " + e.getMessage());
        }
    }

    private void requireDeletable(Backup point) {
        if (point.state() == Backup.State.OPEN) {
            throw new RepositoryException.Conflict("open", "backup " + point.id() + " is open; abandon it instead");
        }
        Instant until = point.keepUntil();
        if (until != null && until.isAfter(Instant.now())) {
            throw new RepositoryException.Conflict("kept", "restore point " + point.id() + " is kept until " + until);
        }
        requireNoneOpen(point.vm());
    }

    private void requireNoneOpen(String vm) {
        for (Backup other : catalog.backups(Optional.of(vm))) {
            if (other.state() == Backup.State.OPEN) {
                throw new RepositoryException.Conflict(
                        "locked", "backup " + other.id() + " of the VM is open; wait until it ends");
            }
        }
    }
}
