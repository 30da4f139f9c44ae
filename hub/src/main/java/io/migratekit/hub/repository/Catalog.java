package io.migratekit.hub.repository;

import static java.lang.System.Logger.Level.WARNING;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/** What is recorded? A record that cannot be read hides itself and nothing else, and is told of. */
final class Catalog {
    private static final System.Logger LOG = System.getLogger(Catalog.class.getName());
    private static final String OPEN = "open";
    private static final String POINTS = "points";
    private static final String JSON = ".json";
    private static final int MOST_FOUND = 10_000;

    private final Path folder;
    private final Layers layers;
    private final Proofs proofs;
    /** The VM of a backup, as it was found last. */
    private final Map<String, String> foundAt = new ConcurrentHashMap<>();

    private final Set<String> warned = ConcurrentHashMap.newKeySet();

    /** By VM and manifest: what must have been there, and is not. */
    private final Map<String, Map<String, String>> lost = new ConcurrentHashMap<>();

    private record Shelf(List<Backup> backups, List<Unreadable> unreadable) {}

    Catalog(Path folder, Layers layers, Proofs proofs) {
        this.folder = folder;
        this.layers = layers;
        this.proofs = proofs;
    }

    Path vmFolder(String vm) {
        return folder.resolve("vms").resolve(Id.checked("the VM's id", vm));
    }

    private Path record(String vm, String kind, String id) {
        return vmFolder(vm).resolve(kind).resolve(id + JSON);
    }

    /** The ids of all VMs of which anything is kept. */
    List<String> vmIds() {
        List<String> all = new ArrayList<>();
        for (Path vm : Disk.list(folder.resolve("vms"))) {
            String name = vm.getFileName().toString();
            if (Id.isValid(name) && Files.isDirectory(vm, LinkOption.NOFOLLOW_LINKS)) {
                all.add(name);
            } else if (warned.add(name)) {
                LOG.log(WARNING, "{0} is no folder of a VM, and is not looked at", vm);
            }
        }
        return all;
    }

    /** An open backup or a restore point. Where it was found before is looked first: it is asked for every few seconds. */
    Optional<Backup> find(String id) {
        Id.checked("the backup's id", id);
        Optional<Backup> again = Optional.ofNullable(foundAt.get(id)).flatMap(vm -> find(vm, id));
        if (again.isPresent()) {
            return again;
        }
        for (String vm : vmIds()) {
            Optional<Backup> found = find(vm, id);
            if (found.isPresent()) {
                if (foundAt.size() >= MOST_FOUND) {
                    foundAt.clear();
                }
                foundAt.put(id, vm);
                return found;
            }
        }
        return Optional.empty();
    }

    private Optional<Backup> find(String vm, String id) {
        RepositoryException unreadable = null;
        Optional<Backup> open = Optional.empty();
        try {
            open = read(vm, record(vm, OPEN, id));
        } catch (RepositoryException.Storage e) {
            unreadable = e; // It is of no account if the restore point is there.
        }
        // The record is looked for second: sealed in between, the backup is seen in one place at least.
        Optional<Backup> point = read(vm, record(vm, POINTS, id));
        if (point.isEmpty() && open.isEmpty() && unreadable != null) {
            throw unreadable;
        }
        return point.isPresent() ? point : open;
    }

    Backup require(String id) {
        return find(id).orElseThrow(() -> new RepositoryException.NotFound("backup " + id + " is not known here"));
    }

    private static Optional<Backup> read(String vm, Path file) {
        Optional<Backup> backup = Disk.read(file, Records::backup);
        backup.ifPresent(one -> {
            if (!one.vm().equals(vm)
                    || !(one.id() + JSON).equals(file.getFileName().toString())) {
                throw new RepositoryException.Storage(
                        file + " is the record of backup " + one.id() + " of VM " + one.vm()
                                + ", which does not belong there; restore it",
                        null);
            }
        });
        return backup;
    }

