package io.migratekit.agent.migration;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.nbd.NbdUri;
import io.migratekit.vmware.DiskDecision;
import io.migratekit.vmware.DiskSource;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.VmConfiguration;
import io.migratekit.vmware.VmDisk;
import io.migratekit.vmware.VmSnapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What would the backup of a VM do? Found out without changing anything, neither there nor here. How much has changed
 * is only known once the VM is frozen, so that is not told.
 */
public record MigrationPreview(String vm, List<Disk> disks, List<String> notes) {
    public MigrationPreview {
        disks = List.copyOf(disks);
        notes = List.copyOf(notes);
    }

    /**
     * What would become of a disk?
     *
     * @param mode full, incremental or refused
     * @param words the same in words, with the reason
     */
    public record Disk(int key, String label, long capacityBytes, String target, String mode, String words) {}

    public static MigrationPreview of(MigrationSpec spec, MigrationListener listener) {
        try (DeadlineAlarm alarm = new DeadlineAlarm(spec.connect().deadline(), Thread.currentThread())) {
            try {
                return look(spec, listener);
            } catch (VSphereException.Cancelled e) {
                throw alarm.hasRung() ? alarm.passed() : e;
            }
        }
    }

    private static MigrationPreview look(MigrationSpec spec, MigrationListener listener) {
        try (VCenter vcenter = VCenter.login(spec.vcenter(), new VCenterWords(listener))) {
            VmConfiguration vm = vcenter.configuration(vcenter.find(spec.vmPath()));
            List<VmDisk> wanted = vm.disks().stream()
                    .filter(disk -> !spec.skippedDisks().contains(disk.key()))
                    .toList();
            List<Disk> disks = disks(spec, vcenter, vm, wanted);
            List<String> notes = new ArrayList<>();
            DiskSource.missing(spec.diskServer()).ifPresent(words -> notes.add("no disk can be read here: " + words));
            if (!vm.changeTrackingEnabled()) {
                notes.add("changed blocks are not tracked, so every backup is a full one; see: migratekit vmware"
                        + " enable-cbt");
            }
            for (VmDisk disk : wanted) {
                if (disk.isClone()) {
                    notes.add(disk + " is a linked clone: a part of it is in " + String.join(", ", disk.parents())
                            + ", which belongs to another VM; a full backup holds that part, too");
                }
            }
            for (VmSnapshot snapshot : VmSnapshot.ours(vcenter, vm.vm())) {
                notes.add("there is a snapshot of ours: " + snapshot.moref() + " of job "
                        + snapshot.label().jobId() + ", its lease ends at "
                        + snapshot.label().expires());
            }
            return new MigrationPreview(vm.vm().toString(), disks, notes);
        }
    }

    private static List<Disk> disks(MigrationSpec spec, VCenter vcenter, VmConfiguration vm, List<VmDisk> wanted) {
        List<Disk> disks = new ArrayList<>();
        switch (spec.destination()) {
            case Targets exports -> {
                Map<Integer, NbdUri> targets = exports.of(wanted);
                Milestones milestones = new Milestones(spec.store().folderOfVm(vm.instanceUuid()));
                for (VmDisk disk : wanted) {
                    NbdUri target = Objects.requireNonNull(targets.get(disk.key()));
                    disks.add(disk(spec, vcenter, vm, disk, target.toString(), milestones.find(disk.key(), target)));
                }
            }
            case HubDestination hub -> {
                List<JsonObject> backups = hub.client().backups(Optional.of(vm.instanceUuid()));
                for (VmDisk disk : wanted) {
                    disks.add(disk(spec, vcenter, vm, disk, hub.text(), HubLanding.newest(backups, disk)));
                }
            }
        }
        return disks;
    }

    private static Disk disk(
            MigrationSpec spec,
            VCenter vcenter,
            VmConfiguration vm,
            VmDisk disk,
            String target,
            Optional<Milestone> milestone) {
        DiskDecision decision = DiskDecision.of(vcenter.instanceUuid(), vm, disk, milestone.map(Milestone::moment));
        Optional<String> closed = DiskSource.refusal(vcenter, vm, disk, spec.diskServer());
        if (closed.isPresent()) {
            return new Disk(disk.key(), disk.label(), disk.capacityBytes(), target, "refused", closed.get());
        }
        String mode;
        String words;
        switch (decision) {
            case DiskDecision.Refused refused -> {
                mode = "refused";
                words = "cannot be copied: " + refused.reason();
            }
            case DiskDecision.FullOnly all -> {
                mode = "full";
                words = "everything, " + all.reason();
            }
            case DiskDecision.Incremental since -> {
                mode = spec.full() ? "full" : "incremental";
                words = spec.full()
                        ? "everything, as was asked for"
                        : "incremental, what changed since " + since.since();
            }
        }
        return new Disk(disk.key(), disk.label(), disk.capacityBytes(), target, mode, words);
    }

    public String json() {
        JsonObject json = new JsonObject();
        json.addProperty("vm", vm);
        JsonArray list = new JsonArray();
        for (Disk disk : disks) {
            JsonObject entry = new JsonObject();
            entry.addProperty("disk", disk.key());
            entry.addProperty("label", disk.label());
            entry.addProperty("capacityBytes", disk.capacityBytes());
            entry.addProperty("target", disk.target());
            entry.addProperty("mode", disk.mode());
            entry.addProperty("reason", disk.words());
            list.add(entry);
        }
        json.add("disks", list);
        JsonArray said = new JsonArray();
        notes.forEach(said::add);
        json.add("notes", said);
        return json.toString();
    }
}
