package io.migratekit.nbd;

/**
 * What did libnbd say when a call failed? Its text and error number, read at once on the same
 * thread. Never leaves the package: {@link Link} turns it into an {@link NbdException}.
 */
final class LibnbdError extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final int errno;

    LibnbdError(String text, int errno) {
        super(text, null, false, false);
        this.errno = errno;
    }

    /** Linux error number; 0 is common and does not mean success. */
    int errno() {
        return errno;
    }

    /** libnbd's sentence. */
    String text() {
        return String.valueOf(getMessage());
    }
}
