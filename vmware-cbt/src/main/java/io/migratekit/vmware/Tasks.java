package io.migratekit.vmware;

import io.migratekit.nbd.Deadline;
import io.migratekit.vmware.soap.MoRef;
import io.migratekit.vmware.soap.SoapException;
import io.migratekit.vmware.soap.TaskState;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/** How does a task end? Asked with growing pauses, within a limit; a task that goes on is left, and named. */
final class Tasks {
    private static final Duration FIRST_PAUSE = Duration.ofMillis(20);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

    /** Somebody else is at work on the VM, which will be over. */
    static final Set<String> BUSY =
            Set.of("TaskInProgress", "SnapshotLocked", "FileLocked", "ConcurrentAccess", "VmConfigFileLocked");

    private final VCenter vcenter;

    Tasks(VCenter vcenter) {
        this.vcenter = vcenter;
    }

    /**
     * Waits for a task.
     *
     * @param what such as {@code taking the snapshot of web01}
     * @throws SoapException.Fault if the task failed
     */
    TaskState.Succeeded await(MoRef task, String what, Deadline deadline) {
        String wait = "the end of " + what + " (" + task.id() + ")";
        vcenter.listener().waiting(wait, deadline.atMost(Duration.ofDays(365)));
        try {
            return poll(task, what, deadline);
        } finally {
            vcenter.listener().waited(wait);
        }
    }

    private TaskState.Succeeded poll(MoRef task, String what, Deadline deadline) {
        Pause pause = new Pause();
        while (true) {
            switch (vcenter.vim().taskState(task)) {
                case TaskState.Succeeded done -> {
                    return done;
                }
                case TaskState.Failed failed -> throw failed.fault();
                case TaskState.Underway underway -> {
                    if (deadline.isOver()) {
                        throw new VSphereException.NoAnswer(what + " did not end within " + words(deadline.total())
                                + ": the task " + task.id()
                                + " is " + underway.state() + " at " + underway.percent()
                                + " %. It goes on at " + vcenter.spec().endpoint() + "; look at its tasks there");
                    }
                }
            }
            pause.sleep(deadline);
        }
    }

    /** Starts a task and waits for it; while somebody else is at work on the VM, it is started again later. */
    TaskState.Succeeded run(Supplier<MoRef> start, String what, Deadline deadline) {
        Pause pause = new Pause();
        while (true) {
            try {
                return await(start.get(), what, deadline);
            } catch (SoapException.Fault e) {
                if (!BUSY.contains(e.name()) || deadline.isOver()) {
                    throw e;
                }
                vcenter.listener()
                        .waiting(
                                "somebody else's work on the VM, before " + what + " (" + e.name() + ")",
                                deadline.atMost(Duration.ofDays(365)));
            }
            pause.sleep(deadline);
        }
    }

    /** The task of this kind that the VM has waiting or at work, after an answer that named it was lost. */
    Optional<MoRef> underway(VmRef vm, Pattern kind) {
        List<MoRef> recent = vcenter
                .vim()
                .properties(VCenter.reference(vm), Set.of(), Set.of("recentTask"))
                .list("recentTask")
                .asList()
                .stream()
                .flatMap(one -> MoRef.of(one).stream())
                .toList();
        for (MoRef task : recent) {
            try {
                var facts =
                        vcenter.vim().properties(task, Set.of("info.state"), Set.of("info.descriptionId", "info.name"));
                boolean isThisKind = kind.matcher(facts.text("info.descriptionId") + " " + facts.text("info.name"))
                        .find();
                if (isThisKind && TaskState.of(facts) instanceof TaskState.Underway) {
                    return Optional.of(task);
                }
            } catch (SoapException.Fault e) {
                if (!e.name().equals("ManagedObjectNotFound")) {
                    throw e;
                }
                // It ended and was forgotten meanwhile.
            }
        }
        return Optional.empty();
    }

    static String words(Duration time) {
        return time.toSeconds() >= 120 && time.toSecondsPart() == 0
                ? time.toMinutes() + " min"
                : time.toMillis() >= 1000 ? time.toMillis() / 1000.0 + " s" : time.toMillis() + " ms";
    }

    /** Pauses that double, from hardly noticeable to not worth more. */
    static final class Pause {
        private Duration next = FIRST_PAUSE;

        void sleep(Deadline deadline) {
            try {
                Thread.sleep(deadline.atMost(next).plusMillis(1));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new VSphereException.Cancelled("interrupted while waiting for vSphere");
            }
            next = next.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : next.multipliedBy(2);
        }
    }
}
