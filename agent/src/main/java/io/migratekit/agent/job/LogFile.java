package io.migratekit.agent.job;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * How are bytes of a log read and written at a place? Through a file that an interrupt does not close,
 * other than a {@code FileChannel}.
 */
final class LogFile implements AutoCloseable {
    private final RandomAccessFile file;

    private LogFile(RandomAccessFile file) {
        this.file = file;
    }

    static LogFile open(Path path) throws IOException {
        return new LogFile(new RandomAccessFile(path.toFile(), "rw"));
    }

    /** A file without a name: it is gone with the process, however that ends. */
    static LogFile nameless() throws IOException {
        Path path = Files.createTempFile(
                "migratekit-",
                ".progress",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try {
            return open(path);
        } finally {
            Files.delete(path);
        }
    }

    synchronized long length() throws IOException {
        return file.length();
    }

    /** Fills the buffer behind its limit, up to its capacity, as far as there is anything in the file. */
    synchronized void read(long offset, ByteBuffer into) throws IOException {
        file.seek(offset);
        while (into.limit() < into.capacity()) {
            int count = file.read(into.array(), into.arrayOffset() + into.limit(), into.capacity() - into.limit());
            if (count < 0) {
                return;
            }
            into.limit(into.limit() + count);
        }
    }

    /** Writes what is in the buffer before its position. */
    synchronized void write(long offset, ByteBuffer bytes) throws IOException {
        file.seek(offset);
        file.write(bytes.array(), bytes.arrayOffset(), bytes.position());
    }

    synchronized void truncate(long length) throws IOException {
        file.setLength(length);
    }

    void sync() throws IOException {
        file.getFD().sync();
    }

    @Override
    public synchronized void close() throws IOException {
        file.close();
    }
}
