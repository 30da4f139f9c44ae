package io.migratekit.nbd.proof;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestOutputStream;
import java.util.Set;

/** Writes a hash file: units in ascending order, then {@link #commit}. Closed without that, it leaves nothing behind. */
public final class HashFileWriter implements AutoCloseable {
    /** Whoever knows the hashes can tell whether a disk holds what he suspects. */
    private static final FileAttribute<?> ONLY_OURS =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private final Path file;
    private final Path temporary;
    private final FileChannel channel;
    private final DigestOutputStream digested;
    private final OutputStream out;
    private final HashStream stream;
    private boolean committed;

    HashFileWriter(Path file, long diskBytes) {
        this.file = file.toAbsolutePath();
        this.temporary = this.file.resolveSibling(file.getFileName() + ".tmp");
        try {
            // What a crash left under this name is of no use to anybody, and others might read it.
            Files.deleteIfExists(temporary);
            this.channel = FileChannel.open(
                    temporary, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), ONLY_OURS);
        } catch (IOException e) {
            throw failed(e);
        }
        this.digested = new DigestOutputStream(Channels.newOutputStream(channel), Hash.newDigest());
        this.out = new BufferedOutputStream(digested, 64 << 10);
        this.stream = new HashStream(out, diskBytes);
    }

    /**
     * Adds the next unit.
     *
     * @throws IllegalArgumentException if it lies before one that was added
     */
    public void add(UnitHashes unit) {
        stream.add(unit);
    }

    /** Adds what is known of a cell, or of a piece of one, from somewhere else; the same holds. */
    public void add(HashEntry entry) {
        stream.add(entry);
    }

    /** Ends the file and gives it its name, durably; returns the root. */
    public String commit() {
        try {
            stream.flush();
            out.flush();
            Hash root = Hash.of(digested.getMessageDigest().digest());
            digested.on(false);
            out.write(HashFile.END);
            out.write(root.bytes());
            out.flush();
            channel.force(true);
            channel.close();
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
            committed = true;
            // The name is durable when the folder is.
            try (FileChannel folder = FileChannel.open(file.resolveSibling("."), StandardOpenOption.READ)) {
                folder.force(true);
            }
            return root.hex();
        } catch (IOException e) {
            throw failed(e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
            if (!committed) {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private UncheckedIOException failed(IOException e) {
        return new UncheckedIOException("cannot write the hashes to " + file + ": " + e, e);
    }
}
