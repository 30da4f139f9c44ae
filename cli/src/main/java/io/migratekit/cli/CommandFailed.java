package io.migratekit.cli;

/** A command cannot go on, for a reason of its own: the sentence for the user and the exit code. */
final class CommandFailed extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final ExitCode code;

    CommandFailed(ExitCode code, String message) {
        super(message);
        this.code = code;
    }

    ExitCode code() {
        return code;
    }
}
