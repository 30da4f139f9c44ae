package io.migratekit.nbd.files;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/** How are the files of a job made and replaced? Only for their owner to read, and never half-written to be seen. */
public final class SafeFiles {
    private static final FileAttribute<?> OWNER_ONLY_FOLDER =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    private static final FileAttribute<?> OWNER_ONLY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private static final String HALF_WRITTEN = ".tmp";
    /** A file that was being written for so long will not be finished by anybody. */
    private static final Duration ABANDONED = Duration.ofMinutes(1);

    private static final AtomicLong NEXT_NAME = new AtomicLong();

    /** Why a file could not be made, read or replaced: the words of the operating system without the name of the file. */
    public static String reason(IOException cause) {
        return switch (cause) {
            case AccessDeniedException _ -> "permission denied";
            case NoSuchFileException _ -> "there is no such file";
            // Its own words are "Input length = 1".
            case CharacterCodingException _ -> "it is not UTF-8";
            case FileSystemException failure when failure.getReason() != null -> failure.getReason();
            default -> cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
        };
    }

    /** Whether a new content has to outlive a power cut, or only a crash of the program. */
    public enum Survives {
        POWER_CUT,
        CRASH
    }

    private SafeFiles() {}

    /** Makes a folder, and those above it that are missing. One that exists stays as it is. */
    public static void makeFolder(Path folder) throws IOException {
        Files.createDirectories(folder, OWNER_ONLY_FOLDER);
    }

    /** Makes an empty file if there is none. */
    public static void makeFile(Path file) throws IOException {
        if (!Files.exists(file)) {
            try {
                Files.createFile(file, OWNER_ONLY);
            } catch (java.nio.file.FileAlreadyExistsException somebodyWasFaster) {
                // Then it is there, as was wanted.
            }
        }
    }

    /**
     * Gives the file a new content in one step: whoever reads sees all of the old or all of the new.
     * Several may do so at once; one of them is the last.
     */
    public static void replace(Path file, byte[] content, Survives survives) throws IOException {
        replace(file, survives, out -> out.write(content));
    }

    /** Who writes the content of a file. */
    public interface Content {
        void writeTo(OutputStream out) throws IOException;
    }

    /** The same for a content that is not held in memory. */
    public static void replace(Path file, Survives survives, Content content) throws IOException {
        Path folder = parent(file);
        Path half = folder.resolve("." + file.getFileName() + "."
                + ProcessHandle.current().pid() + "." + NEXT_NAME.getAndIncrement() + HALF_WRITTEN);
        try {
            Files.deleteIfExists(half); // Of a process that died with the same number.
            Files.createFile(half, OWNER_ONLY);
            try (FileOutputStream out = new FileOutputStream(half.toFile())) {
                content.writeTo(out);
                if (survives == Survives.POWER_CUT) {
                    out.getFD().sync();
                }
            }
            Files.move(half, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            deleteQuietly(half, e);
            throw e;
        }
        if (survives == Survives.POWER_CUT) {
            syncFolder(folder);
        }
    }

    /** The content as text, or nothing if there is no such file. */
    public static Optional<String> read(Path file) throws IOException {
        try {
            return Optional.of(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /** Makes names in a folder survive a power cut, also when the thread was interrupted. */
    public static void syncFolder(Path folder) throws IOException {
        boolean interrupted = false;
        try {
            while (true) {
                // Only a channel can open a folder, and an interrupt closes it; so the flag is put aside.
                interrupted |= Thread.interrupted();
                try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                    channel.force(true);
                    return;
                } catch (ClosedByInterruptException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Removes what killed processes were in the middle of writing. */
    public static void removeAbandoned(Path folder) throws IOException {
        Instant before = Instant.now().minus(ABANDONED);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, ".*" + HALF_WRITTEN)) {
            for (Path file : files) {
                try {
                    if (Files.getLastModifiedTime(file).toInstant().isBefore(before)) {
                        Files.deleteIfExists(file);
                    }
                } catch (NoSuchFileException e) {
                    // Its owner lives and was done with it just now.
                }
            }
        }
    }

    public static Path parent(Path file) {
        Path parent = file.getParent();
        if (parent == null) {
            throw new IllegalArgumentException("not inside a folder: " + file);
        }
        return parent;
    }

    private static void deleteQuietly(Path file, IOException cause) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }
}
