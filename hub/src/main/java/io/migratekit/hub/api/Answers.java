package io.migratekit.hub.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.hub.Alarm;
import io.migratekit.hub.Hub;
import io.migratekit.hub.Readings;
import io.migratekit.hub.control.Agent;
import io.migratekit.hub.control.AgentDesk;
import io.migratekit.hub.control.Job;
import io.migratekit.hub.control.Limits;
import io.migratekit.hub.control.Place;
import io.migratekit.hub.control.Queue;
import io.migratekit.hub.control.Schedule;
import io.migratekit.hub.control.Settings;
import io.migratekit.hub.export.ExportKey;
import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.BackupDisk;
import io.migratekit.hub.repository.Chain;
import io.migratekit.hub.repository.ChainDisk;
import io.migratekit.hub.repository.ChainLayer;
import io.migratekit.hub.repository.Damage;
import io.migratekit.hub.repository.InventoryDisk;
import io.migratekit.hub.repository.LastPoint;
import io.migratekit.hub.repository.LayerMap;
import io.migratekit.hub.repository.Pruned;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.hub.repository.Unreadable;
import io.migratekit.hub.repository.Verdict;
import io.migratekit.hub.repository.VerifyReport;
import io.migratekit.hub.repository.Vm;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** How is what a repository holds written? As the schemas of hub/openapi.yaml have it; what is not known is left out. */
public final class Answers {
    /** Of what an agent says: each of its disks, each kind of wait. */
    private static final Set<String> LONG_LISTS = Set.of("disks", "waits", "notes");

    private static final int MOST_BRIEF = 64 << 10;

    private Answers() {}

    public static JsonObject list(String name, List<JsonObject> objects) {
        JsonArray array = new JsonArray();
        objects.forEach(array::add);
        JsonObject answer = new JsonObject();
        answer.add(name, array);
        return answer;
    }

    /** What there is, and what should be there but cannot be read. */
    public static JsonObject backups(List<JsonObject> backups, List<Unreadable> unreadable) {
        JsonObject answer = list("backups", backups);
        answer.add("unreadable", unreadable(unreadable));
        return answer;
    }

    private static JsonArray unreadable(List<Unreadable> unreadable) {
        JsonArray bad = new JsonArray();
        for (Unreadable record : unreadable) {
            JsonObject one = new JsonObject();
            one.addProperty("vm", record.vm());
            one.addProperty("file", record.file());
            one.addProperty("why", record.why());
            bad.add(one);
        }
        return bad;
    }

    /** With what only the hub knows that serves it. */
    static JsonObject backup(Hub.Seen seen) {
        Backup backup = seen.backup();
        JsonObject object = backup(backup, seen.repository().verdict(backup));
        if (backup.state() != Backup.State.OPEN) {
            return object;
        }
        object.addProperty("state", seen.isDormant() ? "dormant" : "open");
        seen.lease().ifPresent(lease -> {
            put(object, "leaseUntil", lease.until());
            put(object, "heardAt", lease.heardAt());
            lease.progress().ifPresent(progress -> object.add("progress", progress));
        });
        seen.work().ifPresent(work -> object.add("work", work(work)));
        for (int i = 0; i < backup.disks().size(); i++) {
            JsonObject disk = object.getAsJsonArray("disks").get(i).getAsJsonObject();
            disk.addProperty(
                    "layerBytes", seen.repository().layerBytes(backup.disks().get(i)));
            ExportKey key = Hub.key(backup, backup.disks().get(i));
            seen.exports().find(key).ifPresent(served -> {
                disk.addProperty("export", served.uri());
                disk.addProperty("slots", served.slots());
                disk.addProperty("clients", served.clients());
            });
            seen.exports().failure(key).ifPresent(failure -> disk.addProperty("exportFailure", failure));
        }
        return object;
    }

    /** As it is told every few seconds: of what its agent says, without the long lists; nothing at all, if it says too much. */
    static JsonObject brief(Hub.Seen seen) {
        JsonObject object = backup(seen);
        if (object.get("progress") instanceof JsonObject progress) {
            JsonObject brief = new JsonObject();
            progress.entrySet().stream()
                    .filter(entry -> !LONG_LISTS.contains(entry.getKey()))
                    .forEach(entry -> brief.add(entry.getKey(), entry.getValue()));
            object.remove("progress");
            if (brief.toString().length() <= MOST_BRIEF) {
                object.add("progress", brief);
            }
        }
        return object;
    }

    private static JsonObject work(Hub.Work work) {
        JsonObject object = new JsonObject();
        object.addProperty("step", work.step());
        put(object, "since", work.since());
        work.disk().ifPresent(disk -> object.addProperty("disk", disk));
        object.addProperty("doneBytes", work.doneBytes());
        object.addProperty("totalBytes", work.totalBytes());
        return object;
    }

