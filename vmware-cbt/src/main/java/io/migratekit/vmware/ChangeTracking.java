package io.migratekit.vmware;

import io.migratekit.nbd.Deadline;
import io.migratekit.vmware.soap.MoRef;

/** What came of switching change tracking on? */
public sealed interface ChangeTracking {
    /** In sentences for a person. */
    String words();

    /** It was on before; nothing was done. */
    record WasOn(String words) implements ChangeTracking {}

    /** It is on now, and works at once or from the next snapshot on. */
    record NowOn(String words) implements ChangeTracking {}

    /** It was left off, because switching it on now would give wrong answers, or cannot be done. */
    record LeftOff(String words) implements ChangeTracking {}

    /** Switches it on if that is safe: rules 1 to 3. */
    static ChangeTracking enable(VCenter vc, VmRef vm) {
        VmConfiguration before = vc.configuration(vm);
        long untracked = before.disks().stream()
                .filter(disk -> disk.changeId().isEmpty())
                .count();
        if (before.changeTrackingEnabled()) {
            return new WasOn(
                    "change tracking is on for " + vm + " already, nothing was changed"
                            + (untracked == 0
                                    ? ""
                                    : "; " + untracked + " of " + before.disks().size()
                                            + " disks have no change id yet, which a snapshot gives to those that can have one"));
        }
        if (before.template()) {
            return new LeftOff(vm + " is a template; change tracking is for VMs that run");
        }
        if (before.hardwareVersion() > 0 && before.hardwareVersion() < DiskDecision.FIRST_TRACKING_HARDWARE) {
            return new LeftOff(vm + " has the hardware version " + before.hardwareVersion()
                    + ", and change tracking needs 7 or newer; upgrade its virtual hardware");
        }
        if (!before.changeTrackingSupported()) {
            return new LeftOff(vm + " says that it cannot track changes; it will be backed up in full every time");
        }
        if (before.snapshotCount() > 0 || before.consolidationNeeded()) {
            return new LeftOff(vm + " has "
                    + (before.snapshotCount() > 0
                            ? before.snapshotCount() + " snapshot" + (before.snapshotCount() == 1 ? "" : "s")
                            : "disks that need consolidation")
                    + ": change tracking that begins on top of snapshots misses changes without saying so."
                    + " Remove them, then try again; until then backups are full");
        }
        Deadline deadline = Deadline.in(vc.spec().limits().task());
        String what = "switching on change tracking of " + vm;
        var _ = vc.asked(what, vim -> {
            MoRef self = VCenter.reference(vm);
            return vc.tasks().run(() -> vim.reconfigureChangeTracking(self, true), what, deadline);
        });
        VmConfiguration after = vc.configuration(vm);
        if (!after.changeTrackingEnabled()) {
            return new LeftOff("vSphere accepted to track changes of " + vm
                    + ", but the VM still says that it does not; look at its events");
        }
        return new NowOn(
                after.powerState().equals("poweredOff")
                        ? "change tracking of " + vm + " is on now; the VM is powered off, so it works at once"
                        : "change tracking of " + vm + " is on now; as the VM is running, it begins with its next"
                                + " short stop, such as the snapshot of the next backup, which will be a full one");
    }
}
