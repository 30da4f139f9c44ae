package io.migratekit.vmware;

import io.migratekit.nbd.Deadline;
import io.migratekit.vmware.soap.MoRef;
import io.migratekit.vmware.soap.SoapException;
import io.migratekit.vmware.soap.TaskState;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How is a snapshot taken exactly once? The call may change the VM although its answer never arrives, so after
 * a lost answer the VM is looked at, by a mark that only this snapshot has, before anything is asked again.
 *
 * <p>Servers since 6.5 have a second call, which says how long bringing the guest to rest may take: five minutes and more.
 * It is not used: that time can be made longer by it and not shorter, and a guest that needs it is better backed up
 * without rest.
 */
final class SnapshotTaker {
    private static final Pattern KIND = Pattern.compile("(?i)createSnapshot");

    /** What bringing the guest to rest fails with: without that, the snapshot may still succeed. */
    private static final Set<String> RESTLESS = Set.of(
            "ApplicationQuiesceFault",
            "FilesystemQuiesceFault",
            "SnapshotFault",
            "ToolsUnavailable",
            "QuiesceDatastoreIOForHAFailed");

    /** The call may still turn up at the VM after its answer was lost, for this part of the time that a call may take. */
    private static final int LOOK_FOR_PART = 6;

    private final VCenter vc;
    private final VmRef vm;
    private final VmSnapshot.Label label;
    private final Deadline deadline;
    private final String what;

    SnapshotTaker(VCenter vc, VmRef vm, VmSnapshot.Label label) {
        this.vc = vc;
        this.vm = vm;
        this.label = label;
        this.deadline = Deadline.in(vc.spec().limits().task());
        this.what = "taking a snapshot of " + vm;
    }

    VmSnapshot take(VmSnapshot.Quiesce quiesce) {
        try {
            return once(quiesce != VmSnapshot.Quiesce.NO, null);
        } catch (SoapException.Fault e) {
            if (e.name().equals("NotSupported")) {
                throw unsupported(e);
            }
            if (quiesce != VmSnapshot.Quiesce.IF_POSSIBLE || !RESTLESS.contains(e.name())) {
                throw vc.failures().translated(what, e);
            }
            String note = "the guest of " + vm + " could not be brought to rest (" + e.name() + ": " + e.getMessage()
                    + "), so the snapshot is as after a power failure";
            vc.listener().note(note);
            return vc.failures().of(what, () -> once(false, note));
        } catch (SoapException e) {
            throw vc.failures().translated(what, e);
        }
    }

    /** vSphere says only that it cannot; what we know of the VM may tell a person why. */
    private VSphereException unsupported(SoapException.Fault fault) {
        VSphereException plain = vc.failures().translated(what, fault);
        try {
            return vc.configuration(vm)
                    .hindrance()
                    .<VSphereException>map(why -> new VSphereException.Unsupported(plain.getMessage() + ". " + why))
                    .orElse(plain);
        } catch (VSphereException e) {
            plain.addSuppressed(e);
            return plain;
        }
    }

    private VmSnapshot once(boolean quiesce, @Nullable String note) {
        String mark = SnapshotLabels.newMark();
        String description = SnapshotLabels.text(label, mark);
        String moref = "";
        boolean lookedAfter = false;
        while (moref.isEmpty()) {
            try {
                TaskState.Succeeded done = vc.tasks()
                        .run(
                                () -> vc.vim()
                                        .createSnapshot(
                                                VCenter.reference(vm),
                                                SnapshotLabels.name(label),
                                                description,
                                                quiesce),
                                what,
                                deadline);
                moref = MoRef.of(done.result()).map(MoRef::id).orElse("");
                if (moref.isEmpty()) {
                    moref = marked(mark).map(SnapshotTree.Node::moref).orElse("");
                }
                if (moref.isEmpty()) {
                    throw new VSphereException.NotVSphere(
                            what + ": the task succeeded, but the VM has no such snapshot", null);
                }
            } catch (SoapException e) {
                if (!e.mayHaveHappened() || e instanceof SoapException.Interrupted || lookedAfter) {
                    throw e;
                }
                lookedAfter = true;
                vc.listener()
                        .note("the answer to " + what + " was lost (" + e.getMessage()
                                + "); looking whether it happened all the same");
                moref = afterLostAnswer(mark).map(SnapshotTree.Node::moref).orElse("");
            }
        }
        String id = moref;
        SnapshotTree.Node node = SnapshotTree.of(vc, vm).stream()
                .filter(one -> one.moref().equals(id))
                .findFirst()
                .orElseThrow(() -> new VSphereException.NotFound(
                        what + ": it was taken, but somebody removed it at once (" + id + ")"));
        return new VmSnapshot(vc, vm, node, label, note);
    }

    private Optional<SnapshotTree.Node> marked(String mark) {
        return SnapshotTree.of(vc, vm).stream()
                .filter(node -> SnapshotLabels.hasMark(node.description(), mark))
                .findFirst();
    }

    private Optional<SnapshotTree.Node> afterLostAnswer(String mark) {
        Duration lookFor = vc.spec().limits().call().dividedBy(LOOK_FOR_PART);
        Deadline looking = Deadline.in(lookFor);
        vc.listener().waiting("signs that the snapshot of " + vm + " is being taken", lookFor);
        Tasks.Pause pause = new Tasks.Pause();
        while (true) {
            Optional<MoRef> task = vc.tasks().underway(vm, KIND);
            if (task.isPresent()) {
                var _ = vc.tasks().await(task.get(), what, deadline);
            }
            Optional<SnapshotTree.Node> found = marked(mark);
            if (found.isPresent() || looking.isOver()) {
                return found;
            }
            pause.sleep(looking);
        }
    }

    /** Waits while a snapshot of the VM is being taken, by a run of ours that died or by anybody. */
    static void awaitTaking(VCenter vc, VmRef vm) {
        String what = "a snapshot of " + vm + " that somebody takes";
        vc.failures().of(what, () -> {
            try {
                return vc.tasks()
                        .underway(vm, KIND)
                        .map(task -> vc.tasks()
                                .await(
                                        task,
                                        what,
                                        Deadline.in(vc.spec().limits().task())));
            } catch (SoapException.Fault e) {
                return Optional.empty(); // It failed, so there is none.
            }
        });
    }
}
