package io.migratekit.hub.repository;

import com.google.gson.JsonObject;
import io.migratekit.nbd.files.JsonFields;
import io.migratekit.nbd.files.ProcessLock;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Which backups are kept, and how does one come and go? The door to a repository, for one process: what is asked is done by
 * {@link Opening}, {@link Seal}, {@link Removal} and {@link Merging}. One lock per VM: what is done to one delays no other.
 */
public final class Repository implements AutoCloseable {
    private static final int FORMAT = 1;
    /** A picture of a layer is not worth more. */
    private static final Duration MAP_LIMIT = Duration.ofSeconds(5);

    private final Path folder;
    private final RepositoryLimits limits;
    private final @Nullable ProcessLock lock;
    private final Layers layers;
    private final Catalog catalog;
    private final HashStore hashes;
    private final Proofs proofs;
    private final QemuImg qemu;
    private final Opening opening;
    private final Seal seal;
    private final Merging merging;
    private final Removal removal;
    private final Pruning pruning;
    private final Map<String, Object> monitors = new ConcurrentHashMap<>();

    private record About(long format, String id) {
        static About read(JsonFields fields) throws JsonFields.Unfit {
            return new About(fields.number("format"), fields.string("id"));
        }
    }

    private Repository(Path folder, RepositoryLimits limits, @Nullable ProcessLock lock) {
        this.folder = folder.toAbsolutePath().normalize();
        this.limits = limits;
        this.lock = lock;
        this.qemu = new QemuImg(limits.toolLimit());
        this.layers = new Layers(this.folder);
        this.proofs = new Proofs(layers);
        this.catalog = new Catalog(this.folder, layers, proofs);
        this.hashes = new HashStore(layers);
        this.seal = new Seal(catalog, layers, hashes, qemu, proofs, limits.keepAtLeast());
        this.opening = new Opening(catalog, layers, hashes, seal, proofs, qemu);
        this.merging = new Merging(catalog, layers, hashes, qemu, proofs);
        this.removal = new Removal(catalog, layers, merging);
        this.pruning = new Pruning(catalog, layers, merging, this::isGood);
    }

    /** Takes a repository for this process, makes it if there is none, and finishes or clears away what a crash left. */
    public static Repository open(Path folder, RepositoryLimits limits) {
        requireNoFile(folder);
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
            made.found();
            made.requireKnownFormat();
            Disk.folder(made.folder.resolve("vms"));
            new Recovery(made.catalog, made.layers, made.merging).recover();
            return made;
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /** Looks at a repository, whoever serves it; nothing can be changed through this one. */
    public static Repository look(Path folder) {
        requireNoFile(folder);
        Repository made = new Repository(folder, RepositoryLimits.DEFAULTS, null);
        made.requireKnownFormat();
        return made;
    }

    private static void requireNoFile(Path folder) {
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new RepositoryException.BadRequest(
                    folder + " is a file, not a folder; name the folder of a repository");
        }
    }

    private void found() {
        if (!Files.exists(folder.resolve("repository.json"))) {
            JsonObject about = new JsonObject();
            about.addProperty("format", FORMAT);
            about.addProperty("id", UUID.randomUUID().toString());
            Disk.write(folder.resolve("repository.json"), about);
        }
    }

    private About about() {
        return Disk.read(folder.resolve("repository.json"), About::read)
                .orElseThrow(() -> new RepositoryException.NotFound(folder + " is not a repository"));
    }

    private void requireKnownFormat() {
        Disk.requireNoLink(folder.resolve("vms"));
        long format = about().format();
        if (format != FORMAT) {
            throw new RepositoryException.Storage(
                    folder + " has format " + format + ", only " + FORMAT + " is known here; use a newer program",
                    null);
        }
    }

    /** What tells this repository from any other one. */
    public String id() {
        return about().id();
    }

    /** Opens a layer for each disk; the same id again answers the same layers, but what is now wanted full is made so. */
    public Backup start(StartRequest request) {
        Id.checked("the backup's id", request.id());
        Id.checked("the VM's id", request.vm());
        requireServing();
        Opening.requireSensible(request);
        synchronized (monitor("backup/" + request.id())) {
            Optional<Backup> known = find(request.id());
            if (known.isPresent() && !known.get().vm().equals(request.vm())) {
                throw new RepositoryException.Conflict(
                        "other-vm",
                        "backup " + request.id() + " is one of VM "
                                + known.get().vm() + "; choose another id");
            }
            synchronized (monitor(request.vm())) {
                Optional<Backup> now = find(request.id());
                removal.makeWay(request, now);
                requireReserve();
                return opening.open(request, now);
            }
        }
    }

