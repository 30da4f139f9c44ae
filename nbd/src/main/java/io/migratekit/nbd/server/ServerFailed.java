package io.migratekit.nbd.server;

/**
 * Why is there no server? It could not be started, did not become ready, or would not end. The
 * message names the program, what was tried, the last words of the program, and a remedy if one is
 * known.
 */
public final class ServerFailed extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String message;
    private final String program;
    private final String said;
    private final String remedy;

    ServerFailed(ServerCommand command, String what, String said, String remedy) {
        this.message = message(command, what, said, remedy);
        this.program = command.name();
        this.said = said;
        this.remedy = remedy;
    }

    /** Never null, other than with exceptions in general. */
    @Override
    public String getMessage() {
        return message;
    }

    /** The program's name, without its path. */
    public String program() {
        return program;
    }

    /** The end of what the program wrote; empty if it wrote nothing. */
    public String said() {
        return said;
    }

    /** What usually helps; empty if nothing is known. */
    public String remedy() {
        return remedy;
    }

    /** What a program says, on a line: for where it is one sentence among others, as in a log or an answer. */
    public static String inOneLine(String said) {
        return said.strip().replaceAll("\\s*\\R\\s*", "; ");
    }

    private static String message(ServerCommand command, String what, String said, String remedy) {
        StringBuilder text = new StringBuilder(command.name()).append(' ').append(what);
        if (!said.isEmpty()) {
            text.append(": ").append(said);
        }
        if (!remedy.isEmpty()) {
            text.append(System.lineSeparator()).append("Remedy: ").append(remedy);
        }
        return text.append(System.lineSeparator())
                .append("Tried: ")
                .append(command.line())
                .toString();
    }
}
