package io.migratekit.nbd.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Where is a program? Looked up as a shell would do it, so that a missing one gets a sentence instead of errno 2. */
final class ProgramSearch {
    private ProgramSearch() {}

    /** The executable file for a name on the PATH or for a path. */
    static Optional<Path> find(String program) {
        if (program.contains("/")) {
            return Optional.of(Path.of(program)).filter(ProgramSearch::isProgram);
        }
        String searched = Optional.ofNullable(System.getenv("PATH")).orElse("/usr/bin:/bin");
        for (String directory : searched.split(":", -1)) {
            Path candidate = Path.of(directory.isEmpty() ? "." : directory, program);
            if (isProgram(candidate)) {
                return Optional.of(candidate.toAbsolutePath());
            }
        }
        return Optional.empty();
    }

    private static boolean isProgram(Path file) {
        return Files.isRegularFile(file) && Files.isExecutable(file);
    }
}
