package io.migratekit.hub.guest;

/**
 * Which restored file is which disk?
 *
 * @param key the disk's key in the VM
 * @param file the file's name in the folder of the restored VM
 * @param format {@code raw} or {@code qcow2}
 */
public record GuestDisk(int key, String file, String format) {
    public GuestDisk {
        if (!format.equals("raw") && !format.equals("qcow2")) {
            throw new IllegalArgumentException("a disk is restored as raw or qcow2, not as " + format);
        }
        if (file.isEmpty() || file.contains("/") || file.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("not the name of a file in the folder: " + file);
        }
    }
}
