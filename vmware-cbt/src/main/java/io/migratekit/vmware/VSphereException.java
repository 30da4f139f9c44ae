package io.migratekit.vmware;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What went wrong between us and the source? One subtype for each kind of cause, so that callers decide
 * by type and never by text. Messages are one or two sentences for a person.
 */
public abstract sealed class VSphereException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private VSphereException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** Never null: a failure without words would be half a silence. */
    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** For whoever reads from a disk's server and learns that it failed. */
    public static DiskServerFailed diskServerFailed(String message) {
        return new DiskServerFailed(message);
    }

    /** What we were told makes no sense: the user's mistake. */
    public static final class BadSpec extends VSphereException {
        private static final long serialVersionUID = 1L;

        BadSpec(String message) {
            super(message, null);
        }
    }

    /** No connection came about, or it broke and did not come back in time. */
    public static final class Unreachable extends VSphereException {
        private static final long serialVersionUID = 1L;

        Unreachable(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** An answer was awaited and did not come, or not all of it. */
    public static final class NoAnswer extends VSphereException {
        private static final long serialVersionUID = 1L;

        NoAnswer(String message) {
            super(message, null);
        }
    }

    /** Something answered that is not vSphere, or breaks its rules. */
    public static final class NotVSphere extends VSphereException {
        private static final long serialVersionUID = 1L;

        NotVSphere(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    /** Its certificate is not the one that we believe. */
    public static final class Untrusted extends VSphereException {
        private static final long serialVersionUID = 1L;

        Untrusted(String message) {
            super(message, null);
        }
    }

    /** It knows neither this user nor this password, or lets nobody in. */
    public static final class LoginRefused extends VSphereException {
        private static final long serialVersionUID = 1L;

        LoginRefused(String message) {
            super(message, null);
        }
    }

    /** The user may not do this. */
    public static final class Denied extends VSphereException {
        private static final long serialVersionUID = 1L;

        Denied(String message) {
            super(message, null);
        }
    }

    /** What we asked for is not there, or not any more. */
    public static final class NotFound extends VSphereException {
        private static final long serialVersionUID = 1L;

        NotFound(String message) {
            super(message, null);
        }
    }

    /** This VM, disk or licence cannot do it. */
    public static final class Unsupported extends VSphereException {
        private static final long serialVersionUID = 1L;

        Unsupported(String message) {
            super(message, null);
        }
    }

    /** Any other fault that vSphere named. */
    public static final class Fault extends VSphereException {
        private static final long serialVersionUID = 1L;
        private final String name;

        Fault(String name, String message) {
            super(message, null);
            this.name = name;
        }

        /** vSphere's name of the fault, such as {@code FileFault}. */
        public String name() {
            return name;
        }
    }

    /** The server of a disk (nbdkit) did not start, or ended. */
    public static final class DiskServerFailed extends VSphereException {
        private static final long serialVersionUID = 1L;

        DiskServerFailed(String message) {
            super(message, null);
        }
    }

    /** Whoever waited does not want to wait any longer. */
    public static final class Cancelled extends VSphereException {
        private static final long serialVersionUID = 1L;

        Cancelled(String message) {
            super(message, null);
        }
    }
}
