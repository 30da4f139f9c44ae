package io.migratekit.vmware;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Which disks are in a list of virtual devices? */
final class VmDisks {
    /** vSphere allows 32 snapshots in a chain; what is longer is not looked at further. */
    private static final int LONGEST_CHAIN = 300;

    private VmDisks() {}

    static List<VmDisk> of(JsonArray devices) {
        List<VmDisk> disks = new ArrayList<>();
        for (JsonElement device : devices) {
            if (device instanceof JsonObject object && text(object, "_typeName").equals("VirtualDisk")) {
                disks.add(disk(object));
            }
        }
        disks.sort(Comparator.comparingInt(VmDisk::key));
        return List.copyOf(disks);
    }

    /** The device with this key, if there is one. */
    static Optional<JsonObject> device(JsonArray devices, int key) {
        for (JsonElement device : devices) {
            if (device instanceof JsonObject object && number(object, "key", -1) == key) {
                return Optional.of(object);
            }
        }
        return Optional.empty();
    }

    private static VmDisk disk(JsonObject disk) {
        JsonObject backing = inner(disk, "backing");
        String own = text(backing, "uuid");
        String changeId = text(backing, "changeId");
        long kilobytes = number(disk, "capacityInKB", 0);
        return new VmDisk(
                (int) number(disk, "key", 0),
                text(inner(disk, "deviceInfo"), "label"),
                (int) number(disk, "controllerKey", 0),
                (int) number(disk, "unitNumber", 0),
                number(disk, "capacityInBytes", kilobytes * 1024),
                text(backing, "fileName"),
                text(backing, "_typeName").replaceAll("^VirtualDisk|BackingInfo$", ""),
                own.isEmpty() ? diskObjectId(disk, backing) : own,
                text(backing, "diskMode"),
                text(backing, "sharing"),
                backing.has("keyId"),
                parents(backing),
                changeId.isBlank() ? Optional.empty() : Optional.of(new ChangeId(changeId)));
    }

    /** What snapshots put below a disk lies in its own folder; what else is there, in that of the VM it was cloned from. */
    private static List<String> parents(JsonObject backing) {
        String own = folder(text(backing, "fileName"));
        List<String> others = new ArrayList<>();
        JsonObject link = inner(backing, "parent");
        for (int depth = 0; link.size() > 0 && depth < LONGEST_CHAIN; depth++) {
            String file = text(link, "fileName");
            if (!file.isEmpty() && !folder(file).equals(own)) {
                others.add(file);
            }
            link = inner(link, "parent");
        }
        return others;
    }

    private static String folder(String file) {
        return file.substring(0, file.lastIndexOf('/') + 1);
    }

    private static String diskObjectId(JsonObject disk, JsonObject backing) {
        String vDisk = text(disk, "vDiskId");
        String lun = text(backing, "lunUuid");
        return !vDisk.isEmpty() ? vDisk : !lun.isEmpty() ? lun : text(disk, "diskObjectId");
    }

    static String text(JsonObject object, String name) {
        return object.get(name) instanceof JsonPrimitive plain ? plain.getAsString() : "";
    }

    static long number(JsonObject object, String name, long otherwise) {
        return object.get(name) instanceof JsonPrimitive plain && plain.isNumber() ? plain.getAsLong() : otherwise;
    }

    static JsonObject inner(JsonObject object, String name) {
        return object.get(name) instanceof JsonObject inner ? inner : new JsonObject();
    }

    static JsonArray list(@Nullable JsonElement owner, String name) {
        return owner instanceof JsonObject object && object.get(name) instanceof JsonArray list
                ? list
                : new JsonArray();
    }
}
