package io.migratekit.vmware;

import com.google.gson.JsonObject;
import java.util.Optional;

/**
 * How may a disk be backed up: only what changed, only all of it, or not at all? Whatever leaves a doubt leads
 * to all of it, with the reason: a fallback is no error.
 */
public sealed interface DiskDecision {
    /** Only what changed since then may be asked for. */
    record Incremental(ChangeId since) implements DiskDecision {}

    /** All of it has to be read. */
    record FullOnly(String reason) implements DiskDecision {}

    /** It cannot be backed up through a snapshot. */
    record Refused(String reason) implements DiskDecision {}

    /** Change tracking came with this version of the virtual hardware. */
    int FIRST_TRACKING_HARDWARE = 7;

    /**
     * Decides.
     *
     * @param vcenterUuid of the vCenter or ESXi host
     * @param vm the VM as it is now
     * @param disk as the snapshot's configuration has it
     * @param last what is remembered of its last backup
     */
    static DiskDecision of(String vcenterUuid, VmConfiguration vm, VmDisk disk, Optional<Baseline> last) {
        Optional<String> refusal = refusal(vm, disk);
        if (refusal.isPresent()) {
            return new Refused(refusal.get());
        }
        Optional<String> untracked = untracked(vm, disk);
        if (untracked.isPresent()) {
            return new FullOnly(untracked.get());
        }
        if (last.isEmpty()) {
            return new FullOnly("no earlier backup of this disk is remembered");
        }
        Optional<String> stale = stale(vcenterUuid, vm, disk, last.get());
        return stale.<DiskDecision>map(FullOnly::new)
                .orElseGet(() -> new Incremental(last.get().changeId()));
    }

    /** Rules 4 and 21: what no snapshot covers. */
    private static Optional<String> refusal(VmConfiguration vm, VmDisk disk) {
        if (vm.template()) {
            return Optional.of("the VM is a template, and templates have no snapshots; convert it to a VM first");
        }
        JsonObject device = VmDisks.device(vm.devices(), disk.key()).orElseGet(JsonObject::new);
        JsonObject backing = VmDisks.inner(device, "backing");
        if (disk.mode().startsWith("independent")) {
            return Optional.of("its mode is " + disk.mode() + ": snapshots leave independent disks out");
        }
        if (VmDisks.text(backing, "compatibilityMode").equals("physicalMode")) {
            return Optional.of("it is a raw device mapping in physical mode, which snapshots leave out");
        }
        if (disk.sharing().equals("sharingMultiWriter")) {
            return Optional.of("several VMs write to it (multi-writer), so it can be neither frozen nor tracked");
        }
        String bus = VmDisks.device(vm.devices(), disk.controllerKey())
                .map(controller -> VmDisks.text(controller, "sharedBus"))
                .orElse("");
        if (!bus.isEmpty() && !bus.equals("noSharing")) {
            return Optional.of("its SCSI bus is shared with other VMs (" + bus + "), so it cannot be frozen");
        }
        return Optional.empty();
    }

    /** Rules 1 and 5: nobody wrote down what changes. */
    private static Optional<String> untracked(VmConfiguration vm, VmDisk disk) {
        if (vm.hardwareVersion() > 0 && vm.hardwareVersion() < FIRST_TRACKING_HARDWARE) {
            return Optional.of("the VM's hardware version " + vm.hardwareVersion() + " is too old for change tracking");
        }
        if (!vm.changeTrackingSupported()) {
            return Optional.of("this VM cannot track changes");
        }
        if (!vm.changeTrackingEnabled()) {
            return Optional.of("change tracking is off for this VM; 'migratekit vmware enable-cbt' switches it on");
        }
        if (disk.changeId().isEmpty()) {
            return Optional.of(
                    "change tracking is on, but not for this disk: it has no change id (kind " + disk.backing() + ")");
        }
        return Optional.empty();
    }

    /** Rules 6, 7, 13, 14 and 21: is what is remembered still about this disk? */
    private static Optional<String> stale(String vcenterUuid, VmConfiguration vm, VmDisk disk, Baseline last) {
        if (!vcenterUuid.equals(last.vcenterUuid())) {
            return Optional.of("the last backup was made at another vCenter or host (" + last.vcenterUuid() + ")");
        }
        if (!vm.instanceUuid().equals(last.vmUuid())) {
            return Optional.of("the last backup was of another VM (" + last.vmUuid() + ")");
        }
        if (disk.key() != last.diskKey()) {
            return Optional.of("the last backup was of another disk (" + last.diskKey() + ")");
        }
        if (!disk.backingUuid().equals(last.backingUuid())) {
            return Optional.of("there is another disk at this place than at the last backup (" + last.backingUuid()
                    + ", now " + disk.backingUuid() + ")");
        }
        if (!disk.parents().equals(last.parents())) {
            return Optional.of("it is a clone that stands on other files than at the last backup ("
                    + (last.parents().isEmpty() ? "none" : String.join(", ", last.parents())) + ", now "
                    + (disk.isClone() ? String.join(", ", disk.parents()) : "none") + ")");
        }
        if (disk.capacityBytes() != last.capacityBytes()) {
            return Optional.of("its capacity changed from " + last.capacityBytes() + " to " + disk.capacityBytes()
                    + " bytes since the last backup");
        }
        if (!disk.changeId().map(now -> now.isSameLifeAs(last.changeId())).orElse(false)) {
            return Optional.of("change tracking began anew since the last backup (" + last.changeId() + ", now "
                    + disk.changeId().map(ChangeId::text).orElse("none") + ")");
        }
        return Optional.empty();
    }
}