    static JsonObject map(LayerMap map) {
        JsonObject object = new JsonObject();
        object.addProperty("layer", map.layer());
        object.addProperty("capacityBytes", map.capacityBytes());
        object.addProperty("bucketBytes", map.bucketBytes());
        object.addProperty("whole", map.isWhole());
        object.add("dataBytes", numbers(map.dataBytes()));
        object.add("zeroBytes", numbers(map.zeroBytes()));
        return object;
    }

    private static JsonArray numbers(List<Long> numbers) {
        JsonArray array = new JsonArray(numbers.size());
        numbers.forEach(array::add);
        return array;
    }

    /** With all that a restore needs. */
    static JsonObject details(Hub.Seen seen) {
        JsonObject object = backup(seen);
        details(object, seen.backup());
        return object;
    }

    /** With all that a restore needs, as it stands in the repository. */
    public static JsonObject details(Backup backup, Verdict verdict) {
        JsonObject object = backup(backup, verdict);
        details(object, backup);
        return object;
    }

    private static void details(JsonObject object, Backup backup) {
        if (backup.quiesced() != null) {
            object.addProperty("quiesced", backup.quiesced());
        }
        put(object, "agent", backup.agent());
        put(object, "configuration", backup.configuration());
    }

    static JsonObject reading(Readings.Opened opened) {
        JsonObject object = new JsonObject();
        object.addProperty("reading", opened.reading().id());
        object.addProperty("backup", opened.reading().point().id());
        put(object, "leaseUntil", opened.reading().until());
        JsonArray disks = new JsonArray();
        for (Readings.Served served : opened.served()) {
            JsonObject disk = new JsonObject();
            disk.addProperty("key", served.disk().key());
            disk.addProperty("capacityBytes", served.disk().capacityBytes());
            put(disk, "root", served.disk().root());
            disk.addProperty("export", served.at().uri());
            disk.addProperty("slots", served.at().slots());
            disks.add(disk);
        }
        object.add("disks", disks);
        return object;
    }

    /** As it stands in the repository, and what is known of it. */
    public static JsonObject backup(Backup backup, Verdict verdict) {
        JsonObject object = new JsonObject();
        object.addProperty("id", backup.id());
        object.addProperty("vm", backup.vm());
        object.addProperty("vmName", backup.vmName());
        boolean open = backup.state() == Backup.State.OPEN;
        object.addProperty("state", open ? "dormant" : "sealed");
        if (!open) {
            object.addProperty("complete", backup.complete());
        }
        put(object, "startedAt", backup.startedAt());
        put(object, "takenAt", backup.takenAt());
        put(object, "sealedAt", backup.sealedAt());
        put(object, "keepUntil", backup.keepUntil());
        put(object, "provedAt", verdict.provedAt());
        if (!verdict.isGood()) {
            JsonArray damage = new JsonArray();
            verdict.damage().forEach(one -> damage.add(damage(one)));
            object.add("damage", damage);
        }
        JsonArray disks = new JsonArray();
        backup.disks().forEach(disk -> disks.add(disk(disk)));
        object.add("disks", disks);
        return object;
    }

    private static JsonObject disk(BackupDisk disk) {
        JsonObject object = new JsonObject();
        object.addProperty("key", disk.key());
        put(object, "label", disk.label());
        object.addProperty("capacityBytes", disk.capacityBytes());
        object.addProperty("kind", disk.kind().name().toLowerCase(Locale.ROOT));
        put(object, "why", disk.why());
        put(object, "layer", disk.layer());
        object.addProperty("layerBytes", disk.layerBytes());
        if (disk.parent() != null) {
            JsonObject parent = new JsonObject();
            parent.addProperty("backup", disk.parent().backup());
            parent.addProperty("root", disk.parent().root());
            put(parent, "moment", disk.parent().moment());
            object.add("parent", parent);
        }
        put(object, "root", disk.root());
        put(object, "hashedBy", disk.hashedBy());
        put(object, "moment", disk.moment());
        put(object, "missing", disk.missing());
        return object;
    }

    /** With what somebody should look after. */
    static JsonObject vm(Vm vm, List<Alarm> alarms) {
        JsonObject object = vm(vm);
        object.add(
                "alarms",
                texts(alarms.stream()
                        .filter(alarm -> alarm.vm().equals(Optional.of(vm.id())))
                        .map(Alarm::words)
                        .toList()));
        return object;
    }

    public static JsonObject vm(Vm vm) {
        JsonObject object = new JsonObject();
        object.addProperty("id", vm.id());
        object.addProperty("name", vm.name());
        put(object, "vcenter", vm.vcenter());
        JsonArray disks = new JsonArray();
        for (InventoryDisk disk : vm.disks()) {
            JsonObject one = new JsonObject();
            one.addProperty("key", disk.key());
            put(one, "label", disk.label());
            one.addProperty("capacityBytes", disk.capacityBytes());
            disks.add(one);
        }
        object.add("disks", disks);
        object.addProperty("points", vm.points());
        put(object, "lastPoint", point(vm.lastPoint()));
        put(object, "lastGood", point(vm.lastGood()));
        object.addProperty("bytes", vm.bytes());
        return object;
    }

