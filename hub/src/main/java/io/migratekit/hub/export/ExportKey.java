package io.migratekit.hub.export;

/** Which layer is meant? The one of this disk, as it is being written for a backup, or read by somebody. */
public record ExportKey(String backup, int disk) {
    /** A layer that is read; no backup has such a name. */
    public static ExportKey reading(String reading, int disk) {
        return new ExportKey("~" + reading, disk);
    }

    /** As it is in file names; neither part can hold a slash. */
    String word() {
        return backup + "-" + disk;
    }
}
