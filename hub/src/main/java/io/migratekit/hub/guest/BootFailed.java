package io.migratekit.hub.guest;

import org.jspecify.annotations.Nullable;

/** Why could not even be tried whether a restore point boots? The message says what to do. */
public final class BootFailed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    BootFailed(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
