package io.migratekit.hub.repository;

/** Who hears how far a seal is? Called often, from the thread that seals; it must return at once. */
@FunctionalInterface
public interface SealProgress {
    void at(int disk, String step, long doneBytes, long totalBytes);
}
