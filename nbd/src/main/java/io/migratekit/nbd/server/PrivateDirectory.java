package io.migratekit.nbd.server;

import io.migratekit.nbd.files.TempFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** Where do the socket and the pid file of one server live? In a directory that only we can enter and that goes with it. */
final class PrivateDirectory implements AutoCloseable {
    private final Path path;

    private PrivateDirectory(Path path) {
        this.path = path;
    }

    static PrivateDirectory create() {
        try {
            return new PrivateDirectory(TempFiles.folder("nbd"));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot make a private directory for a server's socket", e);
        }
    }

    Path path() {
        return path;
    }

    /** Removes it with all that is in it. It may be called again, and the server may be removing its files meanwhile. */
    @Override
    public void close() {
        try {
            TempFiles.remove(path);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot remove " + path, e);
        }
    }
}
