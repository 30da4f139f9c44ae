package io.migratekit.hub.guest;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.BackupDisk;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What would the record of a restore point be, for a VM of this configuration? */
final class Points {
    /** As an agent wrote it: what its vSphere types do not know are strings, also numbers and truths. */
    static final String CONFIGURATION = """
            {
              "server": "VMware vCenter Server 7.0.3",
              "path": "/DC0/vm/web01",
              "config": {
                "_typeName": "VirtualMachineConfigInfo",
                "name": "web01",
                "uuid": "695C0894-33bf-449d-b1b6-2440b0d5bc21",
                "instanceUuid": "850c4ed4-351c-4d47-81ab-d6baaefedbb4",
                "guestId": "debian11_64Guest",
                "firmware": "bios",
                "bootOptions": {"_typeName": "VirtualMachineBootOptions", "efiSecureBootEnabled": "false"},
                "hardware": {
                  "_typeName": "VirtualHardware",
                  "numCPU": 4,
                  "numCoresPerSocket": 2,
                  "memoryMB": 2048,
                  "device": [
                    {"_typeName": "VirtualIDEController", "key": 200, "busNumber": 0},
                    {"_typeName": "ParaVirtualSCSIController", "key": 1000, "busNumber": 0, "device": [2000, 2001]},
                    {"_typeName": "VirtualNVMEController", "key": "31000", "busNumber": "0"},
                    {"_typeName": "VirtualDisk", "key": 2000, "controllerKey": 1000, "unitNumber": 0},
                    {"_typeName": "VirtualDisk", "key": 2001, "controllerKey": 1000, "unitNumber": 1},
                    {"_typeName": "VirtualDisk", "key": 32000, "controllerKey": 31000, "unitNumber": 0},
                    {"_typeName": "VirtualVmxnet3", "key": 4000, "macAddress": "00:50:56:00:00:E3",
                     "backing": {"deviceName": "VM Network"}},
                    {"_typeName": "VirtualE1000e", "key": 4001, "macAddress": "00-50-56-00-00-e4"}
                  ]
                }
              }
            }
            """;

    private Points() {}

    static JsonObject configuration() {
        return JsonParser.parseString(CONFIGURATION).getAsJsonObject();
    }

    /** The part of a configuration at the end of these names. */
    static JsonObject inner(JsonObject configuration, String... names) {
        JsonElement inner = configuration;
        for (String name : names) {
            inner = inner.getAsJsonObject().get(name);
        }
        return inner.getAsJsonObject();
    }

    static Backup point(String name, @Nullable JsonObject configuration, int... keys) {
        List<BackupDisk> disks = new ArrayList<>();
        for (int key : keys) {
            String layer = "vms/vm/disks/" + key + "/0001.qcow2";
            disks.add(new BackupDisk(
                    key,
                    "Hard disk " + key,
                    1 << 20,
                    BackupDisk.Kind.FULL,
                    null,
                    layer,
                    1,
                    null,
                    "r",
                    null,
                    null,
                    null));
        }
        return new Backup(
                "point",
                "vm",
                name,
                Backup.State.SEALED,
                true,
                Instant.EPOCH,
                null,
                null,
                null,
                null,
                null,
                configuration,
                disks);
    }

    static Machine machine(String name) {
        return Machine.of(point(name, configuration(), 2000, 2001, 32000));
    }

    /** A machine whose one disk hangs on this. */
    static Machine machine(Firmware firmware, DiskBus bus) {
        JsonObject configuration = configuration();
        inner(configuration, "config").addProperty("firmware", firmware == Firmware.EFI ? "efi" : "bios");
        JsonObject controller = inner(configuration, "config", "hardware")
                .getAsJsonArray("device")
                .get(1)
                .getAsJsonObject();
        controller.addProperty("_typeName", bus.type());
        inner(configuration, "config", "hardware").addProperty("memoryMB", 256);
        return Machine.of(point("guest", configuration, 2000));
    }
}
