package io.migratekit.hub.repository;

import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Which layers does a new backup get? The caller holds the VM. */
final class Opening {
    /** qemu-img rounds up to them, and the layer would be larger than the disk. */
    private static final int SECTOR = 512;

    private final Catalog catalog;
    private final Layers layers;
    private final Seal seal;
    private final HashStore hashes;
    private final Proofs proofs;
    private final QemuImg qemu;

    Opening(Catalog catalog, Layers layers, HashStore hashes, Seal seal, Proofs proofs, QemuImg qemu) {
        this.catalog = catalog;
        this.layers = layers;
        this.hashes = hashes;
        this.seal = seal;
        this.proofs = proofs;
        this.qemu = qemu;
    }

    static void requireSensible(StartRequest request) {
        long keys = request.disks().stream().mapToInt(StartDisk::key).distinct().count();
        if (request.disks().isEmpty()
                || keys != request.disks().size()
                || request.disks().stream()
                        .anyMatch(disk ->
                                disk.key() < 0 || disk.capacityBytes() < 1 || disk.capacityBytes() % SECTOR != 0)) {
            throw new RepositoryException.BadRequest("backup " + request.id()
                    + " must name at least one disk, each once, with a key from 0 and a size in whole sectors of "
                    + SECTOR + " bytes");
        }
    }

    Backup open(StartRequest request, Optional<Backup> known) {
        List<BackupDisk> disks = new ArrayList<>();
        List<String> replaced = new ArrayList<>();
        for (StartDisk wanted : request.disks()) {
            Optional<BackupDisk> old = known.flatMap(backup -> backup.disks().stream()
                    .filter(disk -> disk.key() == wanted.key())
                    .findFirst());
            if (old.isPresent() && fits(old.get(), wanted)) {
                // A seal may have ended after it had made the layer read-only.
                layers.makeWritable(Objects.requireNonNull(old.get().layer()));
                disks.add(old.get());
            } else {
                old.map(BackupDisk::layer).ifPresent(replaced::add);
                disks.add(layer(request.vm(), wanted));
            }
        }
        known.ifPresent(backup -> backup.disks().stream()
                .filter(disk -> request.disks().stream().noneMatch(wanted -> wanted.key() == disk.key()))
                .forEach(disks::add));
        Backup backup = new Backup(
                request.id(),
                request.vm(),
                name(request),
                Backup.State.OPEN,
                false,
                known.map(Backup::startedAt).orElseGet(Instant::now),
                null,
                null,
                null,
                null,
                null,
                null,
                disks);
        if (!known.equals(Optional.of(backup))) {
            catalog.writeOpen(backup);
        }
        replaced.forEach(layers::remove);
        return backup;
    }

    private static boolean fits(BackupDisk old, StartDisk wanted) {
        return old.capacityBytes() == wanted.capacityBytes()
                && (wanted.kind() != StartDisk.Wanted.FULL || old.kind() == BackupDisk.Kind.FULL)
                && (wanted.kind() != StartDisk.Wanted.INCREMENTAL || old.kind() == BackupDisk.Kind.INCREMENTAL);
    }

    private String name(StartRequest request) {
        String name = request.name();
        return name != null
                ? name
                : catalog.vm(request.vm())
                        .map(Vm::name)
                        .orElseThrow(() -> new RepositoryException.BadRequest(
                                "VM " + request.vm() + " is not known here: name it, or push its inventory first"));
    }

    /** On what a new layer stands, or why it stands on nothing. */
    private record Standing(@Nullable Parent parent, String layer, String why) {
        static Standing none(String why) {
            return new Standing(null, "", why);
        }
    }

    private BackupDisk layer(String vm, StartDisk wanted) {
        Path folder = catalog.vmFolder(vm).resolve("disks").resolve(Integer.toString(wanted.key()));
        Disk.folder(folder);
        Standing standing =
                wanted.kind() == StartDisk.Wanted.FULL ? Standing.none("it was asked for") : standing(vm, wanted);
        if (standing.parent() == null && wanted.kind() == StartDisk.Wanted.INCREMENTAL) {
            throw new RepositoryException.Conflict(
                    "wrong-kind",
                    "disk " + wanted.key() + " of VM " + vm + " cannot have an increment: " + standing.why()
                            + "; ask for a full one");
        }
        String layer = "vms/%s/disks/%d/%04d.qcow2".formatted(vm, wanted.key(), number(folder));
        boolean isIncrement = standing.parent() != null;
        if (isIncrement) {
            qemu.createIncrement(layers.path(layer), Layers.name(standing.layer()), wanted.capacityBytes());
        } else {
            qemu.createFull(layers.path(layer), wanted.capacityBytes());
        }
        return new BackupDisk(
                wanted.key(),
                wanted.label(),
                wanted.capacityBytes(),
                isIncrement ? BackupDisk.Kind.INCREMENTAL : BackupDisk.Kind.FULL,
                isIncrement ? null : standing.why(),
                layer,
                0,
                standing.parent(),
                null,
                null,
                null,
                null);
    }

    /** The newest sealed layer of the disk, if it has the same size and is whole; another one is never taken for it. */
    private Standing standing(String vm, StartDisk wanted) {
        List<Unreadable> unreadable = catalog.unreadable(Optional.of(vm));
        if (!unreadable.isEmpty()) {
            return Standing.none("a record of the VM cannot be read: " + unreadable);
        }
        List<Backup> backups = catalog.backups(Optional.of(vm));
        Standing newest = Standing.none("the disk has no restore point");
        for (Backup point : backups) {
            for (BackupDisk disk : point.disks()) {
                String layer = disk.layer();
                String root = disk.root();
                if (point.state() == Backup.State.SEALED
                        && disk.key() == wanted.key()
                        && layer != null
                        && root != null) {
                    newest = disk.capacityBytes() == wanted.capacityBytes()
                            ? new Standing(new Parent(point.id(), root, disk.moment()), layer, "")
                            : Standing.none("the disk had " + disk.capacityBytes() + " bytes before");
                }
            }
        }
        try {
            Parent parent = newest.parent();
            if (parent != null) {
                List<String> chain = layers.chain(newest.layer(), wanted.capacityBytes());
                seal.requireSizes(backups, chain);
                List<Damage> known = proofs.damage(backups, chain);
                if (!known.isEmpty()) {
                    return Standing.none("what it would stand on is known to be damaged: " + known.getFirst()
                            + "; `migratekit hub verify` looks again");
                }
                if (!hashes.hasRoot(newest.layer(), parent.root())) {
                    return Standing.none(
                            "the hashes of " + newest.layer() + " are missing, or not those of its content");
                }
            }
            return newest;
        } catch (RepositoryException.Damaged e) {
            return Standing.none("what it would stand on is damaged: " + e.getMessage());
        }
    }

    /** A number that no layer of the disk ever had; it is used up before the layer is made. */
    private static int number(Path disk) {
        Path next = disk.resolve("next");
        int highest = 0;
        for (Path file : Disk.list(disk)) {
            String name = file.getFileName().toString();
            highest = Layers.isName(name) ? Math.max(highest, Layers.number(name)) : highest;
        }
        try {
            String said = SafeFiles.read(next).orElse("1").strip();
            int number = Math.max(highest + 1, said.matches("[0-9]{1,9}") ? Integer.parseInt(said) : 1);
            Steps.next("write " + next);
            SafeFiles.replace(
                    next, (number + 1 + "\n").getBytes(StandardCharsets.US_ASCII), SafeFiles.Survives.POWER_CUT);
            return number;
        } catch (IOException e) {
            throw Disk.storage("cannot count layers in " + disk, e);
        }
    }
}
