package io.migratekit.hub.repository;

/** Who hears how far a verification is? Called often, from the thread that does it; it must return at once. */
@FunctionalInterface
public interface VerifyProgress {
    VerifyProgress NOBODY = (_, _, _) -> {};

    /** So many of the bytes that the layers have as files are done with. */
    void at(String layer, long doneBytes, long totalBytes);
}
