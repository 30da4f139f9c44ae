package io.migratekit.agent.restore;

import org.jspecify.annotations.Nullable;

/** Why is there no restored disk? Every message says what, where, why, and what to do. */
public abstract sealed class RestoreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private RestoreException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** Something is in the way; it is never overwritten. */
    public static final class InTheWay extends RestoreException {
        private static final long serialVersionUID = 1L;

        InTheWay(String message) {
            super(message, null);
        }
    }

    /** The file cannot be made or served. */
    public static final class NoFile extends RestoreException {
        private static final long serialVersionUID = 1L;

        NoFile(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** The other hub has no place for it. */
    public static final class NoPlace extends RestoreException {
        private static final long serialVersionUID = 1L;

        NoPlace(String message) {
            super(message, null);
        }
    }

    /** What came is not what was sealed. */
    public static final class NotWhatWasSealed extends RestoreException {
        private static final long serialVersionUID = 1L;

        NotWhatWasSealed(String message) {
            super(message, null);
        }
    }
}