    /** All of them, or those of one VM, oldest first. */
    List<Backup> backups(Optional<String> vm) {
        return shelf(vm).backups();
    }

    /** Those that are being written, oldest first, however many restore points there are. */
    List<Backup> open() {
        return shelf(vmIds(), List.of(OPEN)).backups().stream()
                .filter(backup -> backup.state() == Backup.State.OPEN)
                .toList();
    }

    List<Unreadable> unreadable(Optional<String> vm) {
        return shelf(vm).unreadable();
    }

    /** Nothing is removed or moved as long as it is not known what all records name. */
    void requireReadable(String vm) {
        for (Unreadable one : unreadable(Optional.of(vm))) {
            throw new RepositoryException.Storage(
                    "nothing of VM " + vm + " is removed while one of its records cannot be read: " + one.why(), null);
        }
    }

    private Shelf shelf(Optional<String> vm) {
        vm.ifPresent(id -> Id.checked("the VM's id", id));
        return shelf(vm.map(List::of).orElseGet(this::vmIds), List.of(OPEN, POINTS));
    }

    private Shelf shelf(List<String> vms, List<String> kinds) {
        Map<String, Backup> all = new TreeMap<>();
        List<Unreadable> unreadable = new ArrayList<>();
        for (String one : vms) {
            for (String kind : kinds) {
                for (Path file : Disk.list(vmFolder(one).resolve(kind))) {
                    if (file.toString().endsWith(JSON)) {
                        try {
                            read(one, file).ifPresent(backup -> all.put(backup.id(), backup));
                        } catch (RepositoryException.Storage e) {
                            unreadable.add(told(one, file, e));
                        }
                    }
                }
            }
        }
        for (String one : vms) {
            lost.getOrDefault(one, Map.of()).forEach((file, what) -> unreadable.add(new Unreadable(one, file, what)));
        }
        return new Shelf(
                all.values().stream()
                        .sorted(Comparator.comparing(Backup::startedAt).thenComparing(Backup::id))
                        .toList(),
                unreadable);
    }

    private Unreadable told(String vm, Path file, RepositoryException why) {
        if (warned.add(file.toString())) {
            LOG.log(WARNING, () -> "vm=" + vm + " a record is passed over: " + why.getMessage());
        }
        return new Unreadable(vm, folder.relativize(file).toString(), String.valueOf(why.getMessage()));
    }

    void writeOpen(Backup backup) {
        Disk.folder(vmFolder(backup.vm()).resolve(OPEN));
        Disk.write(record(backup.vm(), OPEN, backup.id()), Records.of(backup));
    }

    /** The manifests first, then the record, which counts. */
    void writePoint(Backup point) {
        layersOf(List.of(point)).forEach(layer -> writeManifest(layer, point));
        Disk.folder(vmFolder(point.vm()).resolve(POINTS));
        Disk.write(record(point.vm(), POINTS, point.id()), Records.of(point));
    }

    void removeOpen(Backup backup) {
        Disk.remove(record(backup.vm(), OPEN, backup.id()));
    }

    void removePoint(String vm, String id) {
        Disk.remove(record(vm, POINTS, id));
    }

    /** To be done before its record goes: a manifest that nobody's record belongs to tells of a record that was lost. */
    void removeManifests(Backup backup) {
        layersOf(List.of(backup)).forEach(layer -> Disk.remove(layers.path(layer, Layers.MANIFEST)));
    }

    /** A deletion that did not come to its end may have left a restore point without them. */
    void writeMissingManifests(Backup point) {
        layersOf(List.of(point)).stream()
                .filter(layer -> Files.exists(layers.path(layer), LinkOption.NOFOLLOW_LINKS))
                .filter(layer -> !Files.exists(layers.path(layer, Layers.MANIFEST), LinkOption.NOFOLLOW_LINKS))
                .forEach(layer -> writeManifest(layer, point));
    }

    private void writeManifest(String layer, Backup point) {
        Disk.write(layers.path(layer, Layers.MANIFEST), Records.of(point));
    }

