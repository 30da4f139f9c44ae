package io.migratekit.hub.repository;

import com.google.gson.JsonObject;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What does a backup look like, open or sealed? Leases and exports are not known here. */
public record Backup(
        String id,
        String vm,
        String vmName,
        State state,
        boolean complete,
        Instant startedAt,
        @Nullable Instant takenAt,
        @Nullable Instant sealedAt,
        @Nullable Instant keepUntil,
        @Nullable Boolean quiesced,
        @Nullable String agent,
        @Nullable JsonObject configuration,
        List<BackupDisk> disks) {
    /** Whether layers may still be written. */
    public enum State {
        OPEN,
        SEALED
    }

    public Backup {
        disks = List.copyOf(disks);
    }

    /**
     * When its content was frozen, as far as can be told. A clock that goes wrong may have put it into the future, but nothing is sealed before
     * it was taken.
     */
    Instant moment() {
        Instant said = takenAt == null ? startedAt : takenAt;
        return sealedAt != null && sealedAt.isBefore(said) ? sealedAt : said;
    }

    /** The disk with this key. */
    BackupDisk disk(int key) {
        return disks.stream()
                .filter(one -> one.key() == key)
                .findFirst()
                .orElseThrow(() -> new RepositoryException.NotFound("backup " + id + " has no disk " + key));
    }

    /** The same with other disks. */
    Backup with(List<BackupDisk> others) {
        return new Backup(
                id,
                vm,
                vmName,
                state,
                complete,
                startedAt,
                takenAt,
                sealedAt,
                keepUntil,
                quiesced,
                agent,
                configuration,
                others);
    }
}
