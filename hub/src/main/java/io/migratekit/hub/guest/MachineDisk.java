package io.migratekit.hub.guest;

/**
 * Where does a disk hang in the VM?
 *
 * @param label its name in the VM, such as {@code Hard disk 1}; empty if not told
 */
public record MachineDisk(int key, String label, DiskBus bus, int controller, int unit, long capacityBytes) {}
