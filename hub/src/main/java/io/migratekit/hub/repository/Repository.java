package io.migratekit.hub.repository;

import io.migratekit.nbd.files.ProcessLock;
import io.migratekit.nbd.proof.HashFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Which backups are kept, and how does one come and go? The whole of a repository, for one process. One lock per VM:
 * what is done to one delays no other.
 */
public final class Repository implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Repository.class.getName());

    /** qemu-img rounds up to them, and the layer would be larger than the disk. */
    private static final int SECTOR = 512;

    private final Path folder;
    private final RepositoryLimits limits;
    private final @Nullable ProcessLock lock;
    private final QemuImg qemu;
    private final Map<String, Object> monitors = new ConcurrentHashMap<>();

    private record About(int format, String id) {}

    private Repository(Path folder, RepositoryLimits limits, @Nullable ProcessLock lock) {
        this.folder = folder.toAbsolutePath().normalize();
        this.limits = limits;
        this.lock = lock;
        this.qemu = new QemuImg(limits.toolLimit());
    }

    /** Takes a repository for this process, makes it if there is none, and clears away what a crash left over. */
    public static Repository open(Path folder, RepositoryLimits limits) {
        Disk.folder(folder);
        ProcessLock lock;
        try {
            lock = ProcessLock.tryAcquire(folder.resolve("lock"))
                    .orElseThrow(() -> new RepositoryException.Locked(
                            folder + " is served by another process; ask that one, or stop it first"));
        } catch (IOException e) {
            throw Disk.storage("cannot lock " + folder, e);
        }
        Repository made = new Repository(folder, limits, lock);
        try {
            made.recover();
            return made;
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /** Looks at a repository, whoever serves it; nothing can be changed through this one. */
    public static Repository look(Path folder) {
        Repository made = new Repository(folder, RepositoryLimits.DEFAULTS, null);
        made.requireKnownFormat();
        return made;
    }

    private void requireKnownFormat() {
        About about = Disk.read(folder.resolve("repository.json"), About.class)
                .orElseThrow(() -> new RepositoryException.NotFound(folder + " is not a repository"));
        if (about.format() != 1) {
            throw new RepositoryException.Storage(
                    folder + " has format " + about.format() + ", only 1 is known here; use a newer program", null);
        }
    }

    /** What tells this repository from any other one. */
    public String id() {
        return Disk.read(folder.resolve("repository.json"), About.class)
                .orElseThrow(() -> new RepositoryException.NotFound(folder + " is not a repository any more"))
                .id();
    }

    private void recover() {
        if (!Files.exists(folder.resolve("repository.json"))) {
            Disk.write(
                    folder.resolve("repository.json"),
                    new About(1, UUID.randomUUID().toString()));
        }
        requireKnownFormat();
        Disk.folder(folder.resolve("vms"));
        for (Path vm : Disk.list(folder.resolve("vms"))) {
            TreeSet<String> named = new TreeSet<>();
            for (Backup backup : backups(Optional.of(vm.getFileName().toString()))) {
                if (backup.state() == Backup.State.SEALED) {
                    Disk.remove(vm.resolve("open").resolve(backup.id() + ".json"));
                }
                backup.disks().stream()
                        .map(BackupDisk::layer)
                        .filter(Objects::nonNull)
                        .forEach(named::add);
            }
            for (Path disk : Disk.list(vm.resolve("disks"))) {
                removeLeftOver(disk, named);
            }
        }
    }

    private void removeLeftOver(Path disk, Set<String> named) {
        for (Path file : Disk.list(disk)) {
            String name = file.getFileName().toString();
            String layer = folder.relativize(disk.resolve(name.replaceAll("\\..*", "") + ".qcow2"))
                    .toString();
            if (!name.equals("next") && (!named.contains(layer) || name.endsWith(".tmp"))) {
                LOG.log(System.Logger.Level.INFO, "left over, removed: file={0}", file);
                Disk.remove(file);
            }
        }
    }

    /** Opens a layer for each disk; the same id again answers the same layers, but what is now wanted full is made so. */
    public Backup start(StartRequest request) {
        Id.checked("the backup's id", request.id());
        Id.checked("the VM's id", request.vm());
        requireServing();
        requireSensible(request);
        synchronized (monitor("backup/" + request.id())) {
            Optional<Backup> known = find(request.id());
            if (known.isPresent() && !known.get().vm().equals(request.vm())) {
                throw new RepositoryException.Conflict(
                        "other-vm",
                        "backup " + request.id() + " is one of VM "
                                + known.get().vm() + "; choose another id");
            }
            synchronized (monitor(request.vm())) {
                return startLocked(request, find(request.id()));
            }
        }
    }

    private Backup startLocked(StartRequest request, Optional<Backup> known) {
        if (known.isPresent() && known.get().state() == Backup.State.SEALED) {
            throw new RepositoryException.Conflict(
                    "sealed", "backup " + request.id() + " is sealed already; choose another id");
        }
        for (Backup other : backups(Optional.of(request.vm()))) {
            if (other.state() == Backup.State.OPEN && !other.id().equals(request.id())) {
                if (!other.id().equals(request.supersede())) {
                    throw new RepositoryException.Conflict(
                            "locked", "backup " + other.id() + " of VM " + request.vm() + " is open; end it first");
                }
                abandonLocked(other);
            }
        }
        if (freeBytes() < limits.reserveBytes()) {
            throw new RepositoryException.NoSpace("only " + freeBytes() + " bytes are free in " + folder + ", but "
                    + limits.reserveBytes() + " are kept in reserve; delete restore points or enlarge it");
        }
        return new Opening(this, folder, qemu).open(request, known);
    }

    private static void requireSensible(StartRequest request) {
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

    /** An open backup or a restore point. */
    public Optional<Backup> find(String id) {
        Id.checked("the backup's id", id);
        for (Path vm : Disk.list(folder.resolve("vms"))) {
            Optional<Backup> open = Disk.read(vm.resolve("open").resolve(id + ".json"), Backup.class);
            // The record is looked for second: sealed in between, the backup is seen in one place at least.
            Optional<Backup> point = Disk.read(vm.resolve("points").resolve(id + ".json"), Backup.class);
            if (point.isPresent() || open.isPresent()) {
                return point.or(() -> open);
            }
        }
        return Optional.empty();
    }

    /** All of them, or those of one VM, oldest first. */
    public List<Backup> backups(Optional<String> vm) {
        vm.ifPresent(id -> Id.checked("the VM's id", id));
        Map<String, Backup> all = new TreeMap<>();
        List<Path> folders = vm.map(id -> List.of(folder.resolve("vms").resolve(id)))
                .orElseGet(() -> Disk.list(folder.resolve("vms")));
        for (Path one : folders) {
            for (String kind : List.of("open", "points")) {
                for (Path file : Disk.list(one.resolve(kind))) {
                    if (file.toString().endsWith(".json")) {
                        Disk.read(file, Backup.class).ifPresent(backup -> all.put(backup.id(), backup));
                    }
                }
            }
        }
        return all.values().stream()
                .sorted(Comparator.comparing(Backup::startedAt).thenComparing(Backup::id))
                .toList();
    }

    /** Removes the layers of an open backup; one that is gone already is no failure. */
    public void abandon(String id) {
        requireServing();
        Optional<Backup> backup = find(id);
        if (backup.isEmpty()) {
            return;
        }
        synchronized (monitor(backup.get().vm())) {
            find(id).ifPresent(now -> {
                if (now.state() == Backup.State.SEALED) {
                    throw new RepositoryException.Conflict("sealed", "backup " + id + " is sealed; delete it instead");
                }
                abandonLocked(now);
            });
        }
    }

    private void abandonLocked(Backup backup) {
        // The record goes first: a layer that no record names is removed at the next start.
        Disk.remove(vmFolder(backup.vm()).resolve("open").resolve(backup.id() + ".json"));
        removeLayers(backup);
    }

    private void removeLayers(Backup backup) {
        for (BackupDisk disk : backup.disks()) {
            String layer = disk.layer();
            if (layer != null) {
                for (String kind : List.of(".json", ".hashes", ".put", ".qcow2")) {
                    Disk.remove(folder.resolve(layer.replace(".qcow2", kind)));
                }
            }
        }
    }

    public List<Vm> vms() {
        List<Vm> all = new ArrayList<>();
        for (Path vm : Disk.list(folder.resolve("vms"))) {
            vm(vm.getFileName().toString()).ifPresent(all::add);
        }
        return all;
    }

    public Optional<Vm> vm(String id) {
        Id.checked("the VM's id", id);
        List<Backup> backups = backups(Optional.of(id));
        Optional<Inventory> inventory = Disk.read(vmFolder(id).resolve("vm.json"), Inventory.class);
        if (inventory.isEmpty() && backups.isEmpty()) {
            return Optional.empty();
        }
        List<Backup> points = backups.stream()
                .filter(one -> one.state() == Backup.State.SEALED)
                .toList();
        LastPoint last = points.isEmpty()
                ? null
                : new LastPoint(
                        points.getLast().id(),
                        points.getLast().takenAt(),
                        points.getLast().complete());
        long bytes = 0;
        for (Backup backup : backups) {
            bytes += backup.disks().stream().mapToLong(this::bytes).sum();
        }
        String name =
                inventory.map(Inventory::name).orElseGet(() -> backups.getLast().vmName());
        List<InventoryDisk> disks = inventory.map(Inventory::disks).orElse(List.of());
        return Optional.of(
                new Vm(id, name, inventory.map(Inventory::vcenter).orElse(null), disks, points.size(), last, bytes));
    }

    /** Keeps what was found of a VM, in place of what was kept before. */
    public Vm putVm(String id, Inventory inventory) {
        Id.checked("the VM's id", id);
        requireServing();
        synchronized (monitor(id)) {
            Disk.folder(vmFolder(id));
            Disk.write(vmFolder(id).resolve("vm.json"), inventory);
            return vm(id).orElseThrow();
        }
    }

    public Chain chain(String vm) {
        Map<Integer, List<ChainLayer>> disks = new TreeMap<>();
        List<Backup> backups = backups(Optional.of(vm));
        if (backups.isEmpty() && vm(vm).isEmpty()) {
            throw new RepositoryException.NotFound("VM " + vm + " is not known here");
        }
        for (Backup backup : backups) {
            boolean open = backup.state() == Backup.State.OPEN;
            for (BackupDisk disk : backup.disks()) {
                String layer = disk.layer();
                if (layer != null) {
                    Parent parent = disk.parent();
                    disks.computeIfAbsent(disk.key(), key -> new ArrayList<>())
                            .add(new ChainLayer(
                                    layer,
                                    disk.kind(),
                                    disk.root(),
                                    parent == null ? null : parent.root(),
                                    bytes(disk),
                                    open ? List.of() : List.of(backup.id()),
                                    open));
                }
            }
        }
        List<ChainDisk> all = new ArrayList<>();
        disks.forEach((key, layers) -> {
            layers.sort(Comparator.comparing(ChainLayer::layer));
            all.add(new ChainDisk(key, layers));
        });
        return new Chain(vm, all);
    }

    /** The file that a disk of a backup is written to, or was. */
    public Path layerFile(String id, int disk) {
        return folder.resolve(layer(require(id), disk));
    }

    public long freeBytes() {
        try {
            return Files.getFileStore(folder).getUsableSpace();
        } catch (IOException e) {
            throw Disk.storage("cannot ask how much is free in " + folder, e);
        }
    }

    @Override
    public void close() {
        if (lock != null) {
            lock.close();
        }
    }

    private long bytes(BackupDisk disk) {
        String layer = disk.layer();
        try {
            return layer == null ? 0 : Files.size(folder.resolve(layer));
        } catch (IOException e) {
            return 0; // It went just now, or is to be made.
        }
    }

    private Backup require(String id) {
        return find(id).orElseThrow(() -> new RepositoryException.NotFound("backup " + id + " is not known here"));
    }

    private static String layer(Backup backup, int key) {
        return backup.disks().stream()
                .filter(one -> one.key() == key)
                .map(BackupDisk::layer)
                .filter(Objects::nonNull)
                .findFirst()
                .orElseThrow(() -> new RepositoryException.NotFound("backup " + backup.id() + " has no disk " + key));
    }

    Path vmFolder(String vm) {
        return folder.resolve("vms").resolve(Id.checked("the VM's id", vm));
    }

    private Object monitor(String name) {
        return monitors.computeIfAbsent(name, any -> new Object());
    }

    private void requireServing() {
        if (lock == null) {
            throw new RepositoryException.Conflict(
                    "read-only", folder + " is only looked at by this process; ask the one that serves it");
        }
    }

    /** Keeps the hashes of a copy until the seal, after they were checked against their own root. */
    public void putHashes(String id, int disk, InputStream in) {
        requireServing();
        Backup backup = require(id);
        requireOpen(backup);
        Path put = hashes(layer(backup, disk), ".put");
        // Whoever sends slowly holds nobody up: the VM is not locked meanwhile.
        Path half = put.resolveSibling(put.getFileName() + "." + UUID.randomUUID() + ".tmp");
        try {
            Files.copy(in, half);
            try (CellList list = new CellList(half)) {
                LOG.log(
                        System.Logger.Level.DEBUG,
                        "hashes: backup={0} root={1}",
                        id,
                        list.file().rootHex());
            }
            synchronized (monitor(backup.vm())) {
                requireOpen(require(id));
                Files.move(half, put, StandardCopyOption.ATOMIC_MOVE);
            }
        } catch (HashFormatException e) {
            throw new RepositoryException.BadRequest(
                    "the hashes of disk " + disk + " cannot be used: " + e.getMessage());
        } catch (IOException e) {
            throw Disk.storage("cannot keep the hashes of disk " + disk + " of backup " + id, e);
        } finally {
            Disk.remove(half);
        }
    }

    /** The full list of a restore point's disk. */
    public void writeHashes(String id, int disk, OutputStream out) {
        Backup backup = require(id);
        if (backup.state() == Backup.State.OPEN) {
            throw new RepositoryException.Conflict(
                    "open", "backup " + id + " is not sealed; its hashes are not known yet");
        }
        try {
            Files.copy(hashes(layer(backup, disk), ".hashes"), out);
        } catch (IOException e) {
            throw Disk.storage("cannot hand out the hashes of disk " + disk + " of backup " + id, e);
        }
    }

    /** Proves what was written and makes a restore point of it; nothing writes to the layers any more. */
    public Backup seal(String id, SealRequest request, SealProgress progress) {
        requireServing();
        synchronized (monitor(require(id).vm())) {
            Backup backup = require(id);
            if (backup.state() == Backup.State.SEALED) {
                return backup;
            }
            Map<Integer, SealDisk> said = new TreeMap<>();
            request.disks().forEach(disk -> said.put(disk.key(), disk));
            List<BackupDisk> disks = new ArrayList<>();
            for (BackupDisk disk : backup.disks()) {
                SealDisk one = said.remove(disk.key());
                if (one == null) {
                    throw new RepositoryException.BadRequest("disk " + disk.key() + " of backup " + id
                            + " is neither sealed nor said to be missing; say which");
                }
                disks.add(one.missing() != null ? missing(disk, one) : prove(disk, one, progress));
            }
            if (!said.isEmpty()) {
                throw new RepositoryException.BadRequest("backup " + id + " has no disks " + said.keySet());
            }
            return record(backup, request, disks);
        }
    }

    private Backup record(Backup backup, SealRequest request, List<BackupDisk> disks) {
        Instant now = Instant.now();
        boolean complete = disks.stream().allMatch(disk -> disk.missing() == null);
        Backup point = new Backup(
                backup.id(),
                backup.vm(),
                backup.vmName(),
                Backup.State.SEALED,
                complete,
                backup.startedAt(),
                request.takenAt(),
                now,
                now.plus(limits.keepAtLeast()),
                request.quiesced(),
                request.agent(),
                request.configuration(),
                disks);
        for (BackupDisk disk : disks) {
            String layer = disk.layer();
            if (layer != null) {
                makeReadOnly(folder.resolve(layer));
                Disk.write(hashes(layer, ".json"), point);
            }
        }
        Disk.write(vmFolder(backup.vm()).resolve("points").resolve(backup.id() + ".json"), point);
        Disk.remove(vmFolder(backup.vm()).resolve("open").resolve(backup.id() + ".json"));
        for (BackupDisk disk : backup.disks()) {
            String layer = disk.layer();
            if (layer != null) {
                Disk.remove(hashes(layer, ".put"));
                if (disks.stream().noneMatch(one -> layer.equals(one.layer()))) {
                    Disk.remove(folder.resolve(layer));
                }
            }
        }
        return point;
    }

    /** Not before all disks are proved: until then the backup can be written to again. */
    private static void makeReadOnly(Path layer) {
        try {
            Files.setPosixFilePermissions(layer, PosixFilePermissions.fromString("r--r--r--"));
        } catch (IOException e) {
            throw Disk.storage("cannot make " + layer + " read-only", e);
        }
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
        Path file = folder.resolve(layer);
        Path put = hashes(layer, ".put");
        Parent parent = disk.parent();
        qemu.check(file);
        String hashes = said.hashes();
        if (hashes != null && !Files.exists(put)) {
            throw new RepositoryException.BadRequest(
                    "the hashes of disk " + disk.key() + " were not put before the seal");
        }
        String root;
        try (CellList told = hashes == null ? null : new CellList(put);
                CellList below = parent == null ? null : new CellList(hashes(parent.layer(), ".hashes"));
                Sealing sealing = new Sealing(disk, layer, told, below)) {
            if (told != null
                    && (!told.file().rootHex().equals(hashes) || told.file().diskBytes() != disk.capacityBytes())) {
                throw new RepositoryException.BadRequest(
                        "the hashes that were put for disk " + disk.key() + " are not those that the seal names");
            }
            if (below != null && parent != null && !below.file().rootHex().equals(parent.root())) {
                throw new RepositoryException.Damaged(parent.layer(), -1, "the parent's hashes are not what they were");
            }
            Path below2 = parent == null ? null : folder.resolve(parent.layer());
            root = sealing.list(file, below2, hashes(layer, ".hashes"), progress);
            try (FileChannel all = FileChannel.open(file, StandardOpenOption.READ)) {
                all.force(true);
            }
        } catch (RepositoryException e) {
            throw e;
        } catch (IOException e) {
            throw Disk.storage("cannot prove " + layer, e);
        } catch (RuntimeException e) {
            throw new RepositoryException.Storage("cannot prove " + layer + ": " + e.getMessage(), e);
        }
        return new BackupDisk(
                disk.key(),
                disk.label(),
                disk.capacityBytes(),
                disk.kind(),
                said.reason() != null ? said.reason() : disk.why(),
                layer,
                bytes(disk),
                parent,
                root,
                hashes == null ? "hub" : "agent",
                said.moment(),
                null);
    }

    /** Removes a restore point on which no other backup stands. */
    public void delete(String id, boolean merge) {
        requireServing();
        synchronized (monitor(require(id).vm())) {
            Backup point = require(id);
            if (point.state() == Backup.State.OPEN) {
                throw new RepositoryException.Conflict("open", "backup " + id + " is open; abandon it instead");
            }
            Instant until = point.keepUntil();
            if (until != null && until.isAfter(Instant.now())) {
                throw new RepositoryException.Conflict("kept", "restore point " + id + " is kept until " + until);
            }
            TreeSet<String> standing = new TreeSet<>();
            for (Backup other : backups(Optional.of(point.vm()))) {
                if (other.state() == Backup.State.OPEN) {
                    throw new RepositoryException.Conflict(
                            "locked", "backup " + other.id() + " of the VM is open; wait until it ends");
                }
                for (BackupDisk disk : other.disks()) {
                    Parent parent = disk.parent();
                    if (parent != null
                            && point.disks().stream()
                                    .anyMatch(one -> parent.layer().equals(one.layer()))) {
                        standing.add(other.id());
                    }
                }
            }
            if (!standing.isEmpty()) {
                throw new RepositoryException.Conflict(
                        merge ? "cannot-merge" : "has-increments",
                        "restore point " + id + " is needed by " + standing + "; delete these first"
                                + (merge ? " (merging is not built yet)" : ""));
            }
            Disk.remove(vmFolder(point.vm()).resolve("points").resolve(id + ".json"));
            removeLayers(point);
        }
    }

    private static void requireOpen(Backup backup) {
        if (backup.state() != Backup.State.OPEN) {
            throw new RepositoryException.Conflict("sealed", "backup " + backup.id() + " is sealed already");
        }
    }

    private Path hashes(String layer, String suffix) {
        return folder.resolve(layer.substring(0, layer.length() - ".qcow2".length()) + suffix);
    }
}
