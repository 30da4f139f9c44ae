package io.migratekit.cli;

import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.files.TempFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where does a command keep the near ends of its ways? In a folder that nobody else may enter: a port would be an open
 * disk for every user of this machine.
 */
final class DoorFolder implements AutoCloseable {
    private final Path folder;
    private int doors;

    DoorFolder() {
        try {
            folder = TempFiles.folder("road");
        } catch (IOException e) {
            throw new CommandFailed(
                    ExitCode.LOCAL_STATE,
                    "no folder can be made in " + System.getProperty("java.io.tmpdir")
                            + " for the near end of the tunnel: "
                            + SafeFiles.reason(e)
                            + ". Make room or rights there, or name another folder in the variable TMPDIR.");
        }
    }

    /** A name in the folder that is not taken. */
    synchronized Path next() {
        return folder.resolve(++doors + ".sock");
    }

    /** Removes what was made; what is left, if it cannot be, is an empty name that leads nowhere. */
    @Override
    public synchronized void close() {
        try {
            for (int i = 1; i <= doors; i++) {
                Files.deleteIfExists(folder.resolve(i + ".sock"));
            }
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            System.getLogger(DoorFolder.class.getName())
                    .log(System.Logger.Level.DEBUG, "the folder of the way's near ends stays: " + folder, e);
        }
    }
}
