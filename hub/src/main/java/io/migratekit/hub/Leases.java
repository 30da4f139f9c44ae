package io.migratekit.hub;

import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Which backups are alive, until when, and how far do they say they are? Until when is in memory: a restart of the hub renews
 * them all. For how long at a time and for how many workers stands in a file.
 */
public final class Leases {
    private static final System.Logger LOG = System.getLogger(Leases.class.getName());
    /** Of a backup that was written before there was a file. */
    private static final Asked DEFAULT = new Asked(4, Duration.ofMinutes(10));

    private final Path file;
    private final Map<String, Lease> leases = new ConcurrentHashMap<>();

    Leases(Path file) {
        this.file = file;
    }

    /** What an agent asked for. */
    record Asked(int workers, Duration length) {}

    /** One backup's lease. The clock that counts cannot be set; the time of day is for telling. */
    public record Lease(
            String vm, int workers, Duration length, Instant until, long endNanos, Optional<JsonObject> progress) {
        /** When it was renewed last. */
        public Instant heardAt() {
            return until.minus(length);
        }

        public boolean isOver() {
            return System.nanoTime() - endNanos >= 0;
        }
    }

    Lease begin(String backup, String vm, Asked asked) {
        Lease lease = lease(vm, asked.workers(), asked.length(), Optional.empty());
        leases.put(backup, lease);
        note();
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
        note();
    }

    /** What was asked for before the hub ended; empty for a backup whose lease was over by then. */
    Function<String, Optional<Asked>> remembered() {
        Map<String, Asked> all = new HashMap<>();
        try {
            Optional<String> text = SafeFiles.read(file);
            if (text.isEmpty()) {
                return _ -> Optional.of(DEFAULT);
            }
            for (JsonElement element :
                    JsonParser.parseString(text.get()).getAsJsonObject().getAsJsonArray("leases")) {
                JsonObject one = element.getAsJsonObject();
                all.put(
                        one.get("backup").getAsString(),
                        new Asked(
                                one.get("workers").getAsInt(),
                                Duration.ofSeconds(one.get("leaseSeconds").getAsLong())));
            }
        } catch (IOException | RuntimeException e) {
            LOG.log(WARNING, () -> "file=" + file + " is not readable, leases get their defaults: " + e.getMessage());
            return _ -> Optional.of(DEFAULT);
        }
        return backup -> Optional.ofNullable(all.get(backup));
    }

    private synchronized void note() {
        JsonArray array = new JsonArray();
        leases.forEach((backup, lease) -> {
            JsonObject one = new JsonObject();
            one.addProperty("backup", backup);
            one.addProperty("workers", lease.workers());
            one.addProperty("leaseSeconds", lease.length().toSeconds());
            array.add(one);
        });
        JsonObject all = new JsonObject();
        all.add("leases", array);
        try {
            SafeFiles.replace(file, all.toString().getBytes(StandardCharsets.UTF_8), SafeFiles.Survives.CRASH);
        } catch (IOException e) {
            LOG.log(WARNING, () -> "the leases could not be noted: " + e.getMessage());
        }
    }

    /** Those that nobody has renewed in time. */
    List<String> over() {
        return leases.entrySet().stream()
                .filter(entry -> entry.getValue().isOver())
                .map(Map.Entry::getKey)
                .toList();
    }
}
