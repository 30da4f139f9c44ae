package io.migratekit.hub.api;

import com.google.gson.JsonObject;
import io.migratekit.hub.control.Agent;
import io.migratekit.hub.control.AgentDesk;
import io.migratekit.hub.control.Limits;
import io.migratekit.hub.control.Rate;
import io.migratekit.hub.control.Schedule;
import io.migratekit.hub.control.Sighting;
import io.migratekit.hub.control.Window;
import io.migratekit.hub.repository.Inventory;
import io.migratekit.hub.repository.InventoryDisk;
import io.migratekit.hub.repository.RetentionPolicy;
import io.migratekit.hub.repository.SealDisk;
import io.migratekit.hub.repository.SealRequest;
import io.migratekit.hub.repository.StartDisk;
import io.migratekit.hub.repository.StartRequest;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

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
    private static final int MOST_URGENT = 100;
    private static final int MOST_SLOTS = 1000;
    private static final int MOST_REPORTS = 2000;
    private static final int MOST_VMS = 20_000;
    private static final int LONGEST_WAIT = 60;
    private static final int LONGEST_SAID = 4000;
    private static final int WORKERS = 4;
    private static final Duration LEASE = Duration.ofMinutes(10);
    private static final long LONGEST_SECONDS = 4_000_000_000L;

    private Requests() {}

    record Prune(RetentionPolicy policy, boolean apply) {}

    /** Somebody asks for a backup; an agent has to make it. */
    record Wish(Optional<String> id, String vm, int priority, boolean whole, Instant notBefore) {}

    /** Whether it is only asked for: who makes it says which disks there are. */
    static boolean isWish(Body body) {
        return !body.has("disks");
    }

    static Wish wish(Body body) {
        Wish wish = new Wish(
                body.optionalId("id"),
                body.id("vm"),
                priority(body),
                body.truth("whole").orElse(false),
                body.time("notBefore").orElse(Instant.EPOCH));
        // What an agent says of how it will write does not count yet.
        var _ = body.text("name", NAME);
        int _ = workers(body);
        Duration _ = lease(body);
        body.end();
        return wish;
    }

    private static int priority(Body body) {
        return (int) body.number("priority", -MOST_URGENT, MOST_URGENT).orElse(0);
    }

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
        // When it begins was decided before.
        int _ = priority(body);
        var _ = body.truth("whole");
        var _ = body.time("notBefore");
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

    record Poll(AgentDesk.Question question, Duration atMost) {}

    static Poll poll(String agent, Body body) {
        List<AgentDesk.Report> reports = new ArrayList<>();
        for (Body job : body.list("jobs", 0, MOST_REPORTS)) {
            OptionalLong code = job.number("code", 0, 255);
            String vm = job.id("vm");
            reports.add(new AgentDesk.Report(
                    job.id("job"),
                    vm,
                    job.text("vmName", NAME).orElse(vm),
                    code.isPresent() ? (int) code.getAsLong() : null,
                    job.text("said", LONGEST_SAID).orElse(null)));
            job.end();
        }
        Optional<Agent.Reached> reached = Optional.empty();
        if (body.has("reached")) {
            Body at = body.part("reached");
            reached = Optional.of(new Agent.Reached(
                    (int) at.requiredNumber("port", 1, 65_535), at.required("token", at.text("token", 100))));
            at.end();
        }
        Poll poll = new Poll(
                new AgentDesk.Question(
                        agent,
                        body.required("version", body.text("version", 200)),
                        (int) body.requiredNumber("slots", 1, MOST_SLOTS),
                        body.text("place", NAME),
                        reached,
                        reports),
                Duration.ofSeconds(body.number("waitSeconds", 0, LONGEST_WAIT).orElse(0)));
        body.end();
        return poll;
    }

    static List<Sighting> sightings(String agent, Body body) {
        String vcenter = body.required("vcenter", body.text("vcenter", NAME));
        List<Sighting> all = new ArrayList<>();
        Set<String> ids = new HashSet<>();
        for (Body vm : body.list("vms", 0, MOST_VMS)) {
            List<String> datastores = new ArrayList<>();
            if (vm.has("datastores")) {
                for (Body datastore : vm.list("datastores", 0, MOST_DISKS)) {
                    datastores.add(datastore.required("name", datastore.text("name", NAME)));
                    datastore.end();
                }
            }
            String id = vm.id("vm");
            if (!ids.add(id)) {
                throw vm.wrong("vm", "is there twice");
            }
            all.add(new Sighting(
                    agent,
                    id,
                    vm.required("name", vm.text("name", NAME)),
                    vcenter,
                    vm.text("host", NAME).orElse(""),
                    datastores,
                    (int) vm.requiredNumber("disks", 0, MOST_DISKS)));
            vm.end();
        }
        body.end();
        return all;
    }

    /** What only the hub knows of a schedule may be handed back to it, and does not count. */
    static Schedule schedule(String name, Body body) {
        List<String> patterns = new ArrayList<>();
        for (Body pattern : body.list("vms", 1, MOST_DISKS)) {
            patterns.add(pattern.required("pattern", pattern.text("pattern", NAME)));
            pattern.end();
        }
        var _ = body.text("name", 64);
        var _ = body.time("nextAt");
        var _ = body.time("lastAt");
        var _ = body.number("lastJobs", 0, 1_000_000);
        String zone = zone(body);
        Schedule schedule = new Schedule(
                name,
                "",
                body.required("cron", body.text("cron", 200)),
                zone,
                patterns,
                (int) body.number("jitterSeconds", 0, 86_400).orElse(0),
                (int) body.number("priority", -MOST_URGENT, MOST_URGENT).orElse(0),
                body.text("hours", 11).map(hours -> Window.of(hours, zone)),
                null,
                null);
        body.end();
        return schedule;
    }

    /** Whose clock is meant; ours, if nothing is said. */
    private static String zone(Body body) {
        return body.text("zone", 64).orElse(ZoneId.systemDefault().getId());
    }

    private static Rate rate(Body body) {
        String zone = zone(body);
        Rate rate = new Rate(
                body.optionalId("agent"),
                body.text("hours", 11).map(hours -> Window.of(hours, zone)),
                body.requiredNumber("bytesPerSecond", 1, LARGEST_DISK));
        body.end();
        return rate;
    }

    static Limits limits(Body body) {
        Map<String, Integer> only = new TreeMap<>();
        if (body.has("only")) {
            for (Body one : body.list("only", 0, 1000)) {
                String name = one.required("name", one.text("name", 300));
                if (!name.matches("(?s)(hub|agent|vcenter|host|datastore):.+")) {
                    throw one.wrong("name", "has to be hub, agent, vcenter, host or datastore with a colon and a name");
                }
                only.put(name, (int) one.requiredNumber("most", 0, Limits.MOST));
                one.end();
            }
        }
        List<Rate> rates = new ArrayList<>();
        if (body.has("rates")) {
            body.list("rates", 0, 1000).forEach(one -> rates.add(rate(one)));
        }
        Limits limits = new Limits(
                (int) body.requiredNumber("hub", 0, Limits.MOST),
                (int) body.requiredNumber("vcenter", 0, Limits.MOST),
                (int) body.requiredNumber("host", 0, Limits.MOST),
                (int) body.requiredNumber("datastore", 0, Limits.MOST),
                only,
                rates);
        body.end();
        return limits;
    }
}
