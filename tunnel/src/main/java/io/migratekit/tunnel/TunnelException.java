package io.migratekit.tunnel;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Why is there no road, or no more? One subtype for each kind of cause, so that callers decide by
 * type. Messages say what failed, where, the usual cause and the remedy, and hold no secret.
 */
public abstract sealed class TunnelException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private TunnelException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** Never null: a failure without words would be half a silence. */
    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** Whether waiting and trying again may help without anybody changing anything. */
    public boolean mayPass() {
        return switch (this) {
            case Unreachable _, NoAnswer _, NotSsh _, ForwardRefused _, LinkLost _, Cancelled _ -> true;
            case BadSpec _,
                    ListenFailed _,
                    HostKeyUnknown _,
                    HostKeyChanged _,
                    KeyUnusable _,
                    AuthenticationFailed _,
                    Insecure _ -> false;
        };
    }

    /** The wish cannot be understood or must not be fulfilled: the user's mistake. */
    public static final class BadSpec extends TunnelException {
        private static final long serialVersionUID = 1L;

        BadSpec(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** The near end of a forward cannot be opened, because its address is taken or not allowed. */
    public static final class ListenFailed extends TunnelException {
        private static final long serialVersionUID = 1L;

        ListenFailed(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** No connection came about: no such name, nobody listening, no way there. */
    public static final class Unreachable extends TunnelException {
        private static final long serialVersionUID = 1L;

        Unreachable(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** A step took longer than its limit. */
    public static final class NoAnswer extends TunnelException {
        private static final long serialVersionUID = 1L;
        private final Step step;
        private final Duration waited;

        NoAnswer(String message, Step step, Duration waited) {
            super(message, null);
            this.step = step;
            this.waited = waited;
        }

        public Step step() {
            return step;
        }

        public Duration waited() {
            return waited;
        }
    }

    /** Something answered, but it does not speak SSH. */
    public static final class NotSsh extends TunnelException {
        private static final long serialVersionUID = 1L;

        NotSsh(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** Nobody has vouched for the key that the host showed. */
    public static final class HostKeyUnknown extends TunnelException {
        private static final long serialVersionUID = 1L;

        HostKeyUnknown(String message) {
            super(message, null);
        }
    }

    /** The host showed another key than the one it is known by. */
    public static final class HostKeyChanged extends TunnelException {
        private static final long serialVersionUID = 1L;

        HostKeyChanged(String message) {
            super(message, null);
        }
    }

    /** Our private key cannot be used: missing, unreadable, or its passphrase is wrong. */
    public static final class KeyUnusable extends TunnelException {
        private static final long serialVersionUID = 1L;

        KeyUnusable(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** The server did not let us in. */
    public static final class AuthenticationFailed extends TunnelException {
        private static final long serialVersionUID = 1L;

        AuthenticationFailed(String message) {
            super(message, null);
        }
    }

    /** No common cipher, or the server's handshake is one that can be tampered with. */
    public static final class Insecure extends TunnelException {
        private static final long serialVersionUID = 1L;

        Insecure(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** The link is up, but the server did not make a forward: its rules forbid it, or nobody is there. */
    public static final class ForwardRefused extends TunnelException {
        private static final long serialVersionUID = 1L;
        private final String reason;

        ForwardRefused(String message, String reason) {
            super(message, null);
            this.reason = reason;
        }

        /** Whether its rules forbid it, so that nothing is known of what may be at the other end. */
        public boolean isForbidden() {
            return reason.startsWith(Refusals.FORBIDDEN);
        }

        /** The server's own words. */
        public String reason() {
            return reason;
        }
    }

    /** The link was up and is not any more. */
    public static final class LinkLost extends TunnelException {
        private static final long serialVersionUID = 1L;

        LinkLost(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** The thread was interrupted, or the tunnel closed: somebody wants us to stop. */
    public static final class Cancelled extends TunnelException {
        private static final long serialVersionUID = 1L;

        Cancelled(String message) {
            super(message, null);
        }
    }
}
