package io.migratekit.hub.control;

import org.jspecify.annotations.Nullable;

/** Why can the queue not do what it was asked for? */
public abstract sealed class ControlException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private ControlException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** There is no such job, agent or schedule. */
    public static final class NotFound extends ControlException {
        private static final long serialVersionUID = 1L;

        NotFound(String message) {
            super(message, null);
        }
    }

    /** It is not what it would have to be for this. */
    public static final class Conflict extends ControlException {
        private static final long serialVersionUID = 1L;

        Conflict(String message) {
            super(message, null);
        }
    }

    /** What was asked for makes no sense. */
    public static final class BadRequest extends ControlException {
        private static final long serialVersionUID = 1L;

        BadRequest(String message) {
            super(message, null);
        }
    }

    /** An agent does not answer a call. */
    public static final class Unreached extends ControlException {
        private static final long serialVersionUID = 1L;

        Unreached(String message) {
            super(message, null);
        }
    }

    /** The database cannot be used. */
    public static final class Unavailable extends ControlException {
        private static final long serialVersionUID = 1L;

        Unavailable(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }
}
