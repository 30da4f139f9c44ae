package io.migratekit.vmware;

/**
 * What does a list of VMs say of one?
 *
 * @param powerState such as {@code poweredOn}
 * @param hardwareVersion such as {@code vmx-19}; empty if not told
 * @param guest the guest system's name as configured; empty if not told
 * @param disks how many virtual disks it has
 * @param storageBytes what it takes in its datastores
 */
public record VmSummary(
        VmRef vm,
        String name,
        String instanceUuid,
        String powerState,
        boolean template,
        String hardwareVersion,
        String guest,
        int disks,
        long storageBytes,
        boolean changeTrackingEnabled,
        int snapshots) {}
