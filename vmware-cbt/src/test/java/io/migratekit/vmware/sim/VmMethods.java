package io.migratekit.vmware.sim;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** What can be done with a VM and with a snapshot: reconfigure, freeze, ask what changed, remove, consolidate. */
final class VmMethods {
    private final World world;
    private final Tasks tasks;
    private final Faults faults;

    VmMethods(World world, Tasks tasks, Faults faults) {
        this.world = world;
        this.tasks = tasks;
        this.faults = faults;
    }

    List<Node> call(Sdk.Call call) {
        return switch (call.method()) {
            case "ReconfigVM_Task" -> List.of(reconfigure(call, vm(call)));
            case "CreateSnapshot_Task" -> List.of(create(call, vm(call), call.isTrue("quiesce")));
            case "CreateSnapshotEx_Task" -> {
                if (Sdk.compare(call.version(), "6.5") < 0) {
                    throw unknown(call);
                }
                yield List.of(
                        create(call, vm(call), call.body().find("quiesceSpec").isPresent()));
            }
            case "RenameSnapshot" -> rename(call);
            case "RemoveSnapshot_Task" -> List.of(remove(call));
            case "ConsolidateVMDisks_Task" -> {
                SimVm vm = vm(call);
                yield List.of(start(call, vm, () -> {
                    vm.consolidationNeeded(false);
                    return null;
                }));
            }
            case "QueryChangedDiskAreas" -> List.of(changed(call, vm(call)));
            case "PowerOnVM_Task" -> {
                SimVm vm = vm(call);
                yield List.of(start(call, vm, () -> {
                    vm.poweredOn();
                    return null;
                }));
            }
            case "PowerOffVM_Task" -> {
                SimVm vm = vm(call);
                yield List.of(start(call, vm, () -> {
                    vm.poweredOff();
                    return null;
                }));
            }
            default -> throw unknown(call);
        };
    }

    private static SimFault.Thrown unknown(Sdk.Call call) {
        return new SimFault("MethodNotFound", "The method " + call.method() + " is not known.")
                .with("method", call.method())
                .asException();
    }

    private SimVm vm(Sdk.Call call) {
        SimVm vm = world.vm(call.self().id());
        if (vm == null || !call.self().type().equals("VirtualMachine")) {
            throw SimFault.gone(call.self()).asException();
        }
        return vm;
    }

    private Node start(Sdk.Call call, SimVm vm, Callable<@Nullable Node> work) {
        if (!vm.seize()) {
            throw new SimFault("TaskInProgress", "Another task is already in progress.").asException();
        }
        Tasks.Course course = new Tasks.Course(
                call.trouble(Trouble.TaskQueued.class)
                        .map(Trouble.TaskQueued::howLong)
                        .orElse(Duration.ZERO),
                call.trouble(Trouble.TaskRuns.class)
                        .map(Trouble.TaskRuns::howLong)
                        .orElse(Duration.ZERO),
                call.trouble(Trouble.TaskNeverEnds.class).isPresent(),
                call.trouble(Trouble.TaskFails.class)
                        .map(Trouble.TaskFails::fault)
                        .orElse(null));
        return Node.ref("returnval", tasks.start(call.method(), vm, course, work));
    }

    private Node reconfigure(Sdk.Call call, SimVm vm) {
        Node spec = call.body()
                .find("spec")
                .orElseThrow(() -> SimFault.invalidArgument("spec").asException());
        Optional<String> tracking = spec.value("changeTrackingEnabled");
        return start(call, vm, () -> {
            if (tracking.isPresent() && !vm.facts().trackingSupported()) {
                throw new SimFault("NotSupported", "Change tracking is not supported by this virtual machine.")
                        .asException();
            }
            tracking.ifPresent(on -> vm.changeTracking(on.equals("true") || on.equals("1")));
            return null;
        });
    }

    private Node create(Sdk.Call call, SimVm vm, boolean quiesce) {
        SimVm.Facts facts = vm.facts();
        String name = call.body().need("name");
        String description = call.body().value("description").orElse("");
        boolean memory = call.isTrue("memory");
        if (name.isBlank() || name.length() > 80) {
            throw new SimFault("InvalidName", "The name '" + name + "' is invalid.")
                    .with("name", name)
                    .asException();
        }
        if (facts.template()) {
            throw new SimFault("NotSupported", "The operation is not supported on the object.").asException();
        }
        return start(call, vm, () -> {
            refuseUnfit(vm, facts, memory, quiesce);
            SimSnapshot taken = vm.snapshots.take(name, description, quiesce && facts.isOn());
            return Node.ref("result", taken.ref);
        });
    }

