package io.migratekit.hub.repository;

import static java.lang.System.Logger.Level.INFO;

import io.migratekit.nbd.proof.CellList;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * How does a restore point go on which others stand? What stands on it is read first. Then its journal is written and its record
 * goes; and disk by disk what its child's layer holds is copied into the layer below, which is proved to have the child's
 * content, and takes its place. What is copied down is still there above until then, so the child can be read at every moment. Each step can be
 * done again, and the next one who comes finishes what was begun. The caller holds the VM.
 */
final class Merging {
    private static final System.Logger LOG = System.getLogger(Merging.class.getName());

    private final Catalog catalog;
    private final Layers layers;
    private final HashStore hashes;
    private final QemuImg qemu;
    private final Proofs proofs;
    private final MergeCheck check;

    Merging(Catalog catalog, Layers layers, HashStore hashes, QemuImg qemu, Proofs proofs) {
        this.catalog = catalog;
        this.layers = layers;
        this.hashes = hashes;
        this.qemu = qemu;
        this.proofs = proofs;
        this.check = new MergeCheck(catalog, layers, hashes);
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
        return journal(catalog, vm);
    }

    private static Path journal(Catalog catalog, String vm) {
        return catalog.vmFolder(vm).resolve("merge.json");
    }

    /** Whether layers of the VM are being written to because a point is deleted. */
    static boolean isUnderWay(Catalog catalog, String vm) {
        return Files.exists(journal(catalog, vm));
    }

    /** Deletes a restore point, after it was looked whether that will succeed. */
    void merge(Backup point, long freeBytes, SealProgress progress) {
        Merge merge = check.of(point, freeBytes, progress);
        Disk.write(journal(point.vm()), merge.toJson());
        finish(point.vm(), merge, true, progress);
    }

    /** Does what a process before left of a merge, or all of it; nothing, if none is under way. */
    void finish(String vm, SealProgress progress) {
        pending(vm).ifPresent(merge -> finish(vm, merge, false, progress));
    }

    /** @param isKnown whether what stands on the point was read just now, and found to be right */
    private void finish(String vm, Merge merge, boolean isKnown, SealProgress progress) {
        try {
            LOG.log(INFO, () -> "vm=" + vm + " " + merge.told());
            catalog.find(merge.point()).ifPresent(catalog::removeManifests);
            catalog.removePoint(vm, merge.point());
            for (Merge.Step step : merge.steps()) {
                Backup child = catalog.require(step.child());
                if (!step.into().equals(child.disk(step.key()).layer())) {
                    commit(step, child.disk(step.key()), isKnown, progress);
                    check.know(
                            step.into(),
                            Objects.requireNonNull(child.disk(step.key()).root()));
                }
                takePlace(step, child);
                for (String above : layers.standingOn(step.from())) {
                    standOn(above, step.into(), isSealed(vm, above));
                }
                layers.remove(step.from());
            }
        } catch (RepositoryException.Damaged e) {
            // It would fail for ever. What was copied down is still there above, so all is as right as it was before.
            giveUp(vm, merge);
            throw new RepositoryException.Damaged(
                    e.layer(),
                    e.offset(),
                    "restore point " + merge.point() + " is gone, but what others need of it stays in its layers: "
                            + e.getMessage());
        }
        merge.alone().forEach(layers::remove);
        Disk.remove(journal(vm));
    }

    /** Nobody needs the layers that stood alone, and nobody writes to the others any more. */
    private void giveUp(String vm, Merge merge) {
        merge.alone().forEach(layers::remove);
        for (Merge.Step step : merge.steps()) {
            makeReadOnly(step);
        }
        Disk.remove(journal(vm));
    }

    private void makeReadOnly(Merge.Step step) {
        for (String layer : List.of(step.from(), step.into())) {
            if (Files.isRegularFile(layers.path(layer), LinkOption.NOFOLLOW_LINKS)) {
                layers.makeReadOnly(layer);
            }
        }
    }

    /** The layer below gets what the child's layer holds, and is proved to be what the child is. */
    private void commit(Merge.Step step, BackupDisk child, boolean isKnown, SealProgress progress) {
        if (!layers.below(step.from()).equals(Optional.of(step.into()))) {
            throw Layers.damaged(step.from(), "the layer no longer stands on " + step.into());
        }
        try {
            layers.makeWritable(step.from());
            Disk.remove(layers.path(step.into(), Layers.PROOF)); // It spoke of another content.
            layers.makeWritable(step.into());
            progress.at(step.key(), "merging", 0, child.capacityBytes());
            qemu.commit(layers.file(step.from()));
            qemu.repairLeaks(layers.file(step.into()));
        } finally {
            makeReadOnly(step);
        }
        Disk.sync(layers.file(step.into()));
        prove(step, child, isKnown, progress);
        hashes.copy(step.from(), step.into());
        proofs.write(
                step.into(),
                new LayerProof(
                        Objects.requireNonNull(child.root()), null, null, List.of(), layers.structure(step.into())));
    }

    /** All of it is read; or only what was written just now, when all of it was read before that. */
    private void prove(Merge.Step step, BackupDisk child, boolean isKnown, SealProgress progress) {
        String remedy = "what was merged into " + step.into() + " is given up; make a full backup of the VM";
        MergeCheck.reading(step.into(), remedy, () -> {
            try (CellList proved = hashes.proved(step.from(), Objects.requireNonNull(child.root()))) {
                Proof proof = new Proof(step.key(), child.capacityBytes(), step.into());
                Path into = layers.file(step.into());
                List<String> chain = layers.chain(step.into(), child.capacityBytes());
                if (isKnown) {
                    proof.requireWritten(into, chain, layers.file(step.from()), proved, remedy, progress);
                } else {
                    proof.requireAll(into, chain, proved, remedy, progress);
                }
            }
            return true;
        });
    }

    /** The child's record names the merged layer; what it was merged from only has to be there for those above. */
    private void takePlace(Merge.Step step, Backup child) {
        List<BackupDisk> disks = new ArrayList<>();
        for (BackupDisk disk : child.disks()) {
            disks.add(disk.key() == step.key() ? merged(disk, step) : disk);
        }
        catalog.writePoint(child.with(disks));
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
        try {
            layers.makeWritable(layer);
            proofs.structureChanges(layer); // That its header changes is no damage.
            qemu.standOn(layers.file(layer), Layers.name(other));
            Disk.sync(layers.file(layer));
            proofs.structureIsNew(layer);
        } finally {
            if (isSealed) {
                layers.makeReadOnly(layer);
            }
        }
    }

    private boolean isSealed(String vm, String layer) {
        return catalog.backups(Optional.of(vm)).stream()
                .anyMatch(backup -> backup.state() == Backup.State.SEALED
                        && Catalog.layersOf(List.of(backup)).contains(layer));
    }
}
