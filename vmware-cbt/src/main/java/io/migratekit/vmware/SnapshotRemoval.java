package io.migratekit.vmware;

import io.migratekit.nbd.Deadline;
import io.migratekit.vmware.soap.MoRef;
import io.migratekit.vmware.soap.SoapException;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * How does a snapshot end? Removed, awaited, looked for again, and what it left is merged. What remains in spite
 * of all that is said loudly, for it may fill the datastore.
 */
final class SnapshotRemoval {
    /** A file of the snapshot is still open somewhere; that may be over in a moment. */
    private static final Set<String> STILL_OPEN = Set.of("GenericVmConfigFault", "FileLocked", "CannotAccessFile");

    private static final Set<String> GONE = Set.of("ManagedObjectNotFound", "NotFound");
    private static final Pattern KIND = Pattern.compile("(?i)removeSnapshot|snapshot\\.remove");
    private static final int CONSOLIDATIONS = 3;

    private final VCenter vc;
    private final VmRef vm;
    private final VmSnapshot snapshot;
    private final Deadline deadline;
    private final String what;

    SnapshotRemoval(VCenter vc, VmRef vm, VmSnapshot snapshot) {
        this.vc = vc;
        this.vm = vm;
        this.snapshot = snapshot;
        this.deadline = Deadline.in(vc.spec().limits().removal());
        this.what = "removing " + snapshot;
    }

    /** Does all of it; a sentence if something is left to be done by hand. */
    Optional<String> run() {
        return vc.failures().of(what, () -> {
            Tasks.Pause pause = new Tasks.Pause();
            while (isThere()) {
                removeOnce();
                pause.sleep(deadline);
            }
            return consolidate();
        });
    }

    /** Changes the description, which is not a task, but may be in the way of one. */
    static void describe(VCenter vc, VmRef vm, VmSnapshot snapshot, String description) {
        Deadline deadline = Deadline.in(vc.spec().limits().task());
        String what = "renewing the label of " + snapshot;
        var _ = vc.failures()
                .of(
                        what,
                        () -> whileBusy(vc, vm, what, deadline, Tasks.BUSY, () -> {
                            try {
                                vc.vim().describeSnapshot(snapshot.reference(), description);
                            } catch (SoapException.Lost | SoapException.NoAnswer e) {
                                // The same words a second time do no harm.
                                vc.vim().describeSnapshot(snapshot.reference(), description);
                            }
                            return "";
                        }));
    }

    private boolean isThere() {
        try {
            return SnapshotTree.of(vc, vm).stream()
                    .anyMatch(node -> node.moref().equals(snapshot.moref()));
        } catch (VSphereException.NotFound e) {
            return false; // With the whole VM.
        }
    }

    private void removeOnce() {
        try {
            var _ = whileBusy(
                    vc,
                    vm,
                    what,
                    deadline,
                    STILL_OPEN,
                    () -> vc.tasks().run(() -> vc.vim().removeSnapshot(snapshot.reference()), what, deadline));
        } catch (SoapException.Fault e) {
            if (!GONE.contains(e.name())) {
                throw e;
            }
        } catch (SoapException e) {
            if (!e.mayHaveHappened() || e instanceof SoapException.Interrupted) {
                throw e;
            }
            vc.listener()
                    .note("the answer to " + what + " was lost (" + e.getMessage() + "); looking what became of it");
            for (Optional<MoRef> task = vc.tasks().underway(vm, KIND);
                    task.isPresent();
                    task = vc.tasks().underway(vm, KIND)) {
                var _ = vc.tasks().await(task.get(), what, deadline);
            }
        }
        if (deadline.isOver() && isThere()) {
            throw new VSphereException.NoAnswer(
                    what + " did not succeed within " + Tasks.words(deadline.total()) + ": it is still there");
        }
    }

    private Optional<String> consolidate() {
        String problem = "";
        for (int attempt = 1; attempt <= CONSOLIDATIONS; attempt++) {
            if (!needsConsolidation()) {
                return Optional.empty();
            }
            String merging = "merging what snapshots left of the disks of " + vm;
            try {
                var _ = whileBusy(
                        vc,
                        vm,
                        merging,
                        deadline,
                        STILL_OPEN,
                        () -> vc.tasks().run(() -> vc.vim().consolidate(VCenter.reference(vm)), merging, deadline));
            } catch (SoapException.Fault e) {
                problem = " (" + e.name() + ": " + e.getMessage() + ")";
            }
        }
        if (!needsConsolidation()) {
            return Optional.empty();
        }
        String words =
                "WARNING: " + snapshot + " is removed, but the disks of " + vm + " still need consolidation" + problem
                        + "; what is left of it grows and can fill the datastore. Consolidate the VM's disks in vSphere";
        vc.listener().note(words);
        return Optional.of(words);
    }

    private boolean needsConsolidation() {
        try {
            return vc.facts(vm, Set.of(), Set.of("runtime.consolidationNeeded")).flag("runtime.consolidationNeeded");
        } catch (VSphereException.NotFound e) {
            return false;
        }
    }

    /** Repeats while a fault says that somebody or something is in the way, within the deadline. */
    private static <T> T whileBusy(
            VCenter vc, VmRef vm, String what, Deadline deadline, Set<String> passing, Supplier<T> act) {
        Deadline patience = Deadline.in(deadline.atMost(vc.spec().limits().task()));
        Tasks.Pause pause = new Tasks.Pause();
        while (true) {
            try {
                return act.get();
            } catch (SoapException.Fault e) {
                if (!passing.contains(e.name()) || patience.isOver()) {
                    throw e;
                }
                vc.listener()
                        .waiting(
                                "whoever is in the way of " + what + " at " + vm + " (" + e.name() + ")",
                                patience.atMost(patience.total()));
            }
            pause.sleep(patience);
        }
    }
}
