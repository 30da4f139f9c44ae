package io.migratekit.agent.job;

import io.migratekit.nbd.files.ProcessLock;
import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.files.TempFiles;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Where does more than a job's own files stand? A folder of the state directory with documents that are
 * replaced as a whole and survive a power cut, and with a lock that ends with its process.
 */
public final class StateFolder {
    private static final String LOCK = "lock";

    private final Path folder;

    /** A folder that need not exist yet. */
    public StateFolder(Path folder) {
        this.folder = folder;
    }

    public Path path() {
        return folder;
    }

    /** The document of this name as text; nothing if there is none. */
    public Optional<String> read(String name) {
        try {
            return SafeFiles.read(folder.resolve(name));
        } catch (IOException e) {
            throw JobException.storage(folder.resolve(name) + " cannot be read", e);
        }
    }

    /** Gives the document a new content; when this returns it is there for good. */
    public void write(String name, String content) {
        attempt("cannot be written", name, () -> {
            SafeFiles.makeFolder(folder);
            SafeFiles.replace(
                    folder.resolve(name), content.getBytes(StandardCharsets.UTF_8), SafeFiles.Survives.POWER_CUT);
        });
    }

    /** The same for a document that is too long to be held in memory. */
    public void write(String name, Consumer<Appendable> content) {
        attempt("cannot be written", name, () -> {
            SafeFiles.makeFolder(folder);
            SafeFiles.replace(folder.resolve(name), SafeFiles.Survives.POWER_CUT, out -> {
                // Not closed: the file has to be synced first, by whoever made it.
                Writer text = new BufferedWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8));
                try {
                    content.accept(text);
                } catch (UncheckedIOException e) {
                    throw Objects.requireNonNull(e.getCause());
                }
                text.flush();
            });
        });
    }

    /** Removes the document, for good; no harm if there is none. */
    public void delete(String name) {
        attempt("cannot be removed", name, () -> {
            if (Files.deleteIfExists(folder.resolve(name))) {
                SafeFiles.syncFolder(folder);
            }
        });
    }

    /** The names of the documents that end so, in order. */
    public List<String> names(String ending) {
        List<String> names = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                for (Path file : files) {
                    String name = Objects.toString(file.getFileName());
                    if (name.endsWith(ending) && !name.startsWith(".")) {
                        names.add(name);
                    }
                }
            } catch (IOException e) {
                throw JobException.storage(folder + " cannot be listed", e);
            }
        }
        Collections.sort(names);
        return names;
    }

    /** Takes the folder's lock, or gives nothing if another process, or another part of this one, has it. */
    public Optional<ProcessLock> tryLock() {
        try {
            SafeFiles.makeFolder(folder);
            return ProcessLock.tryAcquire(folder.resolve(LOCK));
        } catch (IOException e) {
            throw JobException.storage(folder + " cannot be locked", e);
        }
    }

    /** Removes it with all that is in it. */
    public void deleteAll() {
        attempt("cannot be removed", "", () -> TempFiles.remove(folder));
    }

    private interface Change {
        void make() throws IOException;
    }

    private void attempt(String complaint, String name, Change change) {
        try {
            change.make();
        } catch (IOException e) {
            throw JobException.storage(folder.resolve(name) + " " + complaint, e);
        }
    }
}
