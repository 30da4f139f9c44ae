package io.migratekit.nbd;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What went wrong between us and the NBD peer? One subtype for each kind of cause, so that callers
 * decide by type and never by text. Messages are one or two sentences for a person.
 */
public abstract sealed class NbdException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private NbdException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** Never null: a failure without words would be half a silence. */
    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** The address cannot be understood: the user's mistake. */
    public static final class BadUri extends NbdException {
        private static final long serialVersionUID = 1L;

        BadUri(String message) {
            super(message, null);
        }
    }

    /** libnbd or libxxhash is not installed, or cannot be used from here. */
    public static final class LibraryMissing extends NbdException {
        private static final long serialVersionUID = 1L;

        /** @param remedy how to install it; of no use, and not said, if it is there and something else is short */
        LibraryMissing(String what, String remedy) {
            super(what + otherReason().map(reason -> ": " + reason + ".").orElse(". " + remedy), null);
        }

        /** The loader of libraries does not tell why; a process without descriptors is not one without the library. */
        private static Optional<String> otherReason() {
            try (InputStream _ = Files.newInputStream(Path.of("/dev/null"))) {
                return Optional.empty();
            } catch (IOException e) {
                return Optional.of(
                        e instanceof FileSystemException failure && failure.getReason() != null
                                ? failure.getReason() + " (see ulimit -a)"
                                : e.toString());
            }
        }
    }

    /** No connection came about: no such name, nobody listening, no way there. */
    public static final class Unreachable extends NbdException {
        private static final long serialVersionUID = 1L;

        Unreachable(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** Something answered, but not in the NBD protocol. */
    public static final class NotNbd extends NbdException {
        private static final long serialVersionUID = 1L;

        NotNbd(String message) {
            super(message, null);
        }
    }

    /** The server answered the handshake with a refusal, such as an unknown export name. */
    public static final class Refused extends NbdException {
        private static final long serialVersionUID = 1L;

        Refused(String message) {
            super(message, null);
        }
    }

    /** The server lacks something that was asked for, such as a metadata context. */
    public static final class Unsupported extends NbdException {
        private static final long serialVersionUID = 1L;

        Unsupported(String message) {
            super(message, null);
        }
    }

    /** Encryption could not be agreed on, or the peer is not who it should be. */
    public static final class TlsFailed extends NbdException {
        private static final long serialVersionUID = 1L;

        TlsFailed(String message) {
            super(message, null);
        }
    }

    /** The connection broke: closed or reset by the other side, or by the network. */
    public static final class ConnectionLost extends NbdException {
        private static final long serialVersionUID = 1L;

        ConnectionLost(String message) {
            super(message, null);
        }
    }

    /** The server answered a request with an error; the connection is still good. */
    public static final class RequestFailed extends NbdException {
        private static final long serialVersionUID = 1L;
        private final int errno;

        RequestFailed(String message, int errno) {
            super(message, null);
            this.errno = errno;
        }

        /** The error number that the server sent (Linux numbering); 0 if unknown. */
        public int errno() {
            return errno;
        }
    }

    /** The peer was silent for longer than the limit of this wait. */
    public static final class NoAnswer extends NbdException {
        private static final long serialVersionUID = 1L;
        private final Wait wait;
        private final Duration silent;
        private final String state;
        private final String answered;

        NoAnswer(String message, Wait wait, Duration silent, String state, List<String> answered) {
            super(message, null);
            this.wait = wait;
            this.silent = silent;
            this.state = state;
            this.answered = String.join(", ", answered);
        }

        public Wait awaited() {
            return wait;
        }

        public Duration silent() {
            return silent;
        }

        /** libnbd's name of the state in which the connection was. */
        public String state() {
            return state;
        }

        /** What the peer had answered before it fell silent; empty if nothing. */
        public String answered() {
            return answered;
        }
    }

    /** The time for the whole work ran out, although the peer may have been making progress. */
    public static final class DeadlinePassed extends NbdException {
        private static final long serialVersionUID = 1L;

        DeadlinePassed(String message) {
            super(message, null);
        }
    }

    /** The thread was interrupted: somebody wants us to stop. */
    public static final class Cancelled extends NbdException {
        private static final long serialVersionUID = 1L;

        Cancelled(String message) {
            super(message, null);
        }
    }
}
