package io.migratekit.vmware.sim;

import io.migratekit.vmware.VddkStandIn;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The snapshots of a VM: taken, named, removed. Frozen disks lie at
 * {@code frozen/SNAPSHOT/DATASTORE/FOLDER/NAME.vmdk} under the simulator's folder, so that a disk server finds one by
 * what vSphere calls it. One that is being read is not let go. What was frozen lies at
 * {@code truth/SNAPSHOT/KEY} for ever, to be compared with.
 */
final class Snapshots {
    private final SimVm vm;
    private final List<SimSnapshot> all = new ArrayList<>();
    private final List<SimSnapshot> ever = new ArrayList<>();
    private @Nullable SimSnapshot current;
    private int liveFileNumber;

    Snapshots(SimVm vm) {
        this.vm = vm;
    }

    boolean isEmpty() {
        synchronized (vm) {
            return all.isEmpty();
        }
    }

    List<SimSnapshot> list() {
        synchronized (vm) {
            return List.copyOf(all);
        }
    }

    List<SimSnapshot> history() {
        synchronized (vm) {
            return List.copyOf(ever);
        }
    }

    @Nullable
    SimSnapshot current() {
        synchronized (vm) {
            return current;
        }
    }

    List<SimSnapshot> childrenOf(@Nullable SimSnapshot parent) {
        synchronized (vm) {
            return all.stream().filter(s -> s.parent == parent).toList();
        }
    }

    @Nullable
    SimSnapshot find(String id) {
        synchronized (vm) {
            return all.stream().filter(s -> s.ref.id().equals(id)).findFirst().orElse(null);
        }
    }

    SimSnapshot.Frozen frozen(String snapshot, int key) {
        synchronized (vm) {
            return all.stream()
                    .filter(s -> s.ref.id().equals(snapshot) || s.name.equals(snapshot))
                    .map(s -> s.disks.get(key))
                    .filter(Objects::nonNull)
                    .reduce((first, last) -> last)
                    .orElseThrow(() -> new IllegalArgumentException(
                            vm.name + " has no snapshot " + snapshot + " with disk " + key));
        }
    }

    int liveFileNumber() {
        synchronized (vm) {
            return liveFileNumber;
        }
    }

    SimSnapshot take(String name, String description, boolean quiesced) {
        List<SimDisk> disks;
        SimSnapshot taken;
        synchronized (vm) {
            vm.stun();
            taken = new SimSnapshot(
                    vm.world.newSnapshotRef(vm),
                    name,
                    description,
                    quiesced,
                    vm.facts().powerState());
            taken.fileNumber = liveFileNumber;
            disks = vm.disks.values().stream()
                    .filter(d -> !d.isLeftOutOfSnapshots())
                    .toList();
            vm.disks.values().stream().filter(SimDisk::isLeftOutOfSnapshots).forEach(taken.leftOut::add);
        }
        // Copying may take a while; whoever looks at the VM meanwhile need not wait for it.
        for (SimDisk disk : disks) {
            Path file = path(taken, disk);
            long capacity = disk.capacityBytes();
            Moment moment =
                    SparseFile.freeze(disk.file(), capacity, vm.world.settings().granularity(), file);
            remember(file, vm.world.truth(taken.moref(), disk.key()));
            synchronized (vm) {
                String changeId = disk.remember(moment).orElse(null);
                taken.disks.put(disk.key(), new SimSnapshot.Frozen(disk, file, capacity, moment, changeId));
            }
        }
        synchronized (vm) {
            taken.parent = current;
            all.add(taken);
            ever.add(taken);
            current = taken;
            liveFileNumber = 1
                    + Math.max(
                            liveFileNumber,
                            all.stream().mapToInt(s -> s.fileNumber).max().orElse(0));
            return taken;
        }
    }

    /** What was frozen can be compared with later, too. */
    private static void remember(Path frozen, Path truth) {
        try {
            Files.createDirectories(Objects.requireNonNull(truth.getParent()));
            Files.createLink(truth, frozen);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path path(SimSnapshot snapshot, SimDisk disk) {
        return vm.world
                .frozenFolder()
                .resolve(snapshot.ref.id())
                .resolve(vm.datastore)
                .resolve(vm.name)
                .resolve(Devices.fileName(disk, snapshot.fileNumber));
    }

    /** Whether a disk of it is being read. */
    boolean isLocked(SimSnapshot snapshot) {
        synchronized (vm) {
            return snapshot.disks.values().stream().anyMatch(f -> isLocked(f.file()));
        }
    }

    private static boolean isLocked(Path file) {
        try {
            return VddkStandIn.isOpen(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** With its children if asked. */
    List<SimSnapshot> withChildren(SimSnapshot snapshot, boolean children) {
        List<SimSnapshot> found = new ArrayList<>(List.of(snapshot));
        if (children) {
            childrenOf(snapshot).forEach(child -> found.addAll(withChildren(child, true)));
        }
        return found;
    }

    /** Takes it out of the tree; who comes after it in the chain of files gets its file. */
    void remove(SimSnapshot snapshot) {
        synchronized (vm) {
            int index = all.indexOf(snapshot);
            if (index < 0) {
                return;
            }
            all.remove(index);
            snapshot.removed = Instant.now();
            all.stream().filter(s -> s.parent == snapshot).forEach(s -> s.parent = snapshot.parent);
            if (current == snapshot) {
                current = snapshot.parent;
            }
            if (index < all.size()) {
                rename(all.get(index), snapshot.fileNumber);
            } else {
                liveFileNumber = snapshot.fileNumber;
            }
            delete(vm.world.frozenFolder().resolve(snapshot.ref.id()));
            vm.stun();
        }
    }

    /** After this act the files of all snapshots belong elsewhere. */
    void moved(Runnable act) {
        synchronized (vm) {
            act.run();
            all.forEach(snapshot -> rename(snapshot, snapshot.fileNumber));
        }
    }

    private void rename(SimSnapshot snapshot, int fileNumber) {
        snapshot.fileNumber = fileNumber;
        snapshot.disks.replaceAll((key, frozen) -> {
            Path to = path(snapshot, frozen.disk());
            try {
                Files.createDirectories(Objects.requireNonNull(to.getParent()));
                Files.move(frozen.file(), to, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return new SimSnapshot.Frozen(
                    frozen.disk(), to, frozen.capacityBytes(), frozen.moment(), frozen.changeId());
        });
    }

    private static void delete(Path folder) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void revert(SimSnapshot snapshot) {
        synchronized (vm) {
            for (SimSnapshot.Frozen frozen : snapshot.disks.values()) {
                Path flat = frozen.disk().file();
                try {
                    Files.delete(flat);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                SparseFile.freeze(
                        frozen.file(), frozen.capacityBytes(), frozen.moment().granularity(), flat);
            }
            current = snapshot;
        }
    }
}
