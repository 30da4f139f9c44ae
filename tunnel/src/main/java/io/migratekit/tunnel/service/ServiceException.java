package io.migratekit.tunnel.service;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Why could a tunnel service not be asked, or not be started? */
public final class ServiceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ServiceException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }
}
