package io.migratekit.hub.repository;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.nbd.files.JsonFields;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How is what is recorded written as JSON, and what must be there when it is read? */
final class Records {
    private Records() {}

    static JsonObject of(Backup backup) {
        JsonObject object = new JsonObject();
        put(object, "id", backup.id());
        put(object, "vm", backup.vm());
        put(object, "vmName", backup.vmName());
        put(object, "state", word(backup.state()));
        object.addProperty("complete", backup.complete());
        put(object, "startedAt", backup.startedAt());
        put(object, "takenAt", backup.takenAt());
        put(object, "sealedAt", backup.sealedAt());
        put(object, "keepUntil", backup.keepUntil());
        if (backup.quiesced() != null) {
            object.addProperty("quiesced", backup.quiesced());
        }
        put(object, "agent", backup.agent());
        put(object, "configuration", backup.configuration());
        JsonArray disks = new JsonArray();
        backup.disks().forEach(disk -> disks.add(of(disk)));
        object.add("disks", disks);
        return object;
    }

    private static JsonObject of(BackupDisk disk) {
        JsonObject object = new JsonObject();
        object.addProperty("key", disk.key());
        put(object, "label", disk.label());
        object.addProperty("capacityBytes", disk.capacityBytes());
        put(object, "kind", word(disk.kind()));
        put(object, "why", disk.why());
        put(object, "layer", disk.layer());
        object.addProperty("layerBytes", disk.layerBytes());
        Parent parent = disk.parent();
        if (parent != null) {
            object.add("parent", of(parent));
        }
        put(object, "root", disk.root());
        put(object, "hashedBy", disk.hashedBy());
        put(object, "moment", disk.moment());
        put(object, "missing", disk.missing());
        return object;
    }

    static JsonObject of(Parent parent) {
        JsonObject object = new JsonObject();
        put(object, "backup", parent.backup());
        put(object, "root", parent.root());
        put(object, "moment", parent.moment());
        return object;
    }

    static JsonObject of(Inventory inventory) {
        JsonObject object = new JsonObject();
        put(object, "name", inventory.name());
        put(object, "vcenter", inventory.vcenter());
        JsonArray disks = new JsonArray();
        for (InventoryDisk disk : inventory.disks()) {
            JsonObject one = new JsonObject();
            one.addProperty("key", disk.key());
            put(one, "label", disk.label());
            one.addProperty("capacityBytes", disk.capacityBytes());
            disks.add(one);
        }
        object.add("disks", disks);
        put(object, "configuration", inventory.configuration());
        return object;
    }

    static Backup backup(JsonFields fields) throws JsonFields.Unfit {
        String id = fields.string("id");
        String vm = fields.string("vm");
        Backup.State state = constant(fields, "state", Backup.State.values());
        List<BackupDisk> disks = new ArrayList<>();
        for (JsonFields disk : objects(fields, "disks")) {
            disks.add(disk(disk, vm, state));
        }
        return new Backup(
                id,
                vm,
                fields.string("vmName"),
                state,
                fields.truth("complete"),
                fields.time("startedAt"),
                time(fields, "takenAt"),
                time(fields, "sealedAt"),
                time(fields, "keepUntil"),
                has(fields, "quiesced") ? fields.truth("quiesced") : null,
                string(fields, "agent"),
                object(fields, "configuration"),
                disks);
    }

    private static BackupDisk disk(JsonFields fields, String vm, Backup.State state) throws JsonFields.Unfit {
        int key = key(fields);
        String layer = string(fields, "layer");
        String missing = string(fields, "missing");
        String root = string(fields, "root");
        BackupDisk.Kind kind = constant(fields, "kind", BackupDisk.Kind.values());
        Parent parent = has(fields, "parent") ? parent(fields.object("parent")) : null;
        if (layer == null && missing == null) {
            throw new JsonFields.Unfit("disk " + key + " has neither 'layer' nor 'missing'");
        }
        if (layer != null && !Layers.isLayer(layer, vm, key)) {
            throw new JsonFields.Unfit("'layer' of disk " + key + " is no layer of this disk: " + layer);
        }
        if (layer != null && state == Backup.State.SEALED && root == null) {
            throw new JsonFields.Unfit("'root' of disk " + key + " is missing");
        }
        if (layer != null && (kind == BackupDisk.Kind.INCREMENTAL) != (parent != null)) {
            throw new JsonFields.Unfit("'parent' of disk " + key + " does not fit its 'kind'");
        }
        return new BackupDisk(
                key,
                string(fields, "label"),
                fields.number("capacityBytes"),
                kind,
                string(fields, "why"),
                layer,
                fields.number("layerBytes"),
                parent,
                root,
                string(fields, "hashedBy"),
                object(fields, "moment"),
                missing);
    }

    static Parent parent(JsonFields fields) throws JsonFields.Unfit {
        return new Parent(fields.string("backup"), fields.string("root"), object(fields, "moment"));
    }

    static Inventory inventory(JsonFields fields) throws JsonFields.Unfit {
        List<InventoryDisk> disks = new ArrayList<>();
        for (JsonFields disk : objects(fields, "disks")) {
            disks.add(new InventoryDisk(key(disk), string(disk, "label"), disk.number("capacityBytes")));
        }
        return new Inventory(fields.string("name"), string(fields, "vcenter"), disks, object(fields, "configuration"));
    }

    static void put(JsonObject object, String name, @Nullable Object value) {
        if (value instanceof JsonElement element) {
            object.add(name, element);
        } else if (value != null) {
            object.addProperty(name, value.toString());
        }
    }

    static List<JsonFields> objects(JsonFields fields, String name) throws JsonFields.Unfit {
        if (!(fields.raw().get(name) instanceof JsonArray array)) {
            throw new JsonFields.Unfit("'" + name + "' is not an array");
        }
        List<JsonFields> all = new ArrayList<>();
        for (JsonElement element : array) {
            all.add(JsonFields.parse(element.toString()));
        }
        return all;
    }

    static int key(JsonFields fields) throws JsonFields.Unfit {
        long key = fields.number("key");
        if (key < 0 || key > Integer.MAX_VALUE) {
            throw new JsonFields.Unfit("'key' is not that of a disk: " + key);
        }
        return (int) key;
    }

    static @Nullable String string(JsonFields fields, String name) throws JsonFields.Unfit {
        return has(fields, name) ? fields.string(name) : null;
    }

    static @Nullable Instant time(JsonFields fields, String name) throws JsonFields.Unfit {
        return has(fields, name) ? fields.time(name) : null;
    }

    private static @Nullable JsonObject object(JsonFields fields, String name) throws JsonFields.Unfit {
        return has(fields, name) ? fields.object(name).raw() : null;
    }

    static boolean has(JsonFields fields, String name) {
        JsonElement element = fields.raw().get(name);
        return element != null && !element.isJsonNull();
    }

    static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** Capital letters are taken as well: they were written once. */
    static <T extends Enum<T>> T constant(JsonFields fields, String name, T[] all) throws JsonFields.Unfit {
        String word = fields.string(name);
        for (T one : all) {
            if (one.name().equalsIgnoreCase(word)) {
                return one;
            }
        }
        throw new JsonFields.Unfit("'" + name + "' is not known: " + word);
    }
}
