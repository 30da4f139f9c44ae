package io.migratekit.nbd.server;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What is to be run, and what is known about its usual failures?
 *
 * @param program a name to look up on the PATH, or a path
 * @param debianPackage the package to install when the program is missing
 * @param arguments without the program itself; no shell sees them, and no secret may be among them
 * @param environment variables to set in addition to our own
 * @param remedies what to advise when the output contains a known sign
 */
public record ServerCommand(
        String program,
        String debianPackage,
        List<String> arguments,
        Map<String, String> environment,
        List<Remedy> remedies) {

    /** If the server's output contains {@code sign}, then {@code advice} usually helps. */
    public record Remedy(String sign, String advice) {}

    public ServerCommand {
        arguments = List.copyOf(arguments);
        environment = Map.copyOf(environment);
        remedies = List.copyOf(remedies);
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
