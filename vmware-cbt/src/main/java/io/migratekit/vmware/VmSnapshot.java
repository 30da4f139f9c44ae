package io.migratekit.vmware;

import io.migratekit.vmware.soap.Facts;
import io.migratekit.vmware.soap.MoRef;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A snapshot of ours: the moment in which a VM is frozen for a backup. It has no {@code close}: that it is gone
 * is an act of its own, awaited and reported.
 */
public final class VmSnapshot {
    private final VCenter vc;
    private final VmRef vm;
    private final SnapshotTree.Node node;
    private volatile Label label;
    private volatile @Nullable List<VmDisk> disks;
    private volatile @Nullable String note;

    VmSnapshot(VCenter vc, VmRef vm, SnapshotTree.Node node, Label label, @Nullable String note) {
        this.vc = vc;
        this.vm = vm;
        this.node = node;
        this.label = label;
        this.note = note;
    }

    /** Whose is it, and until when may nobody else take it for left over? */
    public record Label(String jobId, String owner, Instant expires) {
        public Label {
            if (!jobId.matches("[A-Za-z0-9._-]{1,64}")
                    || owner.isBlank()
                    || owner.lines().count() > 1) {
                throw new VSphereException.BadSpec("a snapshot cannot be labelled with the job '" + jobId
                        + "' of the owner '" + owner + "': letters, digits, '.', '_' and '-' can, and one line");
            }
        }
    }

    /** Are the guest's file systems to be brought to rest first? */
    public enum Quiesce {
        YES,
        NO,
        /** Yes, but a snapshot without that is better than none. */
        IF_POSSIBLE
    }

    /** Freezes the VM and waits for it. */
    public static VmSnapshot take(VCenter vc, VmRef vm, Label label, Quiesce quiesce) {
        return new SnapshotTaker(vc, vm, label).take(quiesce);
    }

    /** Returns when no snapshot of the VM is being taken; one that a dead run began may come into being after it. */
    public static void awaitTaking(VCenter vc, VmRef vm) {
        SnapshotTaker.awaitTaking(vc, vm);
    }

    /** All of ours in the VM's whole tree, whoever took them; others' are never among them. */
    public static List<VmSnapshot> ours(VCenter vc, VmRef vm) {
        return SnapshotTree.of(vc, vm).stream()
                .flatMap(node -> SnapshotLabels.read(node.name(), node.description()).stream()
                        .map(found -> new VmSnapshot(vc, vm, node, found, null)))
                .toList();
    }

    public Label label() {
        return label;
    }

    public String moref() {
        return node.moref();
    }

    public String name() {
        return node.name();
    }

    /** When it was taken, by the server's clock. */
    public Instant created() {
        return node.created();
    }

    /** The disks as frozen, with the change ids that may be remembered once the target is durable. */
    public List<VmDisk> disks() {
        List<VmDisk> known = disks;
        if (known == null) {
            MoRef self = reference();
            Facts facts = vc.asked(
                    "reading the disks of " + this,
                    vim -> vim.properties(self, Set.of("config.hardware.device"), Set.of()));
            known = VmDisks.of(facts.list("config.hardware.device"));
            disks = known;
        }
        return known;
    }

    /** Where the files are now: a VM may be moved to another datastore while it is frozen. */
    public List<VmDisk> disksNow() {
        disks = null;
        return disks();
    }

    public boolean quiesced() {
        return node.quiesced();
    }

    /** What is worth telling about how it came about or ended. */
    public Optional<String> note() {
        return Optional.ofNullable(note);
    }

    /** Nobody may take it for left over before this moment. */
    public void renew(Instant expires) {
        Label longer = new Label(label.jobId(), label.owner(), expires);
        SnapshotRemoval.describe(vc, vm, this, SnapshotLabels.description(longer, node.description()));
        label = longer;
    }

    /** Removes it and waits until its data is merged. It may be gone already. Close what reads its disks first. */
    public void remove() {
        new SnapshotRemoval(vc, vm, this).run().ifPresent(words -> note = words);
    }

    MoRef reference() {
        return new MoRef("VirtualMachineSnapshot", node.moref());
    }

    @Override
    public String toString() {
        return "the snapshot '" + node.name() + "' (" + node.moref() + ") of " + vm;
    }
}
