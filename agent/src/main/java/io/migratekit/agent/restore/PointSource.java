package io.migratekit.agent.restore;

import io.migratekit.nbd.NbdUri;
import java.nio.file.Path;

/** Where can a restore point be read, and what has it to read as? */
public interface PointSource {
    /** Where a disk is served. */
    NbdUri disk(int key);

    /** Brings the list of a disk's hashes into a file. */
    void hashes(int key, Path into);
}
