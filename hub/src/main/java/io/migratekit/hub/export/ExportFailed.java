package io.migratekit.hub.export;

/** Why is there no export for a layer? All places are taken, or qemu-nbd does not serve: then its last words are told. */
public final class ExportFailed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ExportFailed(String message) {
        super(inOneLine(message));
    }

    ExportFailed(String message, Throwable cause) {
        super(inOneLine(message), cause);
    }

    /** It goes into logs and answers, where it is one sentence among others. */
    private static String inOneLine(String message) {
        return message.strip().replaceAll("\\s*\\R\\s*", "; ");
    }
}
