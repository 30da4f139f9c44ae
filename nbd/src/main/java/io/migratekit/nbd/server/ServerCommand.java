package io.migratekit.nbd.server;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What is to be run, and what is known about its usual failures?
 *
 * @param program a name to look up on the PATH, or a path
 * @param debianPackage the package to install when the program is missing
 * @param arguments without the program itself; no shell sees them, and no secret may be among them
 * @param environment variables to set in addition to our own, or to the few of a bare environment
 * @param remedies what to advise when the output contains a known sign
 * @param surroundings what the program sees of us, and how it ends when we are killed
 */
public record ServerCommand(
        String program,
        String debianPackage,
        List<String> arguments,
        Map<String, String> environment,
        List<Remedy> remedies,
        Surroundings surroundings) {

    /** If the server's output contains {@code sign}, then {@code advice} usually helps. */
    public record Remedy(String sign, String advice) {}

    /** What is written into the channel of a secret. Told nothing else, so that no record can show it. */
    @FunctionalInterface
    public interface Secret {
        /** Writes at most a few hundred bytes: nobody may be reading them yet. */
        void writeTo(OutputStream channel) throws IOException;
    }

    /**
     * What does the program see of us?
     *
     * @param bare gives it a few harmless variables instead of our whole environment
     * @param killedWithUs whether it is killed, and not only asked to end, when this JVM is killed: for a server that
     *     may hang in a library and would never do what it is asked to
     * @param secret what it can read from the descriptor {@link #SECRET_DESCRIPTOR}
     */
    public record Surroundings(boolean bare, boolean killedWithUs, Optional<Secret> secret) {
        /** Our environment, asked to end, no secret. */
        static final Surroundings OURS = new Surroundings(false, false, Optional.empty());
        /** The first one that a program of its own will gives no meaning to. */
        public static final int SECRET_DESCRIPTOR = 3;
    }

    public ServerCommand {
        arguments = List.copyOf(arguments);
        environment = Map.copyOf(environment);
        remedies = List.copyOf(remedies);
    }

    /** A command in our own surroundings. */
    public ServerCommand(
            String program,
            String debianPackage,
            List<String> arguments,
            Map<String, String> environment,
            List<Remedy> remedies) {
        this(program, debianPackage, arguments, environment, remedies, Surroundings.OURS);
    }

    /** A command with nothing but arguments. */
    public static ServerCommand of(String program, String debianPackage, List<String> arguments) {
        return new ServerCommand(program, debianPackage, arguments, Map.of(), List.of());
    }

    /** The last part of the program's path: what log lines and messages call it. */
    public String name() {
        return program.substring(program.lastIndexOf('/') + 1);
    }

    /** The command as one could type it into a shell. */
    public String line() {
        return Stream.concat(Stream.of(program), arguments.stream())
                .map(ServerCommand::quoted)
                .collect(Collectors.joining(" "));
    }

    String adviceFor(String output) {
        return remedies.stream()
                .filter(remedy -> output.contains(remedy.sign()))
                .map(Remedy::advice)
                .findFirst()
                .orElse("");
    }

    private static String quoted(String word) {
        return word.matches("[A-Za-z0-9_@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
