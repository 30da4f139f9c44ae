package io.migratekit.hub.repository;

import static java.lang.System.Logger.Level.INFO;

import io.migratekit.nbd.proof.CellList;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * How does a restore point go on which others stand? Its journal comes first and its record goes; then, disk by disk, what
 * its child's layer holds is copied into the layer below, which is proved to have the child's content, and takes its
 * place. What is copied down is still there above until then, so the child can be read at every moment. Each step can be
 * done again, and the next one who comes finishes what was begun. The caller holds the VM.
 */
final class Merging {
    private static final System.Logger LOG = System.getLogger(Merging.class.getName());
    /** Tables of QCOW2, records and lists, besides the data. */
    private static final long OVERHEAD_BYTES = 1 << 20;

    private final Catalog catalog;
    private final Layers layers;
    private final HashStore hashes;
    private final QemuImg qemu;

    Merging(Catalog catalog, Layers layers, HashStore hashes, QemuImg qemu) {
        this.catalog = catalog;
        this.layers = layers;
        this.hashes = hashes;
        this.qemu = qemu;
    }

    /** What is under way for a VM. */
    Optional<Merge> pending(String vm) {
        return Disk.read(journal(vm), fields -> Merge.read(vm, fields));
    }

    /** The VM of which this restore point is being deleted. */
    Optional<String> vmOf(String point) {
        return catalog.vmIds().stream()
                .filter(vm ->
                        pending(vm).filter(merge -> merge.point().equals(point)).isPresent())
                .findFirst();
    }

    private Path journal(String vm) {
        return catalog.vmFolder(vm).resolve("merge.json");
    }

    /** Deletes a restore point, after it was looked whether that will succeed. */
    void merge(Backup point, long freeBytes, SealProgress progress) {
        List<Merge.Step> steps = new ArrayList<>();
        List<String> alone = new ArrayList<>();
        for (BackupDisk disk : point.disks()) {
            String layer = disk.layer();
            if (layer != null) {
                Optional<Merge.Step> step = step(point, disk, layer);
                step.ifPresent(steps::add);
                if (step.isEmpty()) {
                    alone.add(layer);
                }
            }
        }
        long needed = steps.stream()
                .mapToLong(step -> layers.bytes(step.from()) + OVERHEAD_BYTES)
                .max()
                .orElse(0);
        if (freeBytes < needed) {
            throw new RepositoryException.NoSpace("to merge restore point " + point.id() + " up to " + needed
                    + " bytes are needed for a while, but only " + freeBytes
                    + " are free; delete newer points or enlarge the file system");
        }
        for (Merge.Step step : steps) {
            requireUnused(step);
        }
        Disk.write(journal(point.vm()), new Merge(point.id(), steps, alone).toJson());
        finish(point.vm(), progress);
    }

    private Optional<Merge.Step> step(Backup point, BackupDisk disk, String layer) {
        layers.chain(layer, disk.capacityBytes());
        List<String> above = layers.standingOn(layer);
        if (above.isEmpty()) {
            return Optional.empty();
        }
        String from = above.getFirst();
        Backup child = catalog.backups(Optional.of(point.vm())).stream()
                .filter(one -> Catalog.layersOf(List.of(one)).contains(from))
                .findFirst()
                .orElse(null);
        if (above.size() > 1 || child == null || child.state() != Backup.State.SEALED) {
            throw new RepositoryException.Conflict(
                    "cannot-merge",
                    "on " + layer + " stand " + above + ", which is not one sealed layer; delete what is newer first");
        }
        BackupDisk childDisk = disk(child, disk.key());
        Parent parent = childDisk.parent();
        if (parent == null || !parent.root().equals(disk.root())) {
            throw Layers.damaged(
                    from,
                    "the layer was made over the content " + (parent == null ? "of nothing" : parent.root())
                            + ", but stands on " + layer + " with " + disk.root());
        }
        layers.chain(from, disk.capacityBytes());
        hashes.proved(from, Objects.requireNonNull(childDisk.root())).close();
        String why = disk.kind() == BackupDisk.Kind.FULL ? "restore point " + point.id() + " was merged into it" : null;
        return Optional.of(new Merge.Step(disk.key(), child.id(), from, layer, disk.kind(), why, disk.parent()));
    }

