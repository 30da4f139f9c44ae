package io.migratekit.hub.repository;

import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Which layers does a new backup get? The caller holds the VM. */
final class Opening {
    private final Repository repository;
    private final Path folder;
    private final QemuImg qemu;

    Opening(Repository repository, Path folder, QemuImg qemu) {
        this.repository = repository;
        this.folder = folder;
        this.qemu = qemu;
    }

    Backup open(StartRequest request, Optional<Backup> known) {
        Path vm = repository.vmFolder(request.vm());
        Disk.folder(vm.resolve("open"));
        Disk.folder(vm.resolve("points"));
        List<BackupDisk> disks = new ArrayList<>();
        List<String> replaced = new ArrayList<>();
        for (StartDisk wanted : request.disks()) {
            Optional<BackupDisk> old = known.flatMap(backup -> backup.disks().stream()
                    .filter(disk -> disk.key() == wanted.key())
                    .findFirst());
            if (old.isPresent() && fits(old.get(), wanted)) {
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
            Disk.write(vm.resolve("open").resolve(request.id() + ".json"), backup);
        }
        replaced.forEach(layer -> Disk.remove(folder.resolve(layer)));
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
                : repository
                        .vm(request.vm())
                        .map(Vm::name)
                        .orElseThrow(() -> new RepositoryException.BadRequest(
                                "VM " + request.vm() + " is not known here: name it, or push its inventory first"));
    }

    private BackupDisk layer(String vm, StartDisk wanted) {
        Path disk = repository.vmFolder(vm).resolve("disks").resolve(Integer.toString(wanted.key()));
        Disk.folder(disk);
        Optional<Parent> parent = wanted.kind() == StartDisk.Wanted.FULL ? Optional.empty() : parent(vm, wanted);
        if (parent.isEmpty() && wanted.kind() == StartDisk.Wanted.INCREMENTAL) {
            throw new RepositoryException.Conflict(
                    "wrong-kind",
                    "disk " + wanted.key() + " of VM " + vm
                            + " has no restore point of the same size to stand on; ask for a full one");
        }
        Path file = disk.resolve("%04d.qcow2".formatted(number(disk)));
        parent.ifPresentOrElse(
                one -> qemu.createIncrement(
                        file, folder.resolve(one.layer()).getFileName().toString(), wanted.capacityBytes()),
                () -> qemu.createFull(file, wanted.capacityBytes()));
        String why = parent.isPresent()
                ? null
                : wanted.kind() == StartDisk.Wanted.FULL ? "it was asked for" : "there is no parent of the same size";
        return new BackupDisk(
                wanted.key(),
                wanted.label(),
                wanted.capacityBytes(),
                parent.isPresent() ? BackupDisk.Kind.INCREMENTAL : BackupDisk.Kind.FULL,
                why,
                folder.relativize(file).toString(),
                0,
                parent.orElse(null),
                null,
                null,
                null,
                null);
    }

    /** The newest sealed layer of the disk, if it has the same size; a newer one of another size ends the chain. */
    private Optional<Parent> parent(String vm, StartDisk wanted) {
        Parent newest = null;
        for (Backup point : repository.backups(Optional.of(vm))) {
            for (BackupDisk disk : point.disks()) {
                String layer = disk.layer();
                String root = disk.root();
                if (point.state() == Backup.State.SEALED
                        && disk.key() == wanted.key()
                        && layer != null
                        && root != null) {
                    newest = disk.capacityBytes() == wanted.capacityBytes()
                            ? new Parent(point.id(), root, disk.moment(), layer)
                            : null;
                }
            }
        }
        return Optional.ofNullable(newest);
    }

    /** A number that no layer of the disk ever had; it is used up before the layer is made. */
    private static int number(Path disk) {
        Path next = disk.resolve("next");
        try {
            int number =
                    Files.exists(next) ? Integer.parseInt(Files.readString(next).strip()) : 1;
            SafeFiles.replace(
                    next, (number + 1 + "\n").getBytes(StandardCharsets.US_ASCII), SafeFiles.Survives.POWER_CUT);
            return number;
        } catch (IOException e) {
            throw Disk.storage("cannot count layers in " + disk, e);
        }
    }
}