    public static JsonObject pruned(Pruned pruned) {
        JsonObject object = new JsonObject();
        object.addProperty("vm", pruned.vm());
        object.addProperty("policy", pruned.policy().told());
        object.addProperty("zone", pruned.zone().toString());
        object.addProperty("apply", pruned.isApplied());
        put(object, "passedOver", pruned.passedOver());
        JsonArray points = new JsonArray();
        pruned.points().forEach(point -> points.add(pruned(point)));
        object.add("points", points);
        object.addProperty("removed", pruned.count(Pruned.Outcome.REMOVED));
        object.addProperty("failed", pruned.count(Pruned.Outcome.FAILED));
        object.addProperty("mostBytes", pruned.mostBytes());
        object.addProperty("freedBytes", pruned.freedBytes());
        return object;
    }

    private static JsonObject pruned(Pruned.Point point) {
        Backup backup = point.backup();
        JsonObject object = new JsonObject();
        object.addProperty("id", backup.id());
        put(object, "startedAt", backup.startedAt());
        put(object, "takenAt", backup.takenAt());
        object.addProperty("complete", backup.complete());
        object.addProperty(
                "layerBytes",
                backup.disks().stream().mapToLong(BackupDisk::layerBytes).sum());
        object.addProperty("outcome", point.outcome().name().toLowerCase(Locale.ROOT));
        JsonArray why = new JsonArray();
        point.why().forEach(why::add);
        object.add("why", why);
        object.addProperty("freedBytes", point.freedBytes());
        RepositoryException problem = point.problem();
        put(
                object,
                "problem",
                problem == null ? null : HubService.explain(problem).toJson());
        return object;
    }

    private static @Nullable JsonObject point(@Nullable LastPoint last) {
        if (last == null) {
            return null;
        }
        JsonObject point = new JsonObject();
        point.addProperty("id", last.id());
        put(point, "takenAt", last.takenAt());
        point.addProperty("complete", last.complete());
        return point;
    }

    private static JsonObject damage(Damage damage) {
        JsonObject object = new JsonObject();
        object.addProperty("layer", damage.layer());
        if (!damage.isWhole()) {
            object.addProperty("offset", damage.offset());
            object.addProperty("length", damage.length());
        }
        object.addProperty("what", damage.what());
        return object;
    }

    public static JsonObject verified(VerifyReport report) {
        JsonObject object = new JsonObject();
        object.addProperty("whole", report.isWhole());
        object.addProperty("layers", report.layers());
        object.addProperty("passedOver", report.passedOver());
        object.addProperty("readBytes", report.readBytes());
        JsonArray damage = new JsonArray();
        for (VerifyReport.Found found : report.found()) {
            JsonObject one = damage(found.damage());
            one.addProperty("vm", found.vm());
            one.addProperty("disk", found.disk());
            one.add("points", texts(found.points()));
            damage.add(one);
        }
        object.add("damage", damage);
        object.add("good", texts(report.good()));
        object.add("failures", texts(report.failures()));
        object.add("unreadable", unreadable(report.unreadable()));
        return object;
    }

    static JsonArray texts(List<String> texts) {
        JsonArray array = new JsonArray();
        texts.forEach(array::add);
        return array;
    }

    public static JsonObject chain(Chain chain) {
        JsonObject object = new JsonObject();
        object.addProperty("vm", chain.vm());
        JsonArray disks = new JsonArray();
        for (ChainDisk disk : chain.disks()) {
            JsonObject one = new JsonObject();
            one.addProperty("key", disk.key());
            JsonArray layers = new JsonArray();
            disk.layers().forEach(layer -> layers.add(layer(layer)));
            one.add("layers", layers);
            disks.add(one);
        }
        object.add("disks", disks);
        return object;
    }

    private static JsonObject layer(ChainLayer layer) {
        JsonObject object = new JsonObject();
        object.addProperty("layer", layer.layer());
        object.addProperty("kind", layer.kind().name().toLowerCase(Locale.ROOT));
        put(object, "root", layer.root());
        put(object, "parentRoot", layer.parentRoot());
        object.addProperty("bytes", layer.bytes());
        object.add("points", texts(layer.points()));
        object.addProperty("open", layer.open());
        if (layer.missing()) {
            object.addProperty("missing", true);
        }
        return object;
    }

    private static void put(JsonObject object, String name, @Nullable Object value) {
        if (value instanceof JsonElement element) {
            object.add(name, element);
        } else if (value != null) {
            object.addProperty(name, value.toString());
        }
    }

