package io.migratekit.hub.guest;

import java.nio.file.Path;

/**
 * Which sealed layer is the top of which disk's chain?
 *
 * @param key the disk's key in the VM
 * @param layer a QCOW2 file; it is only read
 */
public record BootDisk(int key, Path layer) {}
