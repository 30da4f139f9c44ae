package io.migratekit.hub.repository;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * What did the process before leave half done? Finishes it or takes it away, VM by VM; one whose records cannot be read
 * keeps every file, and hinders no other.
 */
final class Recovery {
    private static final System.Logger LOG = System.getLogger(Recovery.class.getName());

    /** What we make beside a layer; other files in its folder are somebody else's. */
    private static final Pattern OURS = Pattern.compile("[0-9]{4,}\\..+");

    private final Catalog catalog;
    private final Layers layers;
    private final Merging merging;

    Recovery(Catalog catalog, Layers layers, Merging merging) {
        this.catalog = catalog;
        this.layers = layers;
        this.merging = merging;
    }

    void recover() {
        for (String vm : catalog.vmIds()) {
            try {
                recover(vm);
            } catch (RepositoryException e) {
                LOG.log(WARNING, () -> "vm=" + vm + " is served, but not cleared up: " + e.getMessage());
            }
        }
    }

    private void recover(String vm) {
        List<Path> folders = new ArrayList<>(List.of(
                catalog.vmFolder(vm),
                catalog.vmFolder(vm).resolve("open"),
                catalog.vmFolder(vm).resolve("points")));
        List<Path> disks = Disk.list(catalog.vmFolder(vm).resolve("disks"));
        folders.addAll(disks);
        folders.forEach(Recovery::removeHalfWritten);
        catalog.requireReadable(vm);
        List<Backup> backups = catalog.backups(Optional.of(vm));
        backups.stream().filter(one -> one.state() == Backup.State.SEALED).forEach(catalog::removeOpen);
        Set<String> kept = new TreeSet<>();
        try {
            merging.finish(vm, SealProgress.NOBODY);
        } catch (RepositoryException e) {
            merging.pending(vm).ifPresent(merge -> kept.addAll(merge.layers()));
            LOG.log(WARNING, () -> "vm=" + vm + " a merge is not finished, all points can be read: " + e.getMessage());
        }
        List<Backup> now = catalog.backups(Optional.of(vm));
        now.forEach(backup -> kept.addAll(standing(backup)));
        List<Backup> points =
                now.stream().filter(one -> one.state() == Backup.State.SEALED).toList();
        points.forEach(catalog::writeMissingManifests);
        boolean isLost = false;
        for (Path disk : disks) {
            isLost |= isRecordLost(vm, disk, now);
        }
        if (!isLost) {
            for (Path disk : disks) {
                removeLeftOver(vm, disk, kept, Catalog.layersOf(points));
            }
        }
        // A seal may have ended after it had made them read-only.
        now.stream()
                .filter(one -> one.state() == Backup.State.OPEN)
                .forEach(one -> Catalog.layersOf(List.of(one)).forEach(layers::makeWritable));
    }

    /** A layer stays as long as one stands on it that a record names, whether a record names it or not. */
    private List<String> standing(Backup backup) {
        List<String> all = new ArrayList<>();
        for (BackupDisk disk : backup.disks()) {
            String layer = disk.layer();
            if (layer != null) {
                all.addAll(layers.chain(layer, disk.capacityBytes()));
            }
        }
        return all;
    }

    /**
     * Whether a layer has the manifest of a restore point that has no record. Whoever deletes one removes its manifests first; so
     * its record was lost, and what was written must not follow it.
     */
    private boolean isRecordLost(String vm, Path disk, List<Backup> now) {
        boolean isLost = false;
        for (Path file : Disk.list(disk)) {
            String name = file.getFileName().toString();
            if (!OURS.matcher(name).matches() || !name.endsWith(Layers.MANIFEST)) {
                continue;
            }
            String what;
            try {
                Optional<Backup> manifest = Disk.read(file, Records::backup);
                if (manifest.isEmpty()
                        || now.stream()
                                .anyMatch(one -> one.id().equals(manifest.get().id()))) {
                    continue;
                }
                what = "the record of restore point " + manifest.get().id()
                        + " is lost; this manifest is the same, to be copied to points/"
                        + manifest.get().id() + ".json, or to be removed if the point was";
            } catch (RepositoryException.Storage e) {
                what = "whose restore point this manifest is cannot be read: " + e.getMessage();
            }
            isLost = true;
            catalog.lost(vm, file, what);
            LOG.log(WARNING, "vm={0} nothing is removed: {1}: {2}", vm, file, what);
        }
        return isLost;
    }

    private static String layer(String vm, Path disk, String name) {
        return "vms/" + vm + "/disks/" + disk.getFileName() + "/" + name.replaceAll("\\..*", "") + Layers.LAYER;
    }

    private static void removeHalfWritten(Path folder) {
        for (Path file : Disk.list(folder)) {
            if (file.toString().endsWith(".tmp") && !Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)) {
                removeLeftOver(file);
            }
        }
    }

    private void removeLeftOver(String vm, Path disk, Set<String> kept, Set<String> sealed) {
        for (Path file : Disk.list(disk)) {
            String name = file.getFileName().toString();
            String layer = layer(vm, disk, name);
            boolean isPut = name.endsWith(Layers.PUT) && sealed.contains(layer);
            if (OURS.matcher(name).matches() && (isPut || !kept.contains(layer))) {
                removeLeftOver(file);
            } else if (sealed.contains(layer) && name.endsWith(Layers.LAYER)) {
                layers.makeReadOnly(layer);
            }
        }
    }

    private static void removeLeftOver(Path file) {
        LOG.log(INFO, "left over, removed: file={0}", file);
        Disk.remove(file);
    }
}
