package io.migratekit.cli;

import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** How does a picture get to its file? Whole or not at all: written beside it and moved there in the end. */
final class SvgFile implements AutoCloseable {
    private final Path file;
    private final Path unfinished;
    private final Writer writer;
    private boolean committed;

    SvgFile(Path file) {
        this.file = file;
        try {
            Path folder = file.toAbsolutePath().getParent();
            unfinished = Files.createTempFile(folder, "." + file.getFileName(), ".tmp");
            writer = Files.newBufferedWriter(unfinished);
        } catch (IOException e) {
            throw failure("cannot create", e);
        }
    }

    Writer writer() {
        return writer;
    }

    /** The picture is complete: it appears under its name. */
    void commit() {
        try {
            writer.close();
            // A private temporary file becomes a result for whoever may read its folder.
            Files.setPosixFilePermissions(
                    unfinished, java.nio.file.attribute.PosixFilePermissions.fromString("rw-r--r--"));
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            committed = true;
        } catch (IOException e) {
            throw failure("cannot write", e);
        }
    }

    @Override
    public void close() {
        if (committed) {
            return;
        }
        try {
            writer.close();
            Files.deleteIfExists(unfinished);
        } catch (IOException e) {
            // The failure that brought us here is the one to tell.
        }
    }

    private CommandFailed failure(String what, IOException why) {
        return new CommandFailed(ExitCode.LOCAL_STATE, what + " " + file + ": " + why.getMessage());
    }
}
