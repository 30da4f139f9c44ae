package io.migratekit.hub.export;

/** Which open layer is meant? The one of this disk of this backup. */
public record ExportKey(String backup, int disk) {
    /** As it is in file names; neither part can hold a slash. */
    String word() {
        return backup + "-" + disk;
    }
}
