package io.migratekit.hub.repository;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** What does qemu-img do and say about a layer? Each run has an end, and its output never blocks it. */
final class QemuImg {
    /** What is left of a killed hub must not go on writing while the next one begins. */
    private static final List<String> DIES_WITH_US = Files.isExecutable(Path.of("/usr/bin/setpriv"))
            ? List.of("/usr/bin/setpriv", "--pdeathsig", "KILL")
            : List.of();

    /** So long after its end everything was heard that it has said. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(3);

    private static final String TOO_LONG = "it did not end within ";

    private final Duration limit;

    QemuImg(Duration limit) {
        this.limit = limit;
    }

    void createFull(Path file, long bytes) {
        run(file, List.of("create", "-q", "-f", "qcow2", name(file), Long.toString(bytes)));
    }

    /** The parent lies in the same folder, so its bare name is the relative one. */
    void createIncrement(Path file, String parent, long bytes) {
        run(
                file,
                List.of("create", "-q", "-f", "qcow2", "-b", parent, "-F", "qcow2", name(file), Long.toString(bytes)));
    }

    /** Gives back what a killed writer left allocated; whatever else is wrong with the file is damage. */
    void repairLeaks(Path file) {
        run(file, List.of("check", "-q", "-f", "qcow2", "-r", "leaks", name(file)));
    }

    /** What is wrong with the structure of a sealed layer; clusters that nobody uses are, too, since it was sealed without any. */
    Optional<String> problems(Path file) {
        String text = run(file, List.of("check", "-q", "-f", "qcow2", name(file)), false);
        return text.isEmpty() ? Optional.empty() : Optional.of(text);
    }

    /** Copies what a layer holds into the one right below it; the layer itself stays as it is (-d). */
    void commit(Path file) {
        run(file, List.of("commit", "-q", "-d", "-f", "qcow2", name(file)));
    }

    /** Lets a layer stand on another file of the same folder, which has the same content. */
    void standOn(Path file, String other) {
        run(file, List.of("rebase", "-q", "-u", "-f", "qcow2", "-b", other, "-F", "qcow2", name(file)));
    }

    private static String name(Path file) {
        // With a folder before it, qemu cannot take a colon in the name for a protocol.
        return "./" + file.getFileName();
    }

    private void run(Path file, List<String> arguments) {
        run(file, arguments, true);
    }

    private String run(Path file, List<String> arguments, boolean mustSucceed) {
        List<String> command = new ArrayList<>(DIES_WITH_US);
        command.add("qemu-img");
        command.addAll(arguments);
        Steps.next(String.join(" ", command));
        try {
            String text = said(command, file);
            if (!text.isEmpty() && (mustSucceed || isInUse(text) || text.startsWith(TOO_LONG))) {
                throw failed(file, arguments, text);
            }
            return text;
        } catch (IOException e) {
            throw Disk.storage("cannot run qemu-img " + arguments + " for " + file, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RepositoryException.Storage("interrupted while qemu-img worked on " + file, e);
        }
    }

    /** What it says of its failure, no more than can be read; nothing, if it succeeds. */
    private String said(List<String> command, Path file) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(file.resolveSibling(".").toFile())
                .redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C");
        Process process = builder.start();
        try {
            process.getOutputStream().close();
            // Of a damaged layer it may say a line for each cluster: no file and no memory has to hold that.
            FirstLines lines = new FirstLines();
            Thread listener =
                    Thread.ofPlatform().daemon().name("qemu-img").start(() -> lines.hear(process.getInputStream()));
            if (!process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                return TOO_LONG + limit + " and was stopped";
            }
            listener.join(LAST_WORDS);
            return process.exitValue() == 0 ? "" : lines + " (exit status " + process.exitValue() + ")";
        } finally {
            process.destroyForcibly();
        }
    }

    /** Whether that is why: another process has a lock on the file, or on one that it stands on. */
    static boolean isInUse(String text) {
        return text.contains("Failed to get");
    }

    private static RepositoryException failed(Path file, List<String> arguments, String text) {
        if (Disk.isFull(text)) {
            return new RepositoryException.NoSpace("no space left for " + file + ": free some and try again");
        }
        if (isInUse(text)) {
            return new RepositoryException.Conflict(
                    "locked", file + " is in use by another process, end that first: " + text);
        }
        if (arguments.getFirst().equals("check") && !text.startsWith(TOO_LONG)) {
            return new RepositoryException.Damaged(
                    file.getFileName().toString(),
                    -1,
                    "the structure of the layer " + file + " is damaged: " + text + "; copy it again");
        }
        return new RepositoryException.Storage("qemu-img " + arguments + " failed for " + file + ": " + text, null);
    }
}
