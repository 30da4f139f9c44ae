package io.migratekit.hub.repository;

import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.proof.CellList;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Can a restore point go on which others stand? Looked at before anything is changed: the chains, who uses them, the room,
 * and whether what stands on it still is what was sealed, for a merge over rot would leave its layers behind. The caller
 * holds the VM.
 */
final class MergeCheck {
    /** Tables of QCOW2, records and lists, besides the data: for any layer, and for each byte that one holds. */
    private static final long OVERHEAD_BYTES = 1 << 20;

    private static final long TABLES_SHARE = 4096;

    /** Many points may go one after the other, and not for each of them all of a disk can be read. */
    private static final Duration FRESH = Duration.ofHours(1);

    private final Map<String, Known> known = new ConcurrentHashMap<>();
    private final Catalog catalog;
    private final Layers layers;
    private final HashStore hashes;

    /** The content that a layer was found to have, and when that was. */
    private record Known(String root, long sinceNanos) {}

    MergeCheck(Catalog catalog, Layers layers, HashStore hashes) {
        this.catalog = catalog;
        this.layers = layers;
        this.hashes = hashes;
    }

    /** What is to be done, after it was looked whether that will succeed. */
    Merge of(Backup point, long freeBytes, SealProgress progress) {
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
        steps.forEach(this::requireUnused);
        requireRoom(point, steps, freeBytes);
        for (Merge.Step step : steps) {
            requireSound(point, step, progress);
        }
        steps.forEach(this::requireUnused); // Reading took its time.
        return new Merge(point.id(), steps, alone);
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
        BackupDisk childDisk = child.disk(disk.key());
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

    /** What a layer holds may be far less than its file is long, which can have holes. */
    private void requireRoom(Backup point, List<Merge.Step> steps, long freeBytes) {
        long needed = 0;
        for (Merge.Step step : steps) {
            Path file = layers.file(step.from());
            long held = reading(step.from(), remedy(point, step), () -> Image.heldBytes(file));
            long most = Math.min(layers.bytes(step.from()), held + held / TABLES_SHARE);
            needed = Math.max(needed, most + OVERHEAD_BYTES);
        }
        if (freeBytes < needed) {
            throw new RepositoryException.NoSpace("to merge restore point " + point.id() + " up to " + needed
                    + " bytes are needed for a while, but only " + freeBytes
                    + " are free; delete newer points or enlarge the file system");
        }
    }

    private static String remedy(Backup point, Merge.Step step) {
        return "so restore point " + point.id() + ", on which " + step.child()
                + " stands, is not merged into it, and nothing was changed; make a full backup of the VM, after which the"
                + " points of this chain can be deleted, the newest first";
    }

    private void requireSound(Backup point, Merge.Step step, SealProgress progress) {
        BackupDisk disk = catalog.require(step.child()).disk(step.key());
        String remedy = remedy(point, step);
        Path file = layers.file(step.from());
        List<String> chain = layers.chain(step.from(), disk.capacityBytes());
        reading(step.from(), remedy, () -> {
            Proof proof = new Proof(step.key(), disk.capacityBytes(), step.from());
            int above = known(chain);
            try (CellList proved = hashes.proved(step.from(), Objects.requireNonNull(disk.root()))) {
                if (above == chain.size()) {
                    proof.requireAll(file, chain, proved, remedy, progress);
                } else {
                    String layer = chain.get(above);
                    try (CellList list = hashes.proved(
                            layer, Objects.requireNonNull(known.get(layer)).root())) {
                        proof.requireOver(list, above, file, chain, proved, remedy, progress);
                    }
                }
            }
            return true;
        });
    }

    /** All that is read through this layer was compared just now: the next deletion need not do it again. */
    void know(String layer, String root) {
        known.put(layer, new Known(root, System.nanoTime()));
    }

    /**
     * How many layers of a chain there are above the first that is known; all, if none is. What the first one holds is read
     * in any case, since that is what the merge will write and compare.
     */
    private int known(List<String> chain) {
        known.values().removeIf(one -> System.nanoTime() - one.sinceNanos() > FRESH.toNanos());
        int above = 1;
        while (above < chain.size() && !known.containsKey(chain.get(above))) {
            above++;
        }
        return above;
    }

    /** What reads a layer, in the words of a repository: where its server finds no way through the chain, that is damaged. */
    static <T> T reading(String layer, String remedy, Supplier<T> what) {
        try {
            return what.get();
        } catch (RepositoryException e) {
            throw e;
        } catch (NbdException.RequestFailed e) {
            throw Layers.damaged(
                    layer, "the layer, or one on which it stands, cannot be read: " + e.getMessage() + "; " + remedy);
        } catch (UncheckedIOException e) {
            throw Disk.storage("cannot read " + layer, e);
        } catch (RuntimeException e) {
            throw new RepositoryException.Storage(
                    "cannot read " + layer + ": " + e.getMessage() + "; look at its file", e);
        }
    }
}
