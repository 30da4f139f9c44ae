package io.migratekit.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;

/** A command cannot go on, for a reason of its own: the sentence for the user and the exit code. */
final class CommandFailed extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final ExitCode code;

    CommandFailed(ExitCode code, String message) {
        super(message);
        this.code = code;
    }

    /** What the system says about a file: its exceptions often carry the name alone. */
    static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException _ -> "there is no such file";
            case AccessDeniedException _ -> "permission denied";
            default -> String.valueOf(e.getMessage());
        };
    }

    ExitCode code() {
        return code;
    }
}