    private void requireReserve() {
        if (freeBytes() < limits.reserveBytes()) {
            throw new RepositoryException.NoSpace("only " + freeBytes() + " bytes are free in " + folder + ", but "
                    + limits.reserveBytes() + " are kept in reserve; delete restore points or enlarge it");
        }
    }

    /** Keeps the hashes of a copy until the seal, after they were checked against their own root. */
    public void putHashes(String id, int disk, InputStream in) {
        requireServing();
        Backup backup = catalog.require(id);
        requireOpen(backup);
        // Whoever sends slowly holds nobody up: the VM is not locked meanwhile.
        Path received = hashes.receive(layer(backup, disk), disk, in);
        try {
            synchronized (monitor(backup.vm())) {
                Backup now = catalog.require(id);
                requireOpen(now);
                hashes.keep(received, layer(now, disk));
            }
        } finally {
            Disk.remove(received);
        }
    }

    /** The full list of a restore point's disk. */
    public void writeHashes(String id, int disk, OutputStream out) {
        Backup backup = catalog.require(id);
        if (backup.state() == Backup.State.OPEN) {
            throw new RepositoryException.Conflict(
                    "open", "backup " + id + " is not sealed; its hashes are not known yet");
        }
        try {
            hashes.handOut(layer(backup, disk), out);
        } catch (IOException e) {
            throw Disk.storage("cannot hand out the hashes of disk " + disk + " of backup " + id, e);
        }
    }

    /** Proves what was written and makes a restore point of it; nothing writes to the layers any more. */
    public Backup seal(String id, SealRequest request, SealProgress progress) {
        requireServing();
        synchronized (monitor(catalog.require(id).vm())) {
            Backup backup = catalog.require(id);
            if (backup.state() == Backup.State.SEALED) {
                return backup;
            }
            try {
                return seal.seal(backup, request, progress);
            } catch (RepositoryException.Damaged e) {
                // Damage below: the next backup must not stand on it, too.
                proofs.met(catalog.backups(Optional.of(backup.vm())), Damage.of(e, e.what()));
                throw e;
            }
        }
    }

    /**
     * Looks whether what is kept is still what it was; comes back when all was looked at, or the request says that it is over.
     * What is found is remembered, unless another process serves the repository.
     */
    public VerifyReport verify(VerifyRequest request, VerifyProgress progress) {
        return new Verification(catalog, layers, hashes, qemu, proofs, lock != null, request, progress).run();
    }

