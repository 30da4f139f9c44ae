package io.migratekit.nbd.proof;

import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Reads a hash file, one record at a time. The whole file is checked against its root before the first
 * record is given away: whoever stops in the middle has not relied on anything unproved.
 */
public final class HashFileReader implements AutoCloseable {
    private static final int BUFFER_BYTES = 64 << 10;

    private final long diskBytes;
    private final Hash root;
    private final InputStream in;
    private final RecordReader records;

    /** The part of a file before its trailer. */
    private static final class Body extends FilterInputStream {
        private long left;

        Body(InputStream in, long length) {
            super(in);
            this.left = length;
        }

        @Override
        public int read() throws IOException {
            int value = left > 0 ? in.read() : -1;
            left -= value < 0 ? 0 : 1;
            return value;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            if (left == 0) {
                return -1;
            }
            int count = in.read(bytes, offset, (int) Math.min(length, left));
            left -= Math.max(0, count);
            return count;
        }
    }

    HashFileReader(Path file) {
        try {
            long length = Files.size(file);
            long bodyBytes = length - HashFile.TRAILER_BYTES;
            if (bodyBytes < HashFile.HEADER_BYTES) {
                throw new HashFormatException(file + " is too short for a file of hashes: " + length + " bytes");
            }
            root = checkedRoot(file, bodyBytes);
            in = new Body(new BufferedInputStream(Files.newInputStream(file), BUFFER_BYTES), bodyBytes);
            diskBytes = HashFile.diskBytes(in.readNBytes(HashFile.HEADER_BYTES), file);
            records = new RecordReader(in, diskBytes);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the hashes in " + file + ": " + e, e);
        }
    }

    private static Hash checkedRoot(Path file, long bodyBytes) throws IOException {
        MessageDigest digest = Hash.newDigest();
        try (InputStream in = Files.newInputStream(file)) {
            byte[] header = in.readNBytes(HashFile.HEADER_BYTES);
            HashFile.diskBytes(header, file); // Another kind of file deserves another message than a damaged one.
            digest.update(header);
            byte[] buffer = new byte[BUFFER_BYTES];
            for (long left = bodyBytes - header.length; left > 0; ) {
                int count = in.readNBytes(buffer, 0, (int) Math.min(left, buffer.length));
                if (count == 0) {
                    throw new HashFormatException(file + " became shorter while it was read");
                }
                digest.update(buffer, 0, count);
                left -= count;
            }
            Hash computed = Hash.of(digest.digest());
            byte[] trailer = in.readNBytes(HashFile.TRAILER_BYTES);
            if (trailer.length != HashFile.TRAILER_BYTES
                    || trailer[0] != HashFile.END
                    || !endsWith(trailer, computed)) {
                throw new HashFormatException(
                        file + " is damaged or cut short: its content does not have the root at its end");
            }
            return computed;
        }
    }

    private static boolean endsWith(byte[] trailer, Hash root) {
        return Arrays.equals(trailer, 1, trailer.length, root.bytes(), 0, Hash.BYTES);
    }

    public long diskBytes() {
        return diskBytes;
    }

    /** The hash over all of the file: whoever knows it from elsewhere, compares. */
    public String rootHex() {
        return root.hex();
    }

    /** The next entry, in ascending order of the disk; null behind the last one. */
    public @Nullable HashEntry next() {
        return records.next();
    }

    @Override
    public void close() {
        try {
            in.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