    private void requireUnused(Merge.Step step) {
        for (String layer : List.of(step.from(), step.into())) {
            layers.makeWritable(layer);
            boolean isInUse = layers.isInUse(layer);
            layers.makeReadOnly(layer);
            if (isInUse) {
                throw new RepositoryException.Conflict(
                        "locked", "layer " + layer + " is being read by another process; wait until it ends");
            }
        }
    }

    /** Does what is left of a merge, or all of it; nothing, if none is under way. */
    void finish(String vm, SealProgress progress) {
        Optional<Merge> pending = pending(vm);
        if (pending.isEmpty()) {
            return;
        }
        try {
            finish(vm, pending.get(), progress);
        } catch (RepositoryException.Damaged e) {
            // It would fail for ever. What was copied down is still there above, so all is as right as it was before.
            Disk.remove(journal(vm));
            throw Layers.damaged(
                    e.layer(),
                    "restore point " + pending.get().point()
                            + " is gone, but what others need of it stays in its layers: " + e.getMessage());
        }
    }

    private void finish(String vm, Merge merge, SealProgress progress) {
        LOG.log(INFO, () -> "vm=" + vm + " merge of " + merge.point() + " into " + merge.steps());
        catalog.removePoint(vm, merge.point());
        for (Merge.Step step : merge.steps()) {
            Backup child = catalog.require(step.child());
            if (!step.into().equals(disk(child, step.key()).layer())) {
                commit(step, disk(child, step.key()), progress);
            }
            takePlace(step, child);
            for (String above : layers.standingOn(step.from())) {
                standOn(above, step.into(), isSealed(vm, above));
            }
            layers.remove(step.from());
        }
        merge.alone().forEach(layers::remove);
        Disk.remove(journal(vm));
    }

    /** The layer below gets what the child's layer holds, and is proved to be what the child is. */
    private void commit(Merge.Step step, BackupDisk child, SealProgress progress) {
        if (!layers.below(step.from()).equals(Optional.of(step.into()))) {
            throw Layers.damaged(step.from(), "the layer no longer stands on " + step.into());
        }
        layers.makeWritable(step.from());
        layers.makeWritable(step.into());
        progress.at(step.key(), "merging", 0, child.capacityBytes());
        qemu.commit(layers.file(step.from()));
        qemu.repairLeaks(layers.file(step.into()));
        layers.makeReadOnly(step.into());
        Disk.sync(layers.file(step.into()));
        try (CellList proved = hashes.proved(step.from(), Objects.requireNonNull(child.root()))) {
            new Proof(step.key(), child.capacityBytes(), step.into())
                    .requireHolds(layers.file(step.into()), proved, progress);
        }
        hashes.copy(step.from(), step.into());
    }

    /** The child's record names the merged layer; what it was merged from only has to be there for those above. */
    private void takePlace(Merge.Step step, Backup child) {
        List<BackupDisk> disks = new ArrayList<>();
        for (BackupDisk disk : child.disks()) {
            disks.add(disk.key() == step.key() ? merged(disk, step) : disk);
        }
        catalog.writePoint(new Backup(
                child.id(),
                child.vm(),
                child.vmName(),
                child.state(),
                child.complete(),
                child.startedAt(),
                child.takenAt(),
                child.sealedAt(),
                child.keepUntil(),
                child.quiesced(),
                child.agent(),
                child.configuration(),
                disks));
    }

    private BackupDisk merged(BackupDisk disk, Merge.Step step) {
        return new BackupDisk(
                disk.key(),
                disk.label(),
                disk.capacityBytes(),
                step.kind(),
                step.why(),
                step.into(),
                layers.bytes(step.into()),
                step.parent(),
                disk.root(),
                disk.hashedBy(),
                disk.moment(),
                disk.missing());
    }

    private void standOn(String layer, String other, boolean isSealed) {
        layers.makeWritable(layer);
        qemu.standOn(layers.file(layer), Layers.name(other));
        Disk.sync(layers.file(layer));
        if (isSealed) {
            layers.makeReadOnly(layer);
        }
    }

    private boolean isSealed(String vm, String layer) {
        return catalog.backups(Optional.of(vm)).stream()
                .anyMatch(backup -> backup.state() == Backup.State.SEALED
                        && Catalog.layersOf(List.of(backup)).contains(layer));
    }

    private static BackupDisk disk(Backup backup, int key) {
        return backup.disks().stream()
                .filter(disk -> disk.key() == key)
                .findFirst()
                .orElseThrow(() -> new RepositoryException.NotFound("backup " + backup.id() + " has no disk " + key));
    }
}
