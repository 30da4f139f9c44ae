package io.migratekit.agent.migration;

import io.migratekit.nbd.Deadline;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.VmRef;
import io.migratekit.vmware.VmSnapshot;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Who sees to it that the VM is frozen while it is read, and never left so? Adopts the snapshot of the run before or
 * takes one, clears away what dead runs have left, renews the lease, and removes it in the end.
 */
final class SnapshotKeeper implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(SnapshotKeeper.class.getName());
    /** So often within a lease it is renewed; a failure is tried again soon. */
    private static final int RENEWALS = 4;

    private static final Duration AGAIN = Duration.ofMinutes(1);
    /** A call that was sent when we were stopped has reached the VM by then, or never will. */
    private static final Duration LOOK_FOR = Duration.ofSeconds(3);

    private static final Duration LOOK_AGAIN = Duration.ofMillis(300);
    private static final long END_MILLIS = 1000;

    private final MigrationSpec spec;
    private final VCenter vcenter;
    private final VmRef vm;
    private final String owner;
    private final MigrationListener listener;
    private volatile @Nullable VmSnapshot held;
    /** Whether we were stopped, or gave up, while one was being taken: vCenter may finish it without us. */
    private volatile boolean mayBeTaken;

    private @Nullable Thread renewer;

    SnapshotKeeper(MigrationSpec spec, VCenter vcenter, VmRef vm, String owner, MigrationListener listener) {
        this.spec = spec;
        this.vcenter = vcenter;
        this.vm = vm;
        this.owner = owner;
        this.listener = listener;
    }

    /**
     * The snapshot to read from: the one that a run of this job has left, if it is the one that is wanted, else a new
     * one. A VM that another backup has frozen is refused.
     *
     * @param wanted reference of the snapshot that the job was reading
     */
    VmSnapshot hold(Optional<String> wanted) {
        // A run that was killed may have begun to take one, which vCenter finishes without it.
        VmSnapshot.awaitTaking(vcenter, vm);
        Optional<VmSnapshot> ours = clearAway(wanted);
        Instant expires = expiry();
        VmSnapshot snapshot;
        if (ours.isPresent()) {
            snapshot = ours.get();
            snapshot.renew(expires);
            listener.told("goes on with the snapshot that its run before has left: " + snapshot.moref());
        } else {
            snapshot = take(new VmSnapshot.Label(spec.id().text(), owner, expires));
            listener.told("froze " + vm + " as " + snapshot.moref()
                    + (snapshot.quiesced() ? ", its file systems at rest" : ""));
        }
        snapshot.note().ifPresent(listener::warned);
        held = snapshot;
        startRenewing(snapshot);
        return snapshot;
    }

    /** Removes whatever snapshot this job has left; nothing is to be read any more. */
    void removeOwn() {
        VmSnapshot.awaitTaking(vcenter, vm);
        for (VmSnapshot snapshot : VmSnapshot.ours(vcenter, vm)) {
            if (isOfThisJob(snapshot)) {
                snapshot.remove();
                listener.told("removed the snapshot " + snapshot.moref() + " of " + vm);
            }
        }
    }

    private VmSnapshot take(VmSnapshot.Label label) {
        try {
            return VmSnapshot.take(vcenter, vm, label, spec.quiesce());
        } catch (VSphereException.Cancelled | VSphereException.NoAnswer | VSphereException.Unreachable e) {
            mayBeTaken = true;
            throw e;
        }
    }

    /** Removes what nobody needs any more, and gives what this job left and can go on with. */
    private Optional<VmSnapshot> clearAway(Optional<String> wanted) {
        List<VmSnapshot> ours = VmSnapshot.ours(vcenter, vm);
        List<VmSnapshot> own = ours.stream().filter(this::isOfThisJob).toList();
        // Whichever the job was reading; or the one that was taken just before its run died, and never written down.
        Optional<VmSnapshot> adopted = own.stream()
                .filter(snapshot -> wanted.isPresent() && snapshot.moref().equals(wanted.get()))
                .findFirst()
                .or(() -> own.isEmpty() ? Optional.empty() : Optional.of(own.getLast()));
        for (VmSnapshot snapshot : ours) {
            if (adopted.isEmpty() || !snapshot.moref().equals(adopted.get().moref())) {
                refuseIfAlive(snapshot);
                snapshot.remove();
                listener.told("removed the snapshot " + snapshot.moref() + " of " + vm + ", left by job "
                        + snapshot.label().jobId());
            }
        }
        return adopted;
    }

    private boolean isOfThisJob(VmSnapshot snapshot) {
        return LivingBackup.isOf(spec.store(), spec.id().text(), snapshot);
    }

    /** One that its hub has given up holds nobody up, whatever its lease says. */
    private void refuseIfAlive(VmSnapshot snapshot) {
        if (isOfThisJob(snapshot)) {
            return;
        }
        LivingBackup.holding(spec.store(), vm, snapshot)
                .filter(_ -> !isGivenUp(snapshot.label()))
                .ifPresent(words -> {
                    throw new MigrationException.VmBusy(words);
                });
    }

    private boolean isGivenUp(VmSnapshot.Label label) {
        return !label.owner().equals(owner)
                && spec.destination() instanceof HubDestination hub
                && hub.hasGivenUp(label.jobId());
    }

    private Instant expiry() {
        return Instant.now().plus(spec.lease());
    }

    private void startRenewing(VmSnapshot snapshot) {
        Thread thread = new Thread(() -> renew(snapshot), "snapshot-lease");
        thread.setDaemon(true);
        renewer = thread;
        thread.start();
    }

    private void renew(VmSnapshot snapshot) {
        Duration pause = spec.lease().dividedBy(RENEWALS);
        try {
            while (true) {
                TimeUnit.NANOSECONDS.sleep(pause.toNanos());
                pause = spec.lease().dividedBy(RENEWALS);
                try {
                    snapshot.renew(expiry());
                } catch (VSphereException.Cancelled e) {
                    return;
                } catch (VSphereException e) {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "the lease of the snapshot cannot be renewed now; it is tried again: " + e.getMessage());
                    pause = AGAIN.compareTo(pause) < 0 ? AGAIN : pause;
                }
            }
        } catch (InterruptedException e) {
            // The end: release() has asked for it.
            Thread.currentThread().interrupt();
        }
    }

    /** Removes the snapshot; to be called when nothing reads its disks any more. Waits until it is gone. */
    void release() {
        stopRenewing();
        VmSnapshot snapshot = held;
        if (snapshot != null) {
            snapshot.remove();
            held = null;
            snapshot.note().ifPresent(listener::warned);
            listener.told("removed the snapshot " + snapshot.moref() + " of " + vm);
        } else if (mayBeTaken) {
            removeWhatWasBegun();
        }
    }

    private void removeWhatWasBegun() {
        Deadline looking = Deadline.in(LOOK_FOR);
        while (true) {
            VmSnapshot.awaitTaking(vcenter, vm);
            List<VmSnapshot> begun = VmSnapshot.ours(vcenter, vm).stream()
                    .filter(this::isOfThisJob)
                    .toList();
            for (VmSnapshot snapshot : begun) {
                snapshot.remove();
                listener.told("removed the snapshot " + snapshot.moref() + " of " + vm
                        + ", which was still being taken when we stopped waiting for it");
            }
            if (!begun.isEmpty() || looking.isOver()) {
                return;
            }
            pause();
        }
    }

    private static void pause() {
        try {
            TimeUnit.NANOSECONDS.sleep(LOOK_AGAIN.toNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MigrationException.Interrupted("stopped");
        }
    }

    /** What is to be said if it stays. */
    String left() {
        VmSnapshot snapshot = held;
        return snapshot == null
                ? "a snapshot of " + vm + " may still come into being: vCenter was taking it. The same command again"
                        + " removes it, or, when its lease has ended: migratekit vmware snapshots --remove-expired"
                : "the snapshot " + snapshot.moref() + " of " + vm + " is still there and grows with every write. The"
                        + " same command again removes it, or: migratekit vmware snapshots --remove-expired";
    }

    private void stopRenewing() {
        Thread thread = renewer;
        if (thread == null) {
            return;
        }
        thread.interrupt();
        try {
            if (!thread.join(Duration.ofMillis(END_MILLIS))) {
                LOG.log(System.Logger.Level.DEBUG, "the renewal of the lease is still waiting for an answer");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        renewer = null;
    }

    /** Ends the renewals; the snapshot is left to {@link #release}, or to the next run. */
    @Override
    public void close() {
        stopRenewing();
    }
}
