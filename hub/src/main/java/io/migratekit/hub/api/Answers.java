package io.migratekit.hub.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.hub.Hub;
import io.migratekit.hub.export.ExportKey;
import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.BackupDisk;
import io.migratekit.hub.repository.Chain;
import io.migratekit.hub.repository.ChainDisk;
import io.migratekit.hub.repository.ChainLayer;
import io.migratekit.hub.repository.InventoryDisk;
import io.migratekit.hub.repository.Pruned;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.hub.repository.Unreadable;
import io.migratekit.hub.repository.Vm;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How is what a repository holds written? As the schemas of hub/openapi.yaml have it; what is not known is left out. */
public final class Answers {
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
        JsonArray bad = new JsonArray();
        for (Unreadable record : unreadable) {
            JsonObject one = new JsonObject();
            one.addProperty("vm", record.vm());
            one.addProperty("file", record.file());
            one.addProperty("why", record.why());
            bad.add(one);
        }
        answer.add("unreadable", bad);
        return answer;
    }

    /** With what only the hub knows that serves it. */
    static JsonObject backup(Hub.Seen seen) {
        Backup backup = seen.backup();
        JsonObject object = backup(backup);
        if (backup.state() != Backup.State.OPEN) {
            return object;
        }
        object.addProperty("state", seen.isDormant() ? "dormant" : "open");
        seen.lease().ifPresent(lease -> {
            put(object, "leaseUntil", lease.until());
            lease.progress().ifPresent(progress -> object.add("progress", progress));
        });
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

    /** As it stands in the repository. */
    public static JsonObject backup(Backup backup) {
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
        if (vm.lastPoint() != null) {
            JsonObject point = new JsonObject();
            point.addProperty("id", vm.lastPoint().id());
            put(point, "takenAt", vm.lastPoint().takenAt());
            point.addProperty("complete", vm.lastPoint().complete());
            object.add("lastPoint", point);
        }
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
        JsonArray points = new JsonArray();
        layer.points().forEach(points::add);
        object.add("points", points);
        object.addProperty("open", layer.open());
        return object;
    }

    private static void put(JsonObject object, String name, @Nullable Object value) {
        if (value instanceof JsonElement element) {
            object.add(name, element);
        } else if (value != null) {
            object.addProperty(name, value.toString());
        }
    }
}
