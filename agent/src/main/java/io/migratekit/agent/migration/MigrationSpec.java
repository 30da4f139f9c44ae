package io.migratekit.agent.migration;

import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.copy.RateLimit;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.watch.WatchLimits;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.vmware.DiskServerSpec;
import io.migratekit.vmware.VCenterSpec;
import io.migratekit.vmware.VmSnapshot;
import java.time.Duration;
import java.util.Set;

/**
 * Which VM is to be backed up, where to, and how?
 *
 * @param vmPath inventory path, UUID or name
 * @param skippedDisks keys of disks that are left out on purpose
 * @param full everything is copied, whatever is known of changes
 * @param hash whether every piece is hashed when it is read
 * @param verify whether the targets are read again at the end and compared
 * @param disksAtOnce so many disks are copied at the same time
 * @param audit how often, and how thoroughly, what vCenter says about changes is checked
 * @param lease for so long nobody takes our snapshot for left over, if we fall silent; renewed in time
 */
public record MigrationSpec(
        JobId id,
        JobStore store,
        VCenterSpec vcenter,
        String vmPath,
        Destination destination,
        Set<Integer> skippedDisks,
        DiskServerSpec diskServer,
        ConnectSpec connect,
        CopyLimits limits,
        WatchLimits watch,
        RateLimit rate,
        VmSnapshot.Quiesce quiesce,
        boolean full,
        boolean hash,
        boolean verify,
        int disksAtOnce,
        AuditLimits audit,
        Duration lease) {
    public static final Duration DEFAULT_LEASE = Duration.ofHours(6);

    public MigrationSpec {
        skippedDisks = Set.copyOf(skippedDisks);
        if (verify && !hash) {
            throw new IllegalArgumentException("without hashes there is nothing to verify with");
        }
    }

    /** The same, without these disks. */
    MigrationSpec withSkippedDisks(Set<Integer> keys) {
        return new MigrationSpec(
                id,
                store,
                vcenter,
                vmPath,
                destination,
                keys,
                diskServer,
                connect,
                limits,
                watch,
                rate,
                quiesce,
                full,
                hash,
                verify,
                disksAtOnce,
                audit,
                lease);
    }

    MigrationSpec withFull(boolean everything) {
        return new MigrationSpec(
                id,
                store,
                vcenter,
                vmPath,
                destination,
                skippedDisks,
                diskServer,
                connect,
                limits,
                watch,
                rate,
                quiesce,
                everything,
                hash,
                verify,
                disksAtOnce,
                audit,
                lease);
    }

    MigrationSpec withHash(boolean hashed) {
        return new MigrationSpec(
                id,
                store,
                vcenter,
                vmPath,
                destination,
                skippedDisks,
                diskServer,
                connect,
                limits,
                watch,
                rate,
                quiesce,
                full,
                hashed,
                verify,
                disksAtOnce,
                audit,
                lease);
    }

    MigrationSpec withAudit(AuditLimits newAudit) {
        return new MigrationSpec(
                id,
                store,
                vcenter,
                vmPath,
                destination,
                skippedDisks,
                diskServer,
                connect,
                limits,
                watch,
                rate,
                quiesce,
                full,
                hash,
                verify,
                disksAtOnce,
                newAudit,
                lease);
    }

    MigrationSpec withConnect(ConnectSpec newConnect) {
        return new MigrationSpec(
                id,
                store,
                vcenter,
                vmPath,
                destination,
                skippedDisks,
                diskServer,
                newConnect,
                limits,
                watch,
                rate,
                quiesce,
                full,
                hash,
                verify,
                disksAtOnce,
                audit,
                lease);
    }

    /** The job as people call it when one of its disks is meant. */
    String title(int disk) {
        return id + ", disk " + disk;
    }
}
