package io.migratekit.nbd.proof;

/** What is wrong with bytes that should be hashes? Cut short, changed, or of a version that is not known here. */
public final class HashFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    HashFormatException(String message) {
        super(message);
    }
}
