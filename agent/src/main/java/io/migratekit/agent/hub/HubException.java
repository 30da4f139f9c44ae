package io.migratekit.agent.hub;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Why did the hub not do what was asked? Every message says what, where, why, and what to do. */
public abstract sealed class HubException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private HubException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** No hub can be at such an address. */
    public static final class BadAddress extends HubException {
        private static final long serialVersionUID = 1L;

        BadAddress(String message) {
            super(message, null);
        }
    }

    /** No connection, or one that broke. */
    public static final class Unreachable extends HubException {
        private static final long serialVersionUID = 1L;

        Unreachable(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** A connection, but silence on it. */
    public static final class NoAnswer extends HubException {
        private static final long serialVersionUID = 1L;

        NoAnswer(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** What answers is no hub, or one of another time. */
    public static final class NotHub extends HubException {
        private static final long serialVersionUID = 1L;

        NotHub(String message) {
            super(message, null);
        }
    }

    /** The token is missing, wrong, or not good for this. */
    public static final class Denied extends HubException {
        private static final long serialVersionUID = 1L;

        Denied(String message) {
            super(message, null);
        }
    }

    /** The hub has understood, and does not do it. */
    public static final class Refused extends HubException {
        private static final long serialVersionUID = 1L;
        private final int status;
        private final String word;

        Refused(int status, String word, String message) {
            super(message, null);
            this.status = status;
            this.word = word;
        }

        /** The stable word of the contract, such as {@code locked}. */
        public String word() {
            return word;
        }

        public int status() {
            return status;
        }
    }

    /** Somebody wants us to stop. */
    public static final class Cancelled extends HubException {
        private static final long serialVersionUID = 1L;

        Cancelled(String message) {
            super(message, null);
        }
    }
}
