package io.migratekit.agent.migration;

import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.vmware.VmRef;
import io.migratekit.vmware.VmSnapshot;
import java.time.Instant;
import java.util.Optional;

/** Is a snapshot of ours in use by a backup that lives? Of a job here we know that; of others, until when they may live. */
public final class LivingBackup {
    private LivingBackup() {}

    /** Whether the job of this id, here, took it. */
    public static boolean isOf(JobStore store, String jobId, VmSnapshot snapshot) {
        return snapshot.label().owner().equals(Owner.of(store))
                && snapshot.label().jobId().equals(jobId);
    }

    /** Whose it is, and what to wait for; nothing if it was left by a run that is dead. */
    public static Optional<String> holding(JobStore store, VmRef vm, VmSnapshot snapshot) {
        VmSnapshot.Label label = snapshot.label();
        boolean here = label.owner().equals(Owner.of(store));
        boolean lives = here
                ? store.isRunning(new JobId(label.jobId()))
                : label.expires().isAfter(Instant.now());
        if (!lives) {
            return Optional.empty();
        }
        return Optional.of(vm + " is frozen by the backup " + label.jobId()
                + (here ? ", which runs here" : " of " + label.owner() + ", whose lease ends at " + label.expires())
                + " (snapshot " + snapshot.moref() + "). One backup of a VM at a time: wait for that one"
                + (here ? "" : ", or for the end of its lease"));
    }
}