    /** What is known of the content of a restore point. */
    public Verdict verdict(Backup point) {
        return proofs.verdict(point);
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
                removal.abandon(now);
            });
        }
    }

    /** Removes a restore point; one on which others stand only if it may be merged into them. */
    public void delete(String id, boolean merge) {
        delete(id, merge, SealProgress.NOBODY);
    }

    /**
     * Removes a restore point; one on which others stand only if it may be merged into them. If that fails halfway, the
     * point is gone and all others can be read; the same call again goes on, as does the next start of the repository.
     */
    public void delete(String id, boolean merge, SealProgress progress) {
        requireServing();
        String vm = requireVmOf(id);
        synchronized (monitor(vm)) {
            remembering(vm, () -> removal.delete(vm, id, merge, freeBytes(), progress));
        }
    }

    /** What a policy does with the restore points of a VM, or would do. */
    public Pruned prune(String vm, RetentionPolicy policy, boolean apply) {
        return apply
                ? prune(vm, policy, id -> deleteUnwanted(id, policy, SealProgress.NOBODY))
                : pruning.look(requireVm(vm).id(), policy);
    }

    /** Carries a policy out; {@code remove} is called for each point, and is to call {@link #deleteUnwanted}. */
    public Pruned prune(String vm, RetentionPolicy policy, Consumer<String> remove) {
        requireServing();
        return pruning.apply(requireVm(vm).id(), policy, remove);
    }

    /** Removes a restore point, unless the policy keeps it by now; one whose removal was begun is removed to the end. */
    public void deleteUnwanted(String id, RetentionPolicy policy, SealProgress progress) {
        requireServing();
        String vm = requireVmOf(id);
        synchronized (monitor(vm)) {
            catalog.find(id).ifPresent(point -> pruning.requireUnwanted(point, policy));
            remembering(vm, () -> removal.delete(vm, id, true, freeBytes(), progress));
        }
    }

    /** Rot that a deletion meets: no new backup must stand on it. */
    private void remembering(String vm, Runnable deletion) {
        try {
            deletion.run();
        } catch (RepositoryException.Damaged e) {
            if (e.offset() >= 0) {
                String what = "what is kept was not what was proved at its seal, when a point was to be merged";
                proofs.met(catalog.backups(Optional.of(vm)), Damage.of(e, what));
            }
            throw e;
        }
    }

    /** Whether a restore point is what somebody would want to have back. */
    private boolean isGood(Backup point) {
        return point.complete() && proofs.verdict(point).isGood();
    }

    /** A VM of which anything is kept. */
    public Vm requireVm(String id) {
        return vm(id).orElseThrow(() -> new RepositoryException.NotFound(
                "there is no VM " + id + " here; `migratekit hub vms` shows what there is"));
    }

    /** The VM of a backup; also of one whose deletion could not be finished. */
    public Optional<String> vmOf(String id) {
        return find(id).map(Backup::vm).or(() -> merging.vmOf(id));
    }

    private String requireVmOf(String id) {
        return vmOf(id).orElseThrow(() -> new RepositoryException.NotFound("backup " + id + " is not known here"));
    }

    /** An open backup or a restore point. */
    public Optional<Backup> find(String id) {
        return catalog.find(id);
    }

    /** All of them, or those of one VM, oldest first; without those whose record cannot be read. */
    public List<Backup> backups(Optional<String> vm) {
        return catalog.backups(vm);
    }

    /** The records, of all or of one VM, that cannot be read; what they name stays where it is. */
    public List<Unreadable> unreadable(Optional<String> vm) {
        return catalog.unreadable(vm);
    }

    public List<Vm> vms() {
        return catalog.vms();
    }

    public Optional<Vm> vm(String id) {
        return catalog.vm(id);
    }

    /** Keeps what was found of a VM, in place of what was kept before. */
    public Vm putVm(String id, Inventory inventory) {
        Id.checked("the VM's id", id);
        requireServing();
        synchronized (monitor(id)) {
            catalog.putInventory(id, inventory);
            return vm(id).orElseThrow();
        }
    }

    public Chain chain(String vm) {
        return catalog.chain(vm);
    }

    /** How large the file of a disk's layer is right now; 0 if there is none. */
    public long layerBytes(BackupDisk disk) {
        String layer = disk.layer();
        return layer == null ? 0 : layers.bytes(layer);
    }

    /** The file that a disk of a backup is written to, or was; it and all that it stands on were looked at. */
    public Path layerFile(String id, int disk) {
        Backup backup = catalog.require(id);
        String layer = layer(backup, disk);
        for (BackupDisk one : backup.disks()) {
            if (layer.equals(one.layer())) {
                layers.chain(layer, one.capacityBytes());
            }
        }
        return layers.file(layer);
    }

    /** Where on the disk the layer of a backup itself holds something. */
    public LayerMap map(String id, int disk) {
        return layers.map(layer(catalog.require(id), disk), MAP_LIMIT);
    }

    /** Backups that are being written, oldest first. */
    public List<Backup> open() {
        return catalog.open();
    }

    public long freeBytes() {
        try {
            return Files.getFileStore(folder).getUsableSpace();
        } catch (IOException e) {
            throw Disk.storage("cannot ask how much is free in " + folder, e);
        }
    }

    /** The size of the file system. */
    public long totalBytes() {
        try {
            return Files.getFileStore(folder).getTotalSpace();
        } catch (IOException e) {
            throw Disk.storage("cannot ask how large the file system of " + folder + " is", e);
        }
    }

    @Override
    public void close() {
        if (lock != null) {
            lock.close();
        }
    }

    private static String layer(Backup backup, int key) {
        return backup.disks().stream()
                .filter(one -> one.key() == key)
                .map(BackupDisk::layer)
                .filter(Objects::nonNull)
                .findFirst()
                .orElseThrow(() -> new RepositoryException.NotFound("backup " + backup.id() + " has no disk " + key));
    }

    private Object monitor(String name) {
        return monitors.computeIfAbsent(name, _ -> new Object());
    }

    private void requireServing() {
        if (lock == null) {
            throw new RepositoryException.Conflict(
                    "read-only", folder + " is only looked at by this process; ask the one that serves it");
        }
    }

    private static void requireOpen(Backup backup) {
        if (backup.state() != Backup.State.OPEN) {
            throw new RepositoryException.Conflict("sealed", "backup " + backup.id() + " is sealed already");
        }
    }
}
