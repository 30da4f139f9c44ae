package io.migratekit.cli;

import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** How does the real program fare when it is killed, stopped, or asked to leave? One run of it, in a process of its own. */
final class CopyProcess implements AutoCloseable {
    private static final String PROGRAM =
            Path.of("..", "bin", "migratekit").toAbsolutePath().normalize().toString();

    private final Process process;
    private final Path out;
    private final Path err;
    private final long begunNanos = System.nanoTime();

    private CopyProcess(Process process, Path out, Path err) {
        this.process = process;
        this.out = out;
        this.err = err;
    }

    /**
     * Starts it; what it says goes to files in the folder.
     *
     * @param before a command that becomes the program, such as prlimit; may be empty
     */
    static CopyProcess start(Path folder, List<String> before, List<String> words) {
        try {
            Path out = Files.createTempFile(folder, "copy-", ".out");
            Path err = Files.createTempFile(folder, "copy-", ".err");
            List<String> line = new ArrayList<>(before);
            line.add(PROGRAM);
            line.addAll(words);
            Process process = new ProcessBuilder(line)
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile())
                    .start();
            return new CopyProcess(process, out, err);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    long pid() {
        return process.pid();
    }

    /** The processes that it has started, and theirs. */
    List<Long> children() {
        return process.descendants().map(ProcessHandle::pid).toList();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** What it has written to its error stream so far. */
    String err() {
        return text(err);
    }

    /** What it has written to its output so far. */
    String out() {
        return text(out);
    }

    /** How often these words stand in a text. */
    static int count(String text, String words) {
        return text.split(java.util.regex.Pattern.quote(words), -1).length - 1;
    }

    /** Waits until it has said this; fails if it ends without. */
    void awaitSaid(String words, Duration limit) {
        Waiting.until("it says " + words, limit, () -> err().contains(words) || !process.isAlive());
        if (!err().contains(words)) {
            throw new AssertionError("it ended without saying '" + words + "': " + err());
        }
    }

    void signal(String name) {
        signal(pid(), name);
    }

    /** To another process, one that this one has started. */
    void signal(long pid, String name) {
        Tool.run("kill", "-" + name, Long.toString(pid));
    }

    /** SIGKILL, and waits for the end; it may have ended just before. */
    void kill() {
        process.destroyForcibly();
        end(Duration.ofSeconds(10));
    }

    /** Waits until it has ended by itself. The time is counted from its start. */
    Run end(Duration limit) {
        try {
            if (!process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new AssertionError("still running after " + limit.toSeconds() + " s: " + err());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for a copy", e);
        }
        return new Run(process.exitValue(), text(out), err(), Duration.ofNanos(System.nanoTime() - begunNanos));
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
