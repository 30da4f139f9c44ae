package io.migratekit.agent.restore;

import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.server.Qcow2File;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * Where do the bytes of a restored disk go? Into a file that is called {@code .partial} until all of it is there and right, served
 * by a qemu-nbd of ours.
 */
public final class RestoredFile implements AutoCloseable {
    private final Path file;
    private final Path partial;
    private final QemuNbd server;

    private RestoredFile(Path file, Path partial, QemuNbd server) {
        this.file = file;
        this.partial = partial;
        this.server = server;
    }

    /** The name of the file while it is not whole. */
    public static Path partial(Path file) {
        return file.resolveSibling(file.getFileName() + ".partial");
    }

    /**
     * Makes the file, or goes on with what is there of it.
     *
     * @param clients how many connections are to be served
     */
    public static RestoredFile open(Path file, QemuNbd.Format format, long bytes, int clients) {
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new RestoreException.InTheWay(
                    file + " is there already and is not overwritten; remove it, or choose another folder");
        }
        Path partial = partial(file);
        try {
            Files.createDirectories(SafeFiles.parent(file.toAbsolutePath()));
            if (!Files.exists(partial)) {
                make(partial, format, bytes);
            }
            // As private as what it is a copy of.
            Files.setPosixFilePermissions(partial, PosixFilePermissions.fromString("rw-------"));
        } catch (IOException e) {
            throw new RestoreException.NoFile("cannot make " + partial + ": " + SafeFiles.reason(e), e);
        }
        return new RestoredFile(
                file,
                partial,
                QemuNbd.of(partial, format, clients)
                        .discard(QemuNbd.Discard.UNMAP)
                        .cache(QemuNbd.Cache.WRITEBACK)
                        .start());
    }

    private static void make(Path partial, QemuNbd.Format format, long bytes) throws IOException {
        if (format == QemuNbd.Format.RAW) {
            try (RandomAccessFile raw = new RandomAccessFile(partial.toFile(), "rw")) {
                raw.setLength(bytes);
            }
            return;
        }
        // Under another name until it is one: a half-made header would be gone on with.
        Path half = partial.resolveSibling(partial.getFileName() + ".tmp");
        Files.deleteIfExists(half);
        Qcow2File.create(half, bytes);
        Files.move(half, partial, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Where it is served. */
    public String uri() {
        return server.uri();
    }

    /** All of it is there and right: it gets its name, durably. */
    public void finish() {
        server.close();
        try (FileChannel channel = FileChannel.open(partial, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            throw new RestoreException.NoFile("cannot make " + partial + " durable: " + SafeFiles.reason(e), e);
        }
        try {
            Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
            SafeFiles.syncFolder(SafeFiles.parent(file.toAbsolutePath()));
        } catch (IOException e) {
            throw new RestoreException.NoFile("cannot give " + partial + " its name: " + SafeFiles.reason(e), e);
        }
    }

    @Override
    public void close() {
        server.close();
    }
}
