package io.migratekit.hub;

import com.google.gson.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Which backups are alive, until when, and how far do they say they are? In memory: a restart of the hub renews them all. */
public final class Leases {
    Leases() {}

    private final Map<String, Lease> leases = new ConcurrentHashMap<>();

    /** One backup's lease. The clock that counts cannot be set; the time of day is for telling. */
    public record Lease(
            String vm, int workers, Duration length, Instant until, long endNanos, Optional<JsonObject> progress) {
        public boolean isOver() {
            return System.nanoTime() - endNanos >= 0;
        }
    }

    Lease begin(String backup, String vm, int workers, Duration length) {
        Lease lease = lease(vm, workers, length, Optional.empty());
        leases.put(backup, lease);
        return lease;
    }

    /** Renews it; empty if there is none. */
    Optional<Lease> renew(String backup, Optional<JsonObject> progress) {
        return Optional.ofNullable(leases.computeIfPresent(
                backup, (_, old) -> lease(old.vm(), old.workers(), old.length(), progress.or(old::progress))));
    }

    private static Lease lease(String vm, int workers, Duration length, Optional<JsonObject> progress) {
        return new Lease(
                vm, workers, length, Instant.now().plus(length), System.nanoTime() + length.toNanos(), progress);
    }

    Optional<Lease> find(String backup) {
        return Optional.ofNullable(leases.get(backup));
    }

    void end(String backup) {
        leases.remove(backup);
    }

    /** Those that nobody has renewed in time. */
    List<String> over() {
        return leases.entrySet().stream()
                .filter(entry -> entry.getValue().isOver())
                .map(Map.Entry::getKey)
                .toList();
    }
}
