package io.migratekit.hub.repository;

import io.migratekit.nbd.proof.CellList;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** How does an open backup become a restore point? Proved, read-only, recorded, in this order. The caller holds the VM. */
final class Seal {
    private final Catalog catalog;
    private final Layers layers;
    private final HashStore hashes;
    private final QemuImg qemu;
    private final Proofs proofs;
    private final Duration keepAtLeast;

    Seal(Catalog catalog, Layers layers, HashStore hashes, QemuImg qemu, Proofs proofs, Duration keepAtLeast) {
        this.catalog = catalog;
        this.layers = layers;
        this.hashes = hashes;
        this.qemu = qemu;
        this.proofs = proofs;
        this.keepAtLeast = keepAtLeast;
    }

    Backup seal(Backup backup, SealRequest request, SealProgress progress) {
        Map<Integer, SealDisk> said = new TreeMap<>();
        request.disks().forEach(disk -> said.put(disk.key(), disk));
        for (BackupDisk disk : backup.disks()) {
            if (said.remove(disk.key()) == null) {
                throw new RepositoryException.BadRequest("disk " + disk.key() + " of backup " + backup.id()
                        + " is neither sealed nor said to be missing; say which");
            }
        }
        if (!said.isEmpty()) {
            throw new RepositoryException.BadRequest("backup " + backup.id() + " has no disks " + said.keySet());
        }
        request.disks().forEach(disk -> said.put(disk.key(), disk));
        List<BackupDisk> disks = new ArrayList<>();
        for (BackupDisk disk : backup.disks()) {
            SealDisk one = Objects.requireNonNull(said.get(disk.key()));
            disks.add(one.missing() != null ? missing(disk, one) : prove(disk, one, progress));
        }
        return record(backup, request, disks);
    }

    private Backup record(Backup backup, SealRequest request, List<BackupDisk> disks) {
        Instant now = Instant.now();
        Backup point = new Backup(
                backup.id(),
                backup.vm(),
                backup.vmName(),
                Backup.State.SEALED,
                disks.stream().allMatch(disk -> disk.missing() == null),
                backup.startedAt(),
                request.takenAt(),
                now,
                now.plus(keepAtLeast),
                request.quiesced(),
                request.agent(),
                request.configuration(),
                disks);
        // Not before all disks are proved: until then the backup can be written to again.
        Catalog.layersOf(List.of(point)).forEach(layers::makeReadOnly);
        catalog.writePoint(point);
        catalog.removeOpen(backup);
        for (String layer : Catalog.layersOf(List.of(backup))) {
            if (Catalog.layersOf(List.of(point)).contains(layer)) {
                Disk.remove(layers.path(layer, Layers.PUT));
            } else {
                layers.remove(layer);
            }
        }
        return point;
    }

    private static BackupDisk missing(BackupDisk disk, SealDisk said) {
        return new BackupDisk(
                disk.key(),
                disk.label(),
                disk.capacityBytes(),
                disk.kind(),
                disk.why(),
                null,
                0,
                null,
                null,
                null,
                null,
                said.missing());
    }

    private BackupDisk prove(BackupDisk disk, SealDisk said, SealProgress progress) {
        String layer = Objects.requireNonNull(disk.layer());
        requireChain(disk, layer);
        // Clusters that nobody uses are all that the end of its writer may have left, and no damage.
        qemu.repairLeaks(layers.file(layer));
        if (said.hashes() != null && !hashes.isPut(layer)) {
            throw new RepositoryException.BadRequest(
                    "the hashes of disk " + disk.key() + " were not put before the seal");
        }
        String root = list(disk, layer, said.hashes(), progress);
        Disk.sync(layers.file(layer));
        // From here on no byte of the file may change; what stands on damage that is known is not called good.
        proofs.write(layer, new LayerProof(root, null, null, inherited(disk, layer), layers.structure(layer)));
        return new BackupDisk(
                disk.key(),
                disk.label(),
                disk.capacityBytes(),
                disk.kind(),
                said.reason() != null ? said.reason() : disk.why(),
                layer,
                layers.bytes(layer),
                disk.parent(),
                root,
                said.hashes() == null ? "hub" : "agent",
                said.moment(),
                null);
    }

    private List<Damage> inherited(BackupDisk disk, String layer) {
        Parent parent = disk.parent();
        return parent == null
                ? List.of()
                : layers.below(layer)
                        .map(below -> proofs.damage(below, parent.root()))
                        .orElse(List.of());
    }

    /** What it was opened over is still what it stands on, and has the sizes that were recorded. */
    private void requireChain(BackupDisk disk, String layer) {
        List<String> chain = layers.chain(layer, disk.capacityBytes());
        if ((chain.size() > 1) != (disk.parent() != null)) {
            throw Layers.damaged(
                    layer,
                    disk.parent() == null
                            ? "the layer was opened as a full one, but stands on " + chain.get(1)
                            : "the layer was opened as an increment, but stands on nothing");
        }
        requireSizes(catalog.backups(Optional.of(Layers.vm(layer))), chain);
    }

    /** A sealed file does not change; one whose size did is no longer what was proved. */
    void requireSizes(List<Backup> backups, List<String> chain) {
        for (Backup point : backups) {
            for (BackupDisk disk : point.disks()) {
                String layer = disk.layer();
                if (point.state() == Backup.State.SEALED
                        && layer != null
                        && chain.contains(layer)
                        && layers.bytes(layer) != disk.layerBytes()) {
                    throw Layers.damaged(
                            layer,
                            "the file " + layers.path(layer) + " has " + layers.bytes(layer) + " bytes, but "
                                    + disk.layerBytes() + " when it was sealed; make a full backup");
                }
            }
        }
    }

    /** The root of the layer's full list, which is written. */
    private String list(BackupDisk disk, String layer, @Nullable String saidRoot, SealProgress progress) {
        Parent parent = disk.parent();
        String below = parent == null ? null : layers.below(layer).orElseThrow();
        Path belowFile = below == null ? null : layers.file(below);
        try (CellList told = saidRoot == null ? null : hashes.put(layer);
                CellList before = below == null || parent == null ? null : hashes.proved(below, parent.root())) {
            if (told != null
                    && (!told.file().rootHex().equals(saidRoot) || told.file().diskBytes() != disk.capacityBytes())) {
                throw new RepositoryException.BadRequest(
                        "the hashes that were put for disk " + disk.key() + " are not those that the seal names");
            }
            Proof.Base base = below == null || belowFile == null || before == null
                    ? null
                    : new Proof.Base(below, belowFile, before);
            Path into = layers.path(layer, Layers.HASHES);
            Steps.next("list " + into);
            return new Proof(disk.key(), disk.capacityBytes(), layer)
                    .list(layers.file(layer), told, base, into, progress);
        } catch (RepositoryException e) {
            throw e;
        } catch (UncheckedIOException e) {
            throw Disk.storage("cannot prove " + layer, e);
        } catch (RuntimeException e) {
            throw new RepositoryException.Storage("cannot prove " + layer + ": " + e.getMessage(), e);
        }
    }
}
