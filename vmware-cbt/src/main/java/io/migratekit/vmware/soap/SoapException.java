package io.migratekit.vmware.soap;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How did a call fail? Unchecked, so that it passes through the stubs; decided by the fault's name and never by
 * its class, so that faults which the stubs do not know are faults like any other.
 */
public abstract sealed class SoapException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private SoapException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** Whether the server may have done what was asked although no answer came. */
    public boolean mayHaveHappened() {
        return false;
    }

    /** No connection came about; nothing was sent. */
    public static final class NoConnection extends SoapException {
        private static final long serialVersionUID = 1L;

        NoConnection(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** The connection broke before the answer was complete. */
    public static final class Lost extends SoapException {
        private static final long serialVersionUID = 1L;

        Lost(String message, Throwable cause) {
            super(message, cause);
        }

        @Override
        public boolean mayHaveHappened() {
            return true;
        }
    }

    /** The answer did not come, or not all of it, within its time. */
    public static final class NoAnswer extends SoapException {
        private static final long serialVersionUID = 1L;

        NoAnswer(String message) {
            super(message, null);
        }

        @Override
        public boolean mayHaveHappened() {
            return true;
        }
    }

    /** The server's certificate is not believed, or no agreement on TLS came about. */
    public static final class Tls extends SoapException {
        private static final long serialVersionUID = 1L;

        Tls(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** What came is not the answer of a vSphere server, or one that we do not read. */
    public static final class NotVSphere extends SoapException {
        private static final long serialVersionUID = 1L;

        NotVSphere(String message, @Nullable Throwable cause) {
            super(message, cause);
        }

        @Override
        public boolean mayHaveHappened() {
            return true;
        }
    }

    /** What was to be sent cannot be written as XML; nothing was sent. */
    public static final class Unsendable extends SoapException {
        private static final long serialVersionUID = 1L;

        Unsendable(String message) {
            super(message, null);
        }
    }

    /** Whoever waited was interrupted. */
    public static final class Interrupted extends SoapException {
        private static final long serialVersionUID = 1L;

        Interrupted(String message) {
            super(message, null);
        }

        @Override
        public boolean mayHaveHappened() {
            return true;
        }
    }

    /** The server named a fault. */
    public static final class Fault extends SoapException {
        private static final long serialVersionUID = 1L;
        private final String name;
        private final transient @Nullable JsonObject detail;

        Fault(String name, String message, @Nullable JsonObject detail) {
            super(message, null);
            this.name = name;
            this.detail = detail;
        }

        /** Such as {@code FileFault}. */
        public String name() {
            return name;
        }

        @Nullable
        JsonObject detail() {
            return detail;
        }

        /** A plain field of the fault, such as {@code invalidProperty}; a reference's id. */
        public Optional<String> field(String field) {
            JsonElement value = detail == null ? null : detail.get(field);
            if (value instanceof JsonObject reference) {
                value = reference.get("value");
            }
            return value != null && value.isJsonPrimitive() ? Optional.of(value.getAsString()) : Optional.empty();
        }
    }
}
