package io.migratekit.nbd.files;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of temporary files when the program is killed? Their names say whose they are, and the next program of
 * this user that needs one removes those of processes that are gone. A process is known by its number and by the
 * namespace in which that number counts, since containers may share a folder.
 */
public final class TempFiles {
    private static final FileAttribute<?> OWNER_ONLY_FOLDER =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    private static final FileAttribute<?> OWNER_ONLY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private static final String PREFIX = "migratekit-";
    private static final Set<Path> SWEPT = new HashSet<>();

    private TempFiles() {}

    /** A new folder that only we may enter. */
    public static Path folder(String purpose) throws IOException {
        return folderIn(usual(), purpose);
    }

    /** The same at a place where much room is. */
    public static Path folderIn(Path place, String purpose) throws IOException {
        sweepOnce(place);
        return Files.createTempDirectory(place, prefix(purpose), OWNER_ONLY_FOLDER);
    }

    /** A new, empty file that only we may read. */
    public static Path file(String purpose, String suffix) throws IOException {
        sweepOnce(usual());
        return Files.createTempFile(usual(), prefix(purpose), suffix, OWNER_ONLY);
    }

    private static String prefix(String purpose) throws IOException {
        return PREFIX + namespace() + "-" + ProcessHandle.current().pid() + "-" + purpose + "-";
    }

    /** The number of the namespace of our process number: {@code pid:[4026531836]}. */
    private static String namespace() throws IOException {
        return Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString().replaceAll("[^0-9]", "");
    }

    private static Path usual() {
        return Path.of(System.getProperty("java.io.tmpdir"));
    }

    private static synchronized void sweepOnce(Path place) throws IOException {
        if (SWEPT.add(place)) {
            sweep(place);
        }
    }

    static void sweep(Path place) throws IOException {
        if (ProcessHandle.of(1).isEmpty()) {
            return; // Where processes of others are hidden (hidepid, ProtectProc=), one that lives may be, too.
        }
        Pattern ours = Pattern.compile(PREFIX + namespace() + "-([0-9]{1,18})-.*");
        Object self = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        try (DirectoryStream<Path> all = Files.newDirectoryStream(place, PREFIX + "*")) {
            for (Path one : all) {
                Matcher name = ours.matcher(one.getFileName().toString());
                if (name.matches()
                        && ProcessHandle.of(Long.parseLong(name.group(1))).isEmpty()) {
                    removeLeft(one, self);
                }
            }
        }
    }

    /** Only what is this user's own: in a folder of another one the names could lead elsewhere while we look. */
    private static void removeLeft(Path left, Object self) {
        try {
            if (self.equals(Files.getAttribute(left, "unix:uid", LinkOption.NOFOLLOW_LINKS))) {
                remove(left);
            }
        } catch (IOException e) {
            System.getLogger(TempFiles.class.getName())
                    .log(System.Logger.Level.DEBUG, left + " of a process that is gone stays: " + e);
        }
    }

    /** Removes it with all that is in it; others may be removing it, too. */
    public static void remove(Path path) throws IOException {
        try {
            Files.walkFileTree(path, new Remover());
        } catch (NoSuchFileException alreadyRemoved) {
            // That is what was wanted.
        }
    }

    private static final class Remover extends SimpleFileVisitor<Path> {
        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (e instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE;
            }
            throw e;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException e) throws IOException {
            if (e != null) {
                throw e;
            }
            Files.deleteIfExists(directory);
            return FileVisitResult.CONTINUE;
        }
    }
}