    static JsonObject job(Queue.Seen seen) {
        Job job = seen.job();
        JsonObject object = new JsonObject();
        object.addProperty("id", job.id());
        object.addProperty("hub", job.hub());
        object.addProperty("vm", job.vm());
        object.addProperty("vmName", job.vmName());
        object.addProperty("state", job.state().name().toLowerCase(Locale.ROOT));
        put(object, "waitsFor", seen.waitsFor());
        object.addProperty("priority", job.priority());
        object.addProperty("whole", job.whole());
        object.addProperty("askedBy", job.askedBy());
        put(object, "askedAt", job.askedAt());
        put(object, "notBefore", job.notBefore());
        job.window().ifPresent(window -> {
            object.addProperty("hours", window.hours());
            object.addProperty("zone", window.zone().getId());
        });
        put(object, "agent", job.agent());
        JsonObject uses = new JsonObject();
        job.uses().forEach(uses::addProperty);
        object.add("uses", uses);
        object.addProperty("attempt", job.attempt());
        put(object, "begunAt", job.begunAt());
        put(object, "heardAt", job.heardAt());
        put(object, "endedAt", job.endedAt());
        if (job.code() != null) {
            object.addProperty("code", job.code());
        }
        put(object, "said", job.said());
        object.addProperty("cancelled", job.cancelled());
        return object;
    }

    static JsonObject agent(Agent agent) {
        JsonObject object = new JsonObject();
        object.addProperty("name", agent.name());
        object.addProperty("version", agent.version());
        object.addProperty("slots", agent.slots());
        agent.reached().ifPresent(at -> object.addProperty("reachedAt", at.port()));
        put(object, "heardAt", agent.heardAt());
        put(object, "discoveredAt", agent.discoveredAt());
        object.addProperty("there", agent.isThere(Instant.now()));
        return object;
    }

    static JsonObject place(Place place, String own) {
        JsonObject object = new JsonObject();
        object.addProperty("hub", place.hub());
        object.addProperty("asked", place.hub().equals(own));
        object.addProperty("freeBytes", place.freeBytes());
        object.addProperty("promisedBytes", place.promisedBytes());
        object.addProperty("vms", place.vms());
        object.addProperty("jobs", place.jobs());
        put(object, "heardAt", place.heardAt());
        object.addProperty("there", place.isThere(Instant.now()));
        return object;
    }

    static JsonObject orders(AgentDesk.Orders orders) {
        JsonObject object = list(
                "start",
                orders.start().stream()
                        .map(job -> {
                            JsonObject one = new JsonObject();
                            one.addProperty("job", job.id());
                            one.addProperty("vm", job.vm());
                            one.addProperty("vmName", job.vmName());
                            one.addProperty("whole", job.whole());
                            return one;
                        })
                        .toList());
        JsonArray cancel = new JsonArray();
        orders.cancel().forEach(cancel::add);
        object.add("cancel", cancel);
        object.addProperty("discover", orders.discover());
        orders.bytesPerSecond().ifPresent(rate -> object.addProperty("bytesPerSecond", rate));
        return object;
    }

    static JsonObject schedule(Schedule schedule) {
        JsonObject object = list(
                "vms",
                schedule.vms().stream()
                        .map(pattern -> {
                            JsonObject one = new JsonObject();
                            one.addProperty("pattern", pattern);
                            return one;
                        })
                        .toList());
        object.addProperty("name", schedule.name());
        object.addProperty("cron", schedule.cron());
        object.addProperty("zone", schedule.zone());
        object.addProperty("jitterSeconds", schedule.jitterSeconds());
        object.addProperty("priority", schedule.priority());
        schedule.window().ifPresent(window -> object.addProperty("hours", window.hours()));
        put(object, "nextAt", schedule.next(Instant.now()).orElse(null));
        put(object, "lastAt", schedule.lastAt());
        if (schedule.lastJobs() != null) {
            object.addProperty("lastJobs", schedule.lastJobs());
        }
        return object;
    }

    static JsonObject limits(Limits limits) {
        JsonObject object = list(
                "only",
                new TreeMap<>(limits.only())
                        .entrySet().stream()
                                .map(one -> {
                                    JsonObject exception = new JsonObject();
                                    exception.addProperty("name", one.getKey());
                                    exception.addProperty("most", one.getValue());
                                    return exception;
                                })
                                .toList());
        object.addProperty("hub", limits.hub());
        object.addProperty("vcenter", limits.vcenter());
        object.addProperty("host", limits.host());
        object.addProperty("datastore", limits.datastore());
        JsonArray rates = new JsonArray();
        limits.rates().forEach(rate -> rates.add(Settings.json(rate)));
        object.add("rates", rates);
        return object;
    }
}
