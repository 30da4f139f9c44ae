package io.migratekit.agent.job;

import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** What does another process do with the same jobs? A JVM whose output goes to a file, and outlives it there. */
public final class ChildJvm implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final Process process;
    private final Path output;

    private ChildJvm(Process process, Path output) {
        this.process = process;
        this.output = output;
    }

    public static ChildJvm start(Class<?> main, String heap, String... words) {
        try {
            Path output = Files.createTempFile("child-", ".out");
            List<String> line = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-XX:TieredStopAtLevel=1",
                    "-XX:+UseSerialGC",
                    "-Xmx" + heap,
                    "-cp",
                    System.getProperty("java.class.path"),
                    main.getName()));
            line.addAll(List.of(words));
            Process process = new ProcessBuilder(line)
                    .redirectOutput(output.toFile())
                    .redirectErrorStream(true) // Not ours: a forgotten child would keep it open.
                    .start();
            return new ChildJvm(process, output);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    long pid() {
        return process.pid();
    }

    /** The lines so far; the last one may have been cut off by a kill. */
    public List<String> lines() {
        try {
            String text = Files.readString(output);
            return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Waits until it has said something that begins so, or has ended. */
    public String awaitLine(String beginning) {
        Waiting.until("the other process says " + beginning, LIMIT, () -> !process.isAlive() || has(beginning));
        return lines().stream()
                .filter(line -> line.startsWith(beginning))
                .findFirst()
                .orElseThrow(() -> new AssertionError("it ended without '" + beginning + "': " + lines()));
    }

    boolean isAlive() {
        return process.isAlive();
    }

    public boolean has(String beginning) {
        return lines().stream().anyMatch(line -> line.startsWith(beginning));
    }

    void kill() {
        process.destroyForcibly(); // SIGKILL
        awaitEnd();
    }

    /** Waits for its end also when the test was interrupted, which happens when it takes too long. */
    int awaitEnd() {
        return awaitEnd(LIMIT);
    }

    /** The same with more patience. */
    public int awaitEnd(Duration limit) {
        boolean interrupted = false;
        try {
            Deadline deadline = Deadline.in(limit);
            while (true) {
                try {
                    if (process.waitFor(deadline.remainingNanos(), TimeUnit.NANOSECONDS)) {
                        return process.exitValue();
                    }
                    throw new AssertionError("the other process did not end: " + lines());
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        kill();
        try {
            Files.delete(output);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
