package io.migratekit.hub.repository;

import org.jspecify.annotations.Nullable;

/** Why was something not done? Every message says what, where, why, and what to do. */
public abstract sealed class RepositoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private RepositoryException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** What was asked makes no sense, whatever is kept. */
    public static final class BadRequest extends RepositoryException {
        private static final long serialVersionUID = 1L;

        public BadRequest(String message) {
            super(message, null);
        }
    }

    /** There is nothing of this name. */
    public static final class NotFound extends RepositoryException {
        private static final long serialVersionUID = 1L;

        public NotFound(String message) {
            super(message, null);
        }
    }

    /** It does not fit what is kept; the word is stable. */
    public static final class Conflict extends RepositoryException {
        private static final long serialVersionUID = 1L;
        private final String word;

        public Conflict(String word, String message) {
            super(message, null);
            this.word = word;
        }

        public String word() {
            return word;
        }
    }

    /** The file system is full, or would soon be. */
    public static final class NoSpace extends RepositoryException {
        private static final long serialVersionUID = 1L;

        public NoSpace(String message) {
            super(message, null);
        }
    }

    /** What is kept is not what it was, or what was written is not what its writer said. */
    public static final class Damaged extends RepositoryException {
        private static final long serialVersionUID = 1L;
        private final String what;
        private final String layer;
        private final long offset;

        public Damaged(String layer, long offset, String message) {
            super(message + " (layer=" + layer + (offset < 0 ? "" : " offset=" + offset) + ")", null);
            this.what = message;
            this.layer = layer;
            this.offset = offset;
        }

        /** The message without the place. */
        public String what() {
            return what;
        }

        public String layer() {
            return layer;
        }

        /** On the disk; -1 if it is not about a place. */
        public long offset() {
            return offset;
        }
    }

    /** Reading or writing files failed. */
    public static final class Storage extends RepositoryException {
        private static final long serialVersionUID = 1L;

        public Storage(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** Another process serves the repository. */
    public static final class Locked extends RepositoryException {
        private static final long serialVersionUID = 1L;

        public Locked(String message) {
            super(message, null);
        }
    }
}
