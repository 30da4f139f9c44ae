package io.migratekit.cli;

import java.io.IOException;
import java.io.Writer;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** How does a picture get to its file? Whole or not at all: written beside it and moved there in the end. */
final class SvgFile implements AutoCloseable {
    private final Path file;
    private final Path unfinished;
    private final Writer writer;
    private boolean committed;

    SvgFile(Path named) {
        try {
            // A link stays a link, and what is not a file (a pipe, /dev/stdout) is written to, not replaced.
            file = Files.exists(named) ? named.toRealPath() : named.toAbsolutePath();
            boolean direct = Files.exists(file) && !Files.isRegularFile(file);
            Path folder = file.getParent();
            if (folder != null && !Files.isDirectory(folder)) {
                throw new NoSuchFileException(folder.toString(), null, "there is no folder " + folder);
            }
            unfinished = direct ? file : Files.createTempFile(folder, "." + file.getFileName(), ".tmp");
            writer = Files.newBufferedWriter(unfinished);
        } catch (IOException e) {
            throw failure("cannot create", named, e);
        }
    }

    Writer writer() {
        return writer;
    }

    /** The picture is complete: it appears under its name. */
    void commit() {
        try {
            writer.close();
            committed = true;
            if (unfinished.equals(file)) {
                return;
            }
            // A private temporary file becomes a result for whoever may read its folder.
            Files.setPosixFilePermissions(
                    unfinished, java.nio.file.attribute.PosixFilePermissions.fromString("rw-r--r--"));
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw failure("cannot write", file, e);
        }
    }

    @Override
    public void close() {
        if (committed) {
            return;
        }
        try {
            writer.close();
            if (!unfinished.equals(file)) {
                Files.deleteIfExists(unfinished);
            }
        } catch (IOException e) {
            // The failure that brought us here is the one to tell.
        }
    }

    private static CommandFailed failure(String what, Path file, IOException why) {
        String reason =
                why instanceof FileSystemException e && e.getReason() != null ? e.getReason() : why.getMessage();
        return new CommandFailed(ExitCode.LOCAL_STATE, what + " " + file + ": " + reason);
    }
}
