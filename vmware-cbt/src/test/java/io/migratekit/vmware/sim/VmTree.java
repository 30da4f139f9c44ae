package io.migratekit.vmware.sim;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What are the properties of a VM and of a snapshot, as vSphere tells them? Elements in the order of the schema. */
final class VmTree {
    private VmTree() {}

    static Node of(SimVm vm) {
        synchronized (vm) {
            SimVm.Facts facts = vm.facts();
            Node tree = Node.object(
                    "VirtualMachine",
                    "VirtualMachine",
                    Node.object(
                            "capability",
                            "VirtualMachineCapability",
                            Node.flag("snapshotOperationsSupported", true),
                            Node.flag("multipleSnapshotsSupported", true),
                            Node.flag("changeTrackingSupported", facts.trackingSupported())),
                    config(vm, facts, null),
                    runtime(vm, facts),
                    guest(facts),
                    summary(vm, facts),
                    Node.ref("datastore", vm.world.datastore(vm.datastore)).renamed("datastore", false),
                    Node.ref("parent", vm.parent),
                    Node.ref("resourcePool", vm.world.resourcePool()),
                    Node.text("name", vm.name),
                    Node.leaf("overallStatus", "ManagedEntityStatus", "green"));
            vm.recentTasks().forEach(task -> tree.add(Node.ref("recentTask", task)));
            vm.nics.forEach(nic -> tree.add(Node.ref("network", vm.world.network(nic.network()))));
            if (!vm.snapshots.isEmpty()) {
                tree.add(snapshotInfo(vm));
                vm.snapshots.childrenOf(null).forEach(root -> tree.add(Node.ref("rootSnapshot", root.ref)));
            }
            return tree;
        }
    }

    static Node of(SimVm vm, SimSnapshot snapshot) {
        synchronized (vm) {
            Node tree = Node.object(
                    "VirtualMachineSnapshot",
                    "VirtualMachineSnapshot",
                    config(vm, vm.facts(), snapshot),
                    Node.ref("vm", vm.ref));
            vm.snapshots.childrenOf(snapshot).forEach(child -> tree.add(Node.ref("childSnapshot", child.ref)));
            return tree;
        }
    }

    private static Node config(SimVm vm, SimVm.Facts facts, @Nullable SimSnapshot snapshot) {
        Node hardware = Node.object(
                "hardware",
                "VirtualHardware",
                Node.number("numCPU", facts.cpus()),
                Node.number("numCoresPerSocket", 1),
                Node.number("memoryMB", facts.memoryMegabytes()));
        hardware.add(Devices.of(vm, snapshot));
        Node config = Node.object(
                "config",
                "VirtualMachineConfigInfo",
                Node.text("changeVersion", "2026-01-01T00:00:00.000000Z"),
                Node.time("modified", java.time.Instant.EPOCH),
                Node.text("name", vm.name),
                Node.text("guestFullName", "Simulated " + facts.guestId()),
                Node.text("version", facts.version()),
                Node.text("uuid", facts.uuid()),
                Node.text("instanceUuid", facts.instanceUuid()),
                Node.flag("template", facts.template()),
                Node.text("guestId", facts.guestId()),
                Node.text("alternateGuestName", ""),
                Node.object(
                        "files",
                        "VirtualMachineFileInfo",
                        Node.text("vmPathName", "[" + vm.datastore + "] " + vm.name + "/" + vm.name + ".vmx")),
                hardware);
        vm.extraConfig.forEach((key, value) -> config.add(Node.object(
                "extraConfig",
                "OptionValue",
                Node.text("key", key),
                Node.leaf("value", "xsd:string", value).renamed("value", true))));
        config.add(
                Node.object("bootOptions", "VirtualMachineBootOptions", Node.flag("efiSecureBootEnabled", false)),
                Node.flag("changeTrackingEnabled", facts.changeTracking()),
                Node.text("firmware", facts.firmware()));
        if (!facts.keyId().isEmpty()) {
            config.add(Devices.key("keyId", facts.keyId()));
        }
        return config;
    }

