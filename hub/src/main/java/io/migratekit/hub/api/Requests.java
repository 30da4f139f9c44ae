package io.migratekit.hub.api;

import com.google.gson.JsonObject;
import io.migratekit.hub.repository.Inventory;
import io.migratekit.hub.repository.InventoryDisk;
import io.migratekit.hub.repository.RetentionPolicy;
import io.migratekit.hub.repository.SealDisk;
import io.migratekit.hub.repository.SealRequest;
import io.migratekit.hub.repository.StartDisk;
import io.migratekit.hub.repository.StartRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/** What does a request want? The schemas of hub/openapi.yaml, read field by field. */
final class Requests {
    private static final int MOST_DISKS = 256;
    private static final int NAME = 256;
    private static final int SENTENCE = 1024;
    private static final int LARGEST_KEY = 999_999_999;
    /** 1 PiB: more than any disk of a VM, less than what qcow2 with its usual clusters can hold. */
    private static final long LARGEST_DISK = 1L << 50;

    private static final List<String> RULES = List.of("last", "hourly", "daily", "weekly", "monthly", "yearly");
    private static final int MOST_POINTS = 100_000;
    private static final int WORKERS = 4;
    private static final Duration LEASE = Duration.ofMinutes(10);
    private static final long LONGEST_SECONDS = 4_000_000_000L;

    private Requests() {}

    record Prune(RetentionPolicy policy, boolean apply) {}

    record Start(StartRequest request, int workers, Duration lease) {}

    static Start start(Body body) {
        String id = body.id("id");
        String vm = body.id("vm");
        Optional<String> name = body.text("name", NAME);
        int workers = workers(body);
        Duration lease = lease(body);
        List<StartDisk> disks = new ArrayList<>();
        Set<Integer> keys = new HashSet<>();
        for (Body disk : body.list("disks", 1, MOST_DISKS)) {
            disks.add(new StartDisk(
                    key(disk, keys),
                    disk.text("label", NAME).orElse(null),
                    disk.requiredNumber("capacityBytes", 1, LARGEST_DISK),
                    kind(disk)));
            disk.end();
        }
        body.end();
        return new Start(new StartRequest(id, vm, name.orElse(null), disks, null), workers, lease);
    }

    private static StartDisk.Wanted kind(Body disk) {
        String kind = disk.text("kind", NAME).orElse("auto");
        for (StartDisk.Wanted wanted : StartDisk.Wanted.values()) {
            if (wanted.name().toLowerCase(Locale.ROOT).equals(kind)) {
                return wanted;
            }
        }
        throw disk.wrong("kind", "has to be auto, full or incremental");
    }

    private static int key(Body disk, Set<Integer> keys) {
        int key = (int) disk.requiredNumber("key", 0, LARGEST_KEY);
        if (!keys.add(key)) {
            throw disk.wrong("key", "is there twice");
        }
        return key;
    }

    static Prune prune(Body body) {
        Body keep = body.part("keep");
        boolean apply = body.truth("apply").orElse(false);
        int[] counts = new int[RULES.size()];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = (int) keep.number(RULES.get(i), 0, MOST_POINTS).orElse(0);
        }
        Duration within = Duration.ofSeconds(
                keep.number("withinSeconds", 0, LONGEST_SECONDS).orElse(0));
        keep.end();
        body.end();
        return new Prune(
                new RetentionPolicy(counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], within), apply);
    }

    static Optional<JsonObject> progress(Body body) {
        Optional<JsonObject> progress = body.object("progress");
        body.end();
        return progress;
    }

    static SealRequest seal(Body body) {
        List<SealDisk> disks = new ArrayList<>();
        Set<Integer> keys = new HashSet<>();
        for (Body disk : body.list("disks", 0, MOST_DISKS)) {
            disks.add(new SealDisk(
                    key(disk, keys),
                    disk.text("missing", SENTENCE).orElse(null),
                    disk.object("moment").orElse(null),
                    disk.text("hashes", NAME).orElse(null),
                    disk.text("reason", SENTENCE).orElse(null)));
            disk.end();
        }
        SealRequest seal = new SealRequest(
                body.time("takenAt").orElse(null),
                body.truth("quiesced").orElse(null),
                body.object("configuration").orElse(null),
                body.text("agent", NAME).orElse(null),
                disks);
        body.end();
        return seal;
    }

    record Read(Set<Integer> disks, int workers, Duration lease) {}

    static Read read(Body body) {
        Set<Integer> keys = new HashSet<>();
        if (body.has("disks")) {
            for (Body disk : body.list("disks", 1, MOST_DISKS)) {
                int _ = key(disk, keys);
                disk.end();
            }
        }
        Read read = new Read(keys, workers(body), lease(body));
        body.end();
        return read;
    }

    private static int workers(Body body) {
        return (int) body.number("workers", 1, 64).orElse(WORKERS);
    }

    private static Duration lease(Body body) {
        return Duration.ofSeconds(body.number("leaseSeconds", 10, 86_400).orElse(LEASE.toSeconds()));
    }

    record Verify(Optional<String> backup, Optional<Duration> olderThan, long bytesPerSecond) {}

    static Verify verify(Body body) {
        OptionalLong olderThan = body.number("olderThanSeconds", 0, LONGEST_SECONDS);
        Verify verify = new Verify(
                body.optionalId("backup"),
                olderThan.isPresent() ? Optional.of(Duration.ofSeconds(olderThan.getAsLong())) : Optional.empty(),
                body.number("bytesPerSecond", 0, LARGEST_DISK).orElse(0L));
        body.end();
        return verify;
    }

    static Inventory inventory(Body body) {
        List<InventoryDisk> disks = new ArrayList<>();
        Set<Integer> keys = new HashSet<>();
        for (Body disk : body.list("disks", 0, MOST_DISKS)) {
            disks.add(new InventoryDisk(
                    key(disk, keys),
                    disk.text("label", NAME).orElse(null),
                    disk.requiredNumber("capacityBytes", 1, LARGEST_DISK)));
            disk.end();
        }
        Inventory inventory = new Inventory(
                body.required("name", body.text("name", NAME)),
                body.text("vcenter", NAME).orElse(null),
                disks,
                body.object("configuration").orElse(null));
        body.end();
        return inventory;
    }
}
