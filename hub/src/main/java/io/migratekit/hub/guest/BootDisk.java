package io.migratekit.hub.guest;

import java.nio.file.Path;

/**
 * On what does an overlay of which disk stand?
 *
 * @param key the disk's key in the VM
 * @param backing as qemu names it: the absolute path of the top of a chain, or the URI of an export; it is only read
 * @param format {@code qcow2} or {@code raw}
 */
public record BootDisk(int key, String backing, String format) {
    /** A sealed layer. */
    public BootDisk(int key, Path layer) {
        this(key, layer.toAbsolutePath().toString(), "qcow2");
    }
}