    /** Our choice where documents only say that it is not supported. */
    private static void refuseUnfit(SimVm vm, SimVm.Facts facts, boolean memory, boolean quiesce) {
        for (SimDisk disk : List.copyOf(vm.disks.values())) {
            SimVm.Controller controller = vm.controllers.get(disk.controllerKey());
            if (disk.sharing().equals("sharingMultiWriter")
                    || (controller != null && !controller.sharedBus().equals("noSharing"))) {
                throw new SimFault("SnapshotFault", "Snapshots of shared disks are not supported.").asException();
            }
            if (memory && disk.isLeftOutOfSnapshots()) {
                throw new SimFault("MemorySnapshotOnIndependentDisk", "Memory with an independent disk.").asException();
            }
        }
        if (quiesce && facts.isOn() && !facts.tools()) {
            throw new SimFault("ToolsUnavailable", "VMware Tools are not running in the guest.").asException();
        }
    }

    private SimVm vmOfSnapshot(MoRef ref) {
        SimVm vm = world.vmOfSnapshot(ref.id());
        if (vm == null) {
            throw SimFault.gone(ref).asException();
        }
        return vm;
    }

    private static SimSnapshot snapshot(SimVm vm, MoRef ref) {
        SimSnapshot snapshot = vm.snapshots.find(ref.id());
        if (snapshot == null) {
            throw SimFault.gone(ref).asException();
        }
        return snapshot;
    }

    private List<Node> rename(Sdk.Call call) {
        SimVm vm = vmOfSnapshot(call.self());
        SimSnapshot snapshot = snapshot(vm, call.self());
        synchronized (vm) {
            call.body().value("name").ifPresent(name -> snapshot.name = name);
            call.body().value("description").ifPresent(text -> snapshot.description = text);
        }
        return List.of();
    }

    private Node remove(Sdk.Call call) {
        SimVm vm = vmOfSnapshot(call.self());
        boolean children = call.isTrue("removeChildren");
        boolean leaves = call.trouble(Trouble.LeavesConsolidation.class).isPresent();
        snapshot(vm, call.self());
        return start(call, vm, () -> {
            SimSnapshot snapshot = snapshot(vm, call.self());
            List<SimSnapshot> leaving = vm.snapshots.withChildren(snapshot, children);
            boolean locked = leaving.stream().anyMatch(vm.snapshots::isLocked);
            if (!locked || faults.lockedRemoval() == Faults.LockedRemoval.NEEDS_CONSOLIDATION) {
                leaving.reversed().forEach(vm.snapshots::remove);
            }
            if (locked) {
                vm.consolidationNeeded(faults.lockedRemoval() == Faults.LockedRemoval.NEEDS_CONSOLIDATION);
                throw new SimFault("GenericVmConfigFault", "Unable to access file since it is locked")
                        .with("reason", "Unable to access file since it is locked")
                        .asException();
            }
            if (leaves) {
                vm.consolidationNeeded(true);
            }
            return null;
        });
    }

    private Node changed(Sdk.Call call, SimVm vm) {
        int key = Integer.parseInt(call.body().need("deviceKey"));
        long start = Long.parseLong(call.body().need("startOffset"));
        String changeId = call.body().need("changeId");
        Optional<MoRef> ref = call.ref("snapshot");
        SimDisk disk;
        Moment moment;
        int fileNumber;
        if (ref.isPresent()) {
            SimSnapshot snapshot = snapshot(vm, ref.get());
            SimSnapshot.Frozen frozen;
            synchronized (vm) {
                frozen = snapshot.disks.get(key);
                fileNumber = snapshot.fileNumber;
            }
            if (frozen == null) {
                throw SimFault.invalidArgument("deviceKey").asException();
            }
            disk = frozen.disk();
            moment = frozen.moment();
        } else {
            synchronized (vm) {
                SimDisk living = vm.disks.get(key);
                if (living == null) {
                    throw SimFault.invalidArgument("deviceKey").asException();
                }
                disk = living;
                fileNumber = vm.snapshots.liveFileNumber();
            }
            moment = SparseFile.freeze(
                    disk.file(), disk.capacityBytes(), world.settings().granularity(), null);
        }
        if (start < 0 || start >= moment.capacity()) {
            throw SimFault.invalidArgument("startOffset").asException();
        }
        Extents extents;
        synchronized (vm) {
            extents = disk.changedSince(changeId, moment, Devices.datastorePath(disk, fileNumber));
        }
        return faults.pages().page(extents, start, moment.capacity());
    }
}
