package io.migratekit.hub.repository;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonDeserializer;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSerializer;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** How do records get onto the disk and back? Whole and synced, never through a symbolic link. */
final class Disk {
    private static final Gson GSON = new GsonBuilder()
            .setPrettyPrinting()
            .disableHtmlEscaping()
            .registerTypeAdapter(Instant.class, (JsonSerializer<Instant>)
                    (value, type, context) -> new JsonPrimitive(value.toString()))
            .registerTypeAdapter(Instant.class, (JsonDeserializer<Instant>)
                    (value, type, context) -> Instant.parse(value.getAsString()))
            .create();

    private Disk() {}

    static void write(Path file, Object value) {
        try {
            SafeFiles.replace(file, GSON.toJson(value).getBytes(StandardCharsets.UTF_8), SafeFiles.Survives.POWER_CUT);
        } catch (IOException e) {
            throw storage("cannot write " + file, e);
        }
    }

    static <T> Optional<T> read(Path file, Class<T> type) {
        try {
            if (Files.isSymbolicLink(file)) {
                throw new RepositoryException.Storage(
                        file + " is a symbolic link, which is not followed; remove it", null);
            }
            return SafeFiles.read(file).map(text -> GSON.fromJson(text, type));
        } catch (IOException e) {
            throw storage("cannot read " + file, e);
        } catch (JsonParseException e) {
            throw new RepositoryException.Storage(file + " is not the record that it should be; restore it", e);
        }
    }

    /** The names in a folder, in order; none if there is no folder. */
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
        try {
            SafeFiles.makeFolder(folder);
            SafeFiles.syncFolder(folder.resolveSibling(".").normalize());
        } catch (IOException e) {
            throw storage("cannot make " + folder, e);
        }
    }

    static void remove(Path file) {
        try {
            if (Files.deleteIfExists(file)) {
                SafeFiles.syncFolder(SafeFiles.parent(file));
            }
        } catch (IOException e) {
            throw storage("cannot remove " + file, e);
        }
    }

    static RepositoryException storage(String what, IOException e) {
        String why = String.valueOf(e.getMessage());
        return why.contains("No space left")
                ? new RepositoryException.NoSpace(what + ": no space left; free some and try again")
                : new RepositoryException.Storage(what + ": " + why + "; look at the file system", e);
    }
}
