package io.migratekit.hub.repository;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import io.migratekit.nbd.files.JsonFields;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** How do files get onto the disk and back? Whole and synced, never through a symbolic link. */
final class Disk {
    private static final Gson GSON =
            new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

    /** Makes a value of a JSON document, or says what is wrong with it. */
    interface Reading<T> {
        T from(JsonFields fields) throws JsonFields.Unfit;
    }

    private Disk() {}

    static void write(Path file, JsonObject value) {
        Steps.next("write " + file);
        try {
            SafeFiles.replace(file, GSON.toJson(value).getBytes(StandardCharsets.UTF_8), SafeFiles.Survives.POWER_CUT);
        } catch (IOException e) {
            throw storage("cannot write " + file, e);
        }
    }

    /** The record in a file, if there is one; a record that is not whole is an error that names the file and the field. */
    static <T> Optional<T> read(Path file, Reading<T> reading) {
        try {
            requireNoLink(file);
            Optional<String> text = SafeFiles.read(file);
            return text.isEmpty() ? Optional.empty() : Optional.of(reading.from(JsonFields.parse(text.get())));
        } catch (IOException e) {
            throw storage("cannot read " + file, e);
        } catch (JsonFields.Unfit e) {
            throw new RepositoryException.Storage(
                    file + " is not the record that it should be: " + e.getMessage()
                            + "; restore it (docs/repository-format.md says from where)",
                    e);
        }
    }

    /** The names in a folder, in order; none if there is no folder, or only a link to one. */
    static List<Path> list(Path folder) {
        List<Path> all = new ArrayList<>();
        if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                files.forEach(all::add);
            } catch (IOException e) {
                throw storage("cannot list " + folder, e);
            }
        }
        all.sort(null);
        return all;
    }

    static void folder(Path folder) {
        if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Steps.next("make " + folder);
        try {
            SafeFiles.makeFolder(folder);
            SafeFiles.syncFolder(folder.resolveSibling(".").normalize());
        } catch (IOException e) {
            throw storage("cannot make " + folder, e);
        }
    }

    static void remove(Path file) {
        try {
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
                Steps.next("remove " + file);
            }
            if (Files.deleteIfExists(file)) {
                SafeFiles.syncFolder(SafeFiles.parent(file));
            }
        } catch (IOException e) {
            throw storage("cannot remove " + file, e);
        }
    }

    /** Puts what comes in under a new name, synced but for the name itself. */
    static void receive(InputStream in, Path file) throws IOException {
        Steps.next("receive " + file);
        try (FileChannel out = FileChannel.open(
                file,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            in.transferTo(Channels.newOutputStream(out));
            out.force(true);
        }
    }

    /** Gives a synced file its name, in place of what had it. */
    static void rename(Path from, Path to) throws IOException {
        Steps.next("rename " + to);
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        SafeFiles.syncFolder(SafeFiles.parent(to));
    }

    static void sync(Path file) {
        try (FileChannel all = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            all.force(true);
        } catch (IOException e) {
            throw storage("cannot sync " + file, e);
        }
    }

    static void permit(Path file, String permissions) {
        try {
            if (!permissions.equals(
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(file, LinkOption.NOFOLLOW_LINKS)))) {
                Steps.next("permit " + permissions + " " + file);
                Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
            }
        } catch (IOException e) {
            throw storage("cannot make " + file + " " + permissions, e);
        }
    }

    static void requireNoLink(Path file) {
        if (Files.isSymbolicLink(file)) {
            throw new RepositoryException.Storage(
                    file + " is a symbolic link, which is not followed; put the file itself there", null);
        }
    }

    static RepositoryException storage(String what, IOException e) {
        String why = SafeFiles.reason(e);
        return isFull(why)
                ? new RepositoryException.NoSpace(what + ": no space left; free some and try again")
                : new RepositoryException.Storage(what + ": " + why + "; look at the file system", e);
    }

    static RepositoryException storage(String what, UncheckedIOException e) {
        return storage(what, new IOException(e.getMessage(), e));
    }

    /** Whether these are the words for a full file system. */
    static boolean isFull(String words) {
        return words.contains("No space left") || words.contains("Disk quota exceeded");
    }
}