    private static Node runtime(SimVm vm, SimVm.Facts facts) {
        return Node.object(
                "runtime",
                "VirtualMachineRuntimeInfo",
                Node.ref("host", vm.host),
                Node.leaf("connectionState", "VirtualMachineConnectionState", facts.connectionState()),
                Node.leaf("powerState", "VirtualMachinePowerState", facts.powerState()),
                Node.leaf("faultToleranceState", "VirtualMachineFaultToleranceState", facts.faultTolerance()),
                Node.flag("toolsInstallerMounted", false),
                Node.number("numMksConnections", 0),
                Node.flag("consolidationNeeded", facts.consolidationNeeded()));
    }

    private static Node guest(SimVm.Facts facts) {
        return Node.object(
                "guest",
                "GuestInfo",
                Node.leaf(
                        "toolsStatus",
                        "VirtualMachineToolsStatus",
                        facts.tools() && facts.isOn() ? "toolsOk" : "toolsNotRunning"),
                Node.text(
                        "toolsRunningStatus",
                        facts.tools() && facts.isOn() ? "guestToolsRunning" : "guestToolsNotRunning"),
                Node.text("guestState", facts.isOn() ? "running" : "notRunning"));
    }

    private static Node summary(SimVm vm, SimVm.Facts facts) {
        Node summary = Node.object(
                "summary",
                "VirtualMachineSummary",
                Node.ref("vm", vm.ref),
                runtime(vm, facts),
                Node.object(
                        "config",
                        "VirtualMachineConfigSummary",
                        Node.text("name", vm.name),
                        Node.flag("template", facts.template()),
                        Node.text("vmPathName", "[" + vm.datastore + "] " + vm.name + "/" + vm.name + ".vmx"),
                        Node.number("memorySizeMB", facts.memoryMegabytes()),
                        Node.number("numCpu", facts.cpus()),
                        Node.number("numEthernetCards", vm.nics.size()),
                        Node.number("numVirtualDisks", vm.disks.size()),
                        Node.text("uuid", facts.uuid()),
                        Node.text("instanceUuid", facts.instanceUuid()),
                        Node.text("guestId", facts.guestId())),
                Node.object("quickStats", "VirtualMachineQuickStats"),
                Node.leaf("overallStatus", "ManagedEntityStatus", "green"));
        if (vm.committedBytes > 0) {
            summary.add(Node.object(
                    "storage", "VirtualMachineStorageSummary", Node.number("committed", vm.committedBytes)));
        }
        return summary;
    }

    private static Node snapshotInfo(SimVm vm) {
        Node info = Node.object("snapshot", "VirtualMachineSnapshotInfo");
        SimSnapshot current = vm.snapshots.current();
        if (current != null) {
            info.add(Node.ref("currentSnapshot", current.ref));
        }
        return info.add(branches(vm, null, "rootSnapshotList"));
    }

    private static List<Node> branches(SimVm vm, @Nullable SimSnapshot parent, String element) {
        List<Node> found = new ArrayList<>();
        for (SimSnapshot snapshot : vm.snapshots.childrenOf(parent)) {
            Node node = Node.object(
                    element,
                    "VirtualMachineSnapshotTree",
                    Node.ref("snapshot", snapshot.ref),
                    Node.ref("vm", vm.ref),
                    Node.text("name", snapshot.name),
                    Node.text("description", snapshot.description),
                    Node.number("id", Integer.parseInt(snapshot.ref.id().replace("snapshot-", ""))),
                    Node.time("createTime", snapshot.created),
                    Node.leaf("state", "VirtualMachinePowerState", snapshot.powerState),
                    Node.flag("quiesced", snapshot.quiesced));
            node.add(branches(vm, snapshot, "childSnapshotList"));
            node.add(Node.flag("replaySupported", false));
            found.add(node);
        }
        return found;
    }
}
