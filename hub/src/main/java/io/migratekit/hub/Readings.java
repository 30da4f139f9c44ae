package io.migratekit.hub;

import io.migratekit.hub.export.ExportKey;
import io.migratekit.hub.export.Exports;
import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.BackupDisk;
import io.migratekit.hub.repository.Repository;
import io.migratekit.hub.repository.RepositoryException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Who reads which restore points, where, and for how long yet? Whoever reads says again and again that he still does. */
public final class Readings {
    private static final int MOST = 256;

    private final Repository repository;
    private final Exports exports;
    private final Map<String, Reading> readings = new ConcurrentHashMap<>();

    /** One reading. Which clock counts: see {@link Leases}. */
    public record Reading(String id, Backup point, List<BackupDisk> disks, Instant until, long endNanos) {
        boolean isOver() {
            return System.nanoTime() - endNanos >= 0;
        }
    }

    /** A disk, and where it is to be had. */
    public record Served(BackupDisk disk, Exports.Served at) {}

    /** What one who opened or renewed a reading is told. */
    public record Opened(Reading reading, List<Served> served) {}

    Readings(Repository repository, Exports exports) {
        this.repository = repository;
        this.exports = exports;
    }

    /** Serves these disks to be read, all if none is named; the same reading again goes on. The caller holds the VM. */
    Opened open(String id, Backup point, Set<Integer> keys, int workers, Duration lease) {
        Reading before = readings.get(id);
        if (before != null && !before.point().id().equals(point.id())) {
            throw new RepositoryException.Conflict(
                    "other-reading", "reading " + id + " is one of another restore point; choose another id");
        }
        if (before == null && readings.size() >= MOST) {
            throw new RepositoryException.Conflict("busy", MOST + " readings are open already; end some");
        }
        List<BackupDisk> disks = point.disks().stream()
                .filter(disk -> disk.layer() != null && (keys.isEmpty() || keys.contains(disk.key())))
                .toList();
        if (disks.isEmpty() || (!keys.isEmpty() && disks.size() != keys.size())) {
            throw new RepositoryException.NotFound("restore point " + point.id() + " has "
                    + (keys.isEmpty() ? "no disks" : "not all of the disks " + keys));
        }
        Reading reading = new Reading(id, point, disks, Instant.now().plus(lease), System.nanoTime() + lease.toNanos());
        readings.put(id, reading);
        List<Served> served = new ArrayList<>();
        try {
            for (BackupDisk disk : disks) {
                served.add(new Served(
                        disk,
                        exports.openToRead(
                                ExportKey.reading(id, disk.key()),
                                repository.layerFile(point.id(), disk.key()),
                                workers)));
            }
            return new Opened(reading, served);
        } catch (RuntimeException e) {
            if (before == null) {
                close(id);
            }
            throw e;
        }
    }

    /** Ends it, if it is one of this restore point. */
    void close(String id, String point) {
        Reading reading = readings.get(id);
        if (reading != null && reading.point().id().equals(point)) {
            close(id);
        }
    }

    private void close(String id) {
        Reading reading = readings.remove(id);
        if (reading != null) {
            reading.disks().forEach(disk -> exports.close(ExportKey.reading(id, disk.key())));
        }
    }

    /** Those that nobody has renewed in time end. */
    void closeOver() {
        readings.values().stream()
                .filter(Reading::isOver)
                .map(Reading::id)
                .toList()
                .forEach(this::close);
    }

    /** A restore point that is being read cannot go. */
    void requireUnread(String point) {
        for (Reading reading : readings.values()) {
            if (reading.point().id().equals(point) && !reading.isOver()) {
                throw new RepositoryException.Conflict(
                        "locked",
                        "restore point " + point + " is being read (reading " + reading.id() + ", until "
                                + reading.until() + "); wait until that ends");
            }
        }
    }
}
