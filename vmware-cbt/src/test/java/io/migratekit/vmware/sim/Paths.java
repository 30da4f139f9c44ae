package io.migratekit.vmware.sim;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What stands at a property path such as {@code config.hardware.device[2000]}? */
final class Paths {
    /** Where a property is an array, and of what. */
    private static final Map<String, String> ARRAYS = Map.ofEntries(
            Map.entry("VirtualHardware.device", "VirtualDevice"),
            Map.entry("VirtualMachineConfigInfo.extraConfig", "OptionValue"),
            Map.entry("VirtualMachine.datastore", "ManagedObjectReference"),
            Map.entry("VirtualMachine.network", "ManagedObjectReference"),
            Map.entry("VirtualMachine.rootSnapshot", "ManagedObjectReference"),
            Map.entry("VirtualMachine.recentTask", "ManagedObjectReference"),
            Map.entry("VirtualMachine.disabledMethod", "string"),
            Map.entry("VirtualMachineSnapshot.childSnapshot", "ManagedObjectReference"),
            Map.entry("VirtualMachineSnapshotInfo.rootSnapshotList", "VirtualMachineSnapshotTree"),
            Map.entry("Folder.childEntity", "ManagedObjectReference"),
            Map.entry("Datacenter.datastore", "ManagedObjectReference"),
            Map.entry("Datacenter.network", "ManagedObjectReference"),
            Map.entry("ComputeResource.host", "ManagedObjectReference"),
            Map.entry("HostSystem.vm", "ManagedObjectReference"),
            Map.entry("ResourcePool.vm", "ManagedObjectReference"),
            Map.entry("Datastore.vm", "ManagedObjectReference"),
            Map.entry("ContainerView.view", "ManagedObjectReference"));

    /** What a VM may have: an unset one of these is absent, any other name is a mistake of the client. */
    private static final Set<String> OF_VM = Set.of(
            "capability",
            "config",
            "layout",
            "layoutEx",
            "storage",
            "environmentBrowser",
            "resourcePool",
            "parentVApp",
            "resourceConfig",
            "runtime",
            "guest",
            "summary",
            "datastore",
            "network",
            "snapshot",
            "rootSnapshot",
            "guestHeartbeatStatus",
            "parent",
            "customValue",
            "overallStatus",
            "configStatus",
            "configIssue",
            "effectiveRole",
            "permission",
            "name",
            "disabledMethod",
            "recentTask",
            "declaredAlarmState",
            "triggeredAlarmState",
            "alarmActionsEnabled",
            "tag",
            "value",
            "availableField");

    private static final Set<String> OF_CONFIG = Set.of(
            "changeVersion",
            "modified",
            "name",
            "guestFullName",
            "version",
            "uuid",
            "createDate",
            "instanceUuid",
            "locationId",
            "template",
            "guestId",
            "alternateGuestName",
            "annotation",
            "files",
            "tools",
            "flags",
            "consolePreferences",
            "defaultPowerOps",
            "hardware",
            "cpuAllocation",
            "memoryAllocation",
            "latencySensitivity",
            "memoryHotAddEnabled",
            "cpuHotAddEnabled",
            "cpuHotRemoveEnabled",
            "cpuAffinity",
            "memoryAffinity",
            "networkShaper",
            "extraConfig",
            "cpuFeatureMask",
            "datastoreUrl",
            "swapPlacement",
            "bootOptions",
            "ftInfo",
            "repConfig",
            "vAppConfig",
            "vAssertsEnabled",
            "changeTrackingEnabled",
            "firmware",
            "maxMksConnections",
            "guestAutoLockEnabled",
            "managedBy",
            "memoryReservationLockedToMax",
            "initialOverhead",
            "nestedHVEnabled",
            "vPMCEnabled",
            "scheduledHardwareUpgradeInfo",
            "forkConfigInfo",
            "vFlashCacheReservation",
            "vmxConfigChecksum",
            "messageBusTunnelEnabled",
            "vmStorageObjectId",
            "swapStorageObjectId",
            "keyId",
            "guestIntegrityInfo",
            "migrateEncryption");

    private Paths() {}

    /** All elements at a path. */
    static List<Node> nodes(Node tree, String path) {
        List<Node> at = List.of(tree);
        for (String step : path.split("\\.", -1)) {
            int bracket = step.indexOf('[');
            String name = bracket < 0 ? step : step.substring(0, bracket);
            at = at.stream().flatMap(n -> n.all(name).stream()).toList();
            if (bracket >= 0) {
                String key = step.substring(bracket + 1, step.length() - 1).replace("\"", "");
                at = at.stream()
                        .filter(n -> n.value("key").orElse("").equals(key))
                        .toList();
            }
        }
        return at;
    }

    /** The value of a property as {@code val} with its type, if it is set. */
    static Optional<Node> value(String type, Node tree, String path) {
        refuseUnknown(type, path);
        int dot = path.lastIndexOf('.');
        List<Node> owners = dot < 0 ? List.of(tree) : nodes(tree, path.substring(0, dot));
        if (owners.isEmpty()) {
            return Optional.empty();
        }
        Node owner = owners.getFirst();
        String last = path.substring(dot + 1);
        List<Node> found = nodes(owner, last);
        String element = ARRAYS.get(owner.type() + "." + last);
        if (element != null && (!found.isEmpty() || dot < 0)) {
            String upper = Character.toUpperCase(element.charAt(0)) + element.substring(1);
            Node array = Node.subtype("val", "ArrayOf" + upper);
            found.forEach(item -> array.add(item.renamed(element, item.typeIsShown())));
            return Optional.of(array);
        }
        return found.stream().findFirst().map(node -> node.renamed("val", true));
    }

    private static void refuseUnknown(String type, String path) {
        if (!type.equals("VirtualMachine")) {
            return;
        }
        String[] steps = path.split("[.\\[]", -1);
        if (!OF_VM.contains(steps[0])
                || (steps.length > 1 && steps[0].equals("config") && !OF_CONFIG.contains(steps[1]))) {
            throw new SimFault("InvalidProperty", "The property " + path + " is not known.")
                    .with("name", path)
                    .asException();
        }
    }
}
