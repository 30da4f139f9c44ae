package io.migratekit.hub.repository;

/** Who hears how far a seal or a merge is? Called often, from the thread that does it; it must return at once. */
@FunctionalInterface
public interface SealProgress {
    SealProgress NOBODY = (_, _, _, _) -> {};

    void at(int disk, String step, long doneBytes, long totalBytes);
}
