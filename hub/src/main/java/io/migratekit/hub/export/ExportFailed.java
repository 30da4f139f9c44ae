package io.migratekit.hub.export;

import io.migratekit.nbd.server.ServerFailed;

/** Why is there no export for a layer? All places are taken, or qemu-nbd does not serve: then its last words are told. */
public final class ExportFailed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ExportFailed(String message) {
        super(ServerFailed.inOneLine(message));
    }

    ExportFailed(String message, Throwable cause) {
        super(ServerFailed.inOneLine(message), cause);
    }
}
