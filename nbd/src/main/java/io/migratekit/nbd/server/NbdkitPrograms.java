package io.migratekit.nbd.server;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** What can the nbdkit of this machine do? Its version, and which filters and plugins lie where it looks for them. */
public final class NbdkitPrograms {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    private final Path program;
    private final Map<String, String> config;

    private NbdkitPrograms(Path program, Map<String, String> config) {
        this.program = program;
        this.config = config;
    }

    /**
     * Asks it.
     *
     * @throws ServerFailed if it is not installed or does not answer
     */
    public static NbdkitPrograms of(String program) {
        ServerCommand command = ServerCommand.of(program, "nbdkit", List.of("--dump-config"));
        Path found = ProgramSearch.find(program).orElseThrow(() -> ServerProcess.notInstalled(command));
        try {
            return new NbdkitPrograms(found, parsed(answer(command, found)));
        } catch (IOException e) {
            throw new ServerFailed(command, "could not be asked what it can (" + e + ")", "", "");
        }
    }

    /** Whether there is such a filter. */
    public boolean hasFilter(String name) {
        return has("filterdir", "nbdkit-" + name + "-filter.so");
    }

    /** Whether there is such a plugin; one with a path is its own answer. */
    public boolean hasPlugin(String nameOrPath) {
        return nameOrPath.contains("/")
                ? Files.exists(Path.of(nameOrPath))
                : has("plugindir", "nbdkit-" + nameOrPath + "-plugin.so")
                        || has("plugindir", "nbdkit-" + nameOrPath + "-plugin");
    }

    /**
     * Why nbdkit cannot use a plugin that is there, in its words; nothing if it can. One for another version, or half of a file, is
     * only found out when it is loaded.
     */
    public Optional<String> refusalOf(String nameOrPath) {
        ServerCommand command = ServerCommand.of(program.toString(), "nbdkit", List.of(nameOrPath, "--dump-plugin"));
        try {
            var _ = answer(command, program);
            return Optional.empty();
        } catch (ServerFailed e) {
            return Optional.of(e.said().isEmpty() ? "it does not load" : e.said());
        } catch (IOException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    /** Such as 1.32.5; empty if it did not say. */
    public String version() {
        return config.getOrDefault("version", "");
    }

    private boolean has(String directory, String file) {
        return Optional.ofNullable(config.get(directory))
                .filter(found -> Files.exists(Path.of(found, file)))
                .isPresent();
    }

    private static String answer(ServerCommand command, Path program) throws IOException {
        try (PrivateDirectory directory = PrivateDirectory.create()) {
            // Into a file, because a pipe can be kept open by somebody else.
            Path answer = directory.path().resolve("config");
            List<String> line = new ArrayList<>(List.of(program.toString()));
            line.addAll(command.arguments());
            Process process = new ProcessBuilder(line)
                    .redirectInput(new File("/dev/null"))
                    .redirectErrorStream(true)
                    .redirectOutput(answer.toFile())
                    .start();
            try {
                if (!process.waitFor(LIMIT.toNanos(), TimeUnit.NANOSECONDS)) {
                    throw new IOException("no answer within " + LIMIT.toSeconds() + " s");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            } finally {
                process.destroyForcibly();
            }
            String said = Files.readString(answer, StandardCharsets.UTF_8).strip();
            if (process.exitValue() != 0) {
                throw new ServerFailed(command, "ended with exit status " + process.exitValue(), said, "");
            }
            return said;
        }
    }

    private static Map<String, String> parsed(String answer) {
        Map<String, String> config = new TreeMap<>();
        answer.lines().forEach(line -> {
            int equals = line.indexOf('=');
            if (equals > 0) {
                config.put(line.substring(0, equals), line.substring(equals + 1));
            }
        });
        return config;
    }
}
