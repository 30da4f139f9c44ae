package io.migratekit.vmware.sim;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How does vSphere describe the devices of a VM or of a snapshot? Elements in the order of the schema. */
final class Devices {
    private Devices() {}

    /** The name of a file in the chain: 0 is the base. */
    static String fileName(SimDisk disk, int number) {
        String base = disk.file().getFileName().toString().replace("-flat.vmdk", "");
        return number == 0 || disk.isLeftOutOfSnapshots()
                ? base + ".vmdk"
                : String.format("%s-%06d.vmdk", base, number);
    }

    static String datastorePath(SimDisk disk, int number) {
        return "[" + disk.vm().datastore + "] " + disk.vm().name + "/" + fileName(disk, number);
    }

    /** The devices now, or those that a snapshot recorded. */
    static List<Node> of(SimVm vm, @Nullable SimSnapshot snapshot) {
        List<Node> devices = new ArrayList<>();
        for (SimVm.Controller controller : vm.controllers.values()) {
            devices.add(controller(vm, controller));
        }
        if (snapshot == null) {
            int number = vm.snapshots.liveFileNumber();
            for (SimDisk disk : vm.disks.values()) {
                devices.add(disk(disk, disk.capacityBytes(), disk.liveChangeId().orElse(null), number));
            }
        } else {
            for (SimSnapshot.Frozen frozen : snapshot.disks.values()) {
                devices.add(disk(frozen.disk(), frozen.capacityBytes(), frozen.changeId(), snapshot.fileNumber));
            }
            for (SimDisk disk : snapshot.leftOut) {
                devices.add(disk(disk, disk.capacityBytes(), null, 0));
            }
        }
        vm.nics.forEach(nic -> devices.add(nic(vm, nic)));
        return devices;
    }

    private static Node info(String label, String summary) {
        return Node.object("deviceInfo", "Description", Node.text("label", label), Node.text("summary", summary));
    }

    private static Node controller(SimVm vm, SimVm.Controller controller) {
        Node node = Node.subtype(
                "device",
                controller.type(),
                Node.number("key", controller.key()),
                info(controller.type() + " " + controller.bus(), controller.type()),
                Node.number("busNumber", controller.bus()));
        for (SimDisk disk : vm.disks.values()) {
            if (disk.controllerKey() == controller.key()) {
                node.add(Node.number("device", disk.key()));
            }
        }
        if (controller.type().contains("SCSI") || controller.type().contains("Logic")) {
            node.add(
                    Node.flag("hotAddRemove", true),
                    Node.leaf("sharedBus", "VirtualSCSISharing", controller.sharedBus()),
                    Node.number("scsiCtlrUnitNumber", 7));
        }
        return node;
    }

    private static Node nic(SimVm vm, SimVm.Nic nic) {
        return Node.subtype(
                "device",
                nic.type(),
                Node.number("key", nic.key()),
                info("Network adapter " + (nic.key() - 3999), nic.network()),
                Node.subtype(
                        "backing",
                        "VirtualEthernetCardNetworkBackingInfo",
                        Node.text("deviceName", nic.network()),
                        Node.flag("useAutoDetect", false),
                        Node.ref("network", vm.world.network(nic.network()))),
                Node.object(
                        "connectable",
                        "VirtualDeviceConnectInfo",
                        Node.flag("startConnected", true),
                        Node.flag("allowGuestControl", true),
                        Node.flag("connected", vm.facts().isOn())),
                Node.number("controllerKey", 100),
                Node.number("unitNumber", nic.key() - 3993),
                Node.text("addressType", "assigned"),
                Node.text("macAddress", nic.mac()),
                Node.flag("wakeOnLanEnabled", true));
    }

    private static Node disk(SimDisk disk, long capacity, @Nullable String changeId, int number) {
        return Node.subtype(
                "device",
                "VirtualDisk",
                Node.number("key", disk.key()),
                info(disk.label(), String.format("%,d KB", capacity / 1024)),
                backing(disk, changeId, number, "backing"),
                Node.number("controllerKey", disk.controllerKey()),
                Node.number("unitNumber", disk.unitNumber()),
                Node.number("capacityInKB", capacity / 1024),
                Node.number("capacityInBytes", capacity),
                Node.text("diskObjectId", disk.vm().ref.id().replace("vm-", "") + "-" + disk.key()));
    }

    private static Node backing(SimDisk disk, @Nullable String changeId, int number, String element) {
        String kind = disk.backing();
        Node node = Node.subtype(element, "VirtualDisk" + kind + "BackingInfo");
        if (kind.equals("RawDiskVer2")) {
            node.add(Node.text("deviceName", "/vmfs/devices/disks/vml.0200"), Node.flag("useAutoDetect", false));
            node.add(Node.text("descriptorFileName", datastorePath(disk, number)), Node.text("uuid", disk.uuid()));
        } else {
            node.add(
                    Node.text("fileName", datastorePath(disk, number)),
                    Node.ref("datastore", disk.vm().world.datastore(disk.vm().datastore)));
            if (kind.equals("RawDiskMappingVer1")) {
                node.add(Node.text("lunUuid", "0200"), Node.text("deviceName", "vml.0200"));
                node.add(Node.text("compatibilityMode", disk.compatibility()));
            }
            node.add(Node.text("diskMode", disk.mode()));
            if (kind.equals("FlatVer2") || kind.equals("FlatVer1")) {
                node.add(Node.flag("split", false), Node.flag("writeThrough", false));
            }
            if (kind.equals("FlatVer2")) {
                node.add(Node.flag("thinProvisioned", true));
            }
            if (!kind.endsWith("Ver1") || kind.equals("RawDiskMappingVer1")) {
                node.add(Node.text("uuid", disk.uuid()));
            }
            node.add(Node.text("contentId", disk.uuid().replace("-", "")));
        }
        if (changeId != null && !kind.equals("FlatVer1")) {
            node.add(Node.text("changeId", changeId));
        }
        if (!kind.equals("RawDiskVer2")) {
            parent(disk, number, node);
        }
        if (kind.equals("FlatVer2") || kind.startsWith("RawDisk")) {
            node.add(Node.leaf("sharing", "string", disk.sharing()));
        }
        String keyId = disk.vm().facts().keyId();
        if (!keyId.isEmpty() && (kind.equals("FlatVer2") || kind.startsWith("S"))) {
            node.add(key("keyId", keyId));
        }
        return node;
    }

    /** What a delta stands on; for the base of a linked clone that is somebody else's file. */
    private static void parent(SimDisk disk, int number, Node node) {
        List<SimSnapshot> below = disk.vm().snapshots.list().stream()
                .filter(s -> s.fileNumber < number)
                .sorted(java.util.Comparator.comparingInt(s -> s.fileNumber))
                .toList();
        if (!below.isEmpty() && !disk.isLeftOutOfSnapshots()) {
            node.add(backing(disk, null, below.getLast().fileNumber, "parent"));
        } else if (!disk.parentFile().isEmpty()) {
            node.add(Node.subtype(
                    "parent",
                    "VirtualDiskFlatVer2BackingInfo",
                    Node.text("fileName", disk.parentFile()),
                    Node.text("diskMode", "persistent")));
        }
    }

    static Node key(String element, String keyId) {
        return Node.object(
                element,
                "CryptoKeyId",
                Node.text("keyId", keyId),
                Node.object("providerId", "KeyProviderId", Node.text("id", "provider-1")));
    }
}
