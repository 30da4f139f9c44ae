package io.migratekit.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What came of a command? Its exit code, what it wrote, and how long it took. */
record Run(int code, String out, String err, Duration took) {
    private static final Duration A_MINUTE = Duration.ofMinutes(1);

    /** Runs migratekit inside this JVM. */
    static Run migratekit(String... words) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        long begun = System.nanoTime();
        int code;
        try (PrintStream toOut = new PrintStream(out, false, StandardCharsets.UTF_8);
                PrintStream toErr = new PrintStream(err, false, StandardCharsets.UTF_8)) {
            code = Main.run(toOut, toErr, words);
        }
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        return new Run(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8), took);
    }

    /** Runs a program of the machine, for a minute at the most. */
    static Run program(String... words) {
        return program(List.of(words));
    }

    static Run program(List<String> words) {
        return program(A_MINUTE, words);
    }

    static Run program(Duration limit, List<String> words) {
        long begun = System.nanoTime();
        try {
            Process process = new ProcessBuilder(words).start();
            return finish(process, begun, limit);
        } catch (IOException e) {
            throw new UncheckedIOException(String.join(" ", words), e);
        }
    }

    /** Waits for a program that was started, and collects what it writes. */
    static Run finish(Process process, long begunNanos) {
        return finish(process, begunNanos, A_MINUTE);
    }

    private static Run finish(Process process, long begunNanos, Duration limit) {
        // Not in the common pool: on two processors that has one thread, which another test's program may keep busy.
        CompletableFuture<String> out =
                CompletableFuture.supplyAsync(() -> read(process.inputReader()), Thread::startVirtualThread);
        CompletableFuture<String> err =
                CompletableFuture.supplyAsync(() -> read(process.errorReader()), Thread::startVirtualThread);
        try {
            if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("still running after " + limit.toSeconds() + " s: " + process.info());
            }
            Duration took = Duration.ofNanos(System.nanoTime() - begunNanos);
            return new Run(process.exitValue(), out.get(10, TimeUnit.SECONDS), err.get(10, TimeUnit.SECONDS), took);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            process.destroyForcibly();
            throw new AssertionError(e);
        }
    }

    private static String read(java.io.Reader reader) {
        try (reader) {
            return reader.readAllAsString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
