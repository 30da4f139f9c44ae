package io.migratekit.nbd.proof;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * What is the hash of a cell, or a root, as a value? A SHA-256 as four longs, big-endian, so that it can
 * be compared and kept without an array.
 */
public record Hash(long a, long b, long c, long d) {
    public static final int BYTES = 32;

    /** Takes 32 bytes out of a buffer. */
    public static Hash from(ByteBuffer bytes) {
        return new Hash(bytes.getLong(), bytes.getLong(), bytes.getLong(), bytes.getLong());
    }

    static Hash of(byte[] bytes) {
        return from(ByteBuffer.wrap(bytes));
    }

    public byte[] bytes() {
        return ByteBuffer.allocate(BYTES)
                .putLong(a)
                .putLong(b)
                .putLong(c)
                .putLong(d)
                .array();
    }

    public String hex() {
        return HexFormat.of().formatHex(bytes());
    }

    @Override
    public String toString() {
        return hex();
    }

    static MessageDigest newDigest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
