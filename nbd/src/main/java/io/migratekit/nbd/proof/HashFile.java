package io.migratekit.nbd.proof;

import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.util.Arrays;
import java.util.Iterator;

/**
 * What did a copy put where? One binary file per disk and run: a header, the hashes in ascending order
 * of the disk, and at the end the root, a hash over all of it. {@code docs/repository-format.md} has
 * every byte.
 */
public final class HashFile {
    static final byte[] MAGIC = "mkhashes".getBytes(StandardCharsets.US_ASCII);
    static final int VERSION = 1;
    /** XXH128 for leaves and pieces, SHA-256 for cells and the root; 1 was SHA-256 for all of them. */
    static final int XXH128_BELOW_SHA_256 = 2;

    static final int HEADER_BYTES = MAGIC.length + 4 * Integer.BYTES + Long.BYTES;
    /** What the trailer begins with; no record does. */
    static final int END = 'E';

    static final int TRAILER_BYTES = 1 + Hash.BYTES;

    private HashFile() {}

    /** Begins a file that appears under its name only when it is complete. */
    public static HashFileWriter create(Path file, long diskBytes) {
        return new HashFileWriter(file, diskBytes);
    }

    /**
     * Opens a file after all of it was checked against its root.
     *
     * @throws HashFormatException if it is damaged, cut short, or of another kind or version
     */
    public static HashFileReader open(Path file) {
        return new HashFileReader(file);
    }

    /** The root that a file of these units would have; they come in ascending order. */
    public static String rootHex(long diskBytes, Iterator<UnitHashes> units) {
        DigestOutputStream out = new DigestOutputStream(OutputStream.nullOutputStream(), Hash.newDigest());
        HashStream stream = new HashStream(out, diskBytes);
        units.forEachRemaining(stream::add);
        stream.flush();
        return Hash.of(out.getMessageDigest().digest()).hex();
    }

    static byte[] header(long diskBytes) {
        return ByteBuffer.allocate(HEADER_BYTES)
                .put(MAGIC)
                .putInt(VERSION)
                .putInt(XXH128_BELOW_SHA_256)
                .putInt(Grid.LEAF_BYTES)
                .putInt(Grid.CELL_BYTES)
                .putLong(diskBytes)
                .array();
    }

    /** The size of the disk that a header tells; the rest of the header must be as expected here. */
    static long diskBytes(byte[] header, Path file) {
        ByteBuffer bytes = ByteBuffer.wrap(header);
        byte[] magic = new byte[MAGIC.length];
        bytes.get(magic);
        if (!Arrays.equals(magic, MAGIC)) {
            throw new HashFormatException(file + " is not a file of hashes");
        }
        int version = bytes.getInt();
        if (version != VERSION) {
            throw new HashFormatException(file + " has version " + version + " of the format, but only version "
                    + VERSION + " is known here");
        }
        int algorithm = bytes.getInt();
        int leaf = bytes.getInt();
        int cell = bytes.getInt();
        long diskBytes = bytes.getLong();
        if (algorithm != XXH128_BELOW_SHA_256 || leaf != Grid.LEAF_BYTES || cell != Grid.CELL_BYTES || diskBytes < 0) {
            throw new HashFormatException(file + " is damaged, or made with another grid or other hashes: algorithm="
                    + algorithm + " leaf=" + leaf + " cell=" + cell + " disk=" + diskBytes);
        }
        return diskBytes;
    }
}