    /** A record is not there any more, as a manifest tells: from now on nothing of the VM is removed. */
    void lost(String vm, Path manifest, String what) {
        lost.computeIfAbsent(vm, _ -> new TreeMap<>())
                .put(folder.relativize(manifest).toString(), what);
    }

    Optional<Inventory> inventory(String vm) {
        return Disk.read(vmFolder(vm).resolve("vm.json"), Records::inventory);
    }

    void putInventory(String vm, Inventory inventory) {
        Disk.folder(vmFolder(vm));
        Disk.write(vmFolder(vm).resolve("vm.json"), Records.of(inventory));
    }

    List<Vm> vms() {
        List<Vm> all = new ArrayList<>();
        for (String id : vmIds()) {
            try {
                vm(id).ifPresent(all::add);
            } catch (RepositoryException.Storage e) {
                told(id, vmFolder(id).resolve("vm.json"), e);
            }
        }
        return all;
    }

    Optional<Vm> vm(String id) {
        Id.checked("the VM's id", id);
        List<Backup> backups = backups(Optional.of(id));
        Optional<Inventory> inventory = inventory(id);
        if (inventory.isEmpty() && backups.isEmpty()) {
            return Optional.empty();
        }
        List<Backup> points = backups.stream()
                .filter(one -> one.state() == Backup.State.SEALED)
                .toList();
        LastPoint last = points.isEmpty() ? null : LastPoint.of(points.getLast());
        List<String> damaged = points.stream()
                .filter(point -> !proofs.verdict(point).isGood())
                .map(Backup::id)
                .toList();
        // Not that which came last: from another hub older ones may come after newer ones.
        LastPoint lastGood = points.stream()
                .filter(point -> point.complete() && !damaged.contains(point.id()))
                .max(Comparator.comparing(Backup::moment))
                .map(LastPoint::of)
                .orElse(null);
        long bytes = layersOf(backups).stream().mapToLong(layers::bytes).sum();
        String name =
                inventory.map(Inventory::name).orElseGet(() -> backups.getLast().vmName());
        List<InventoryDisk> disks = inventory.map(Inventory::disks).orElse(List.of());
        return Optional.of(new Vm(
                id,
                name,
                inventory.map(Inventory::vcenter).orElse(null),
                disks,
                points.size(),
                last,
                lastGood,
                damaged,
                bytes));
    }

    /** Each layer that one of these names. */
    static Set<String> layersOf(List<Backup> backups) {
        Set<String> all = new TreeSet<>();
        backups.forEach(backup -> backup.disks().stream()
                .map(BackupDisk::layer)
                .filter(Objects::nonNull)
                .forEach(all::add));
        return all;
    }

    Chain chain(String vm) {
        List<Backup> backups = backups(Optional.of(vm));
        if (backups.isEmpty() && vm(vm).isEmpty()) {
            throw new RepositoryException.NotFound("VM " + vm + " is not known here");
        }
        Map<Integer, List<ChainLayer>> disks = new TreeMap<>();
        for (Backup backup : backups) {
            boolean open = backup.state() == Backup.State.OPEN;
            for (BackupDisk disk : backup.disks()) {
                String layer = disk.layer();
                if (layer != null) {
                    Parent parent = disk.parent();
                    disks.computeIfAbsent(disk.key(), _ -> new ArrayList<>())
                            .add(new ChainLayer(
                                    layer,
                                    disk.kind(),
                                    disk.root(),
                                    parent == null ? null : parent.root(),
                                    layers.bytes(layer),
                                    open ? List.of() : List.of(backup.id()),
                                    open,
                                    layers.isMissing(layer)));
                }
            }
        }
        List<ChainDisk> all = new ArrayList<>();
        disks.forEach((key, chain) -> {
            chain.sort(Comparator.comparingInt(layer -> Layers.number(layer.layer())));
            all.add(new ChainDisk(key, chain));
        });
        return new Chain(vm, all);
    }
}
