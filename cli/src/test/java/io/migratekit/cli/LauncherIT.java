package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Hidden;
import io.migratekit.nbd.fixture.SilentServer;
import io.migratekit.nbd.fixture.SilentServer.Manner;
import io.migratekit.nbd.server.Nbdkit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does the real program, in a process of its own, behave in a shell: signals, pipes, a machine without libnbd? */
class LauncherIT {
    @TempDir
    private Path folder;

    @Test
    void interruptEndsAWaitAtOnceWithItsOwnCode() throws Exception {
        for (String signal : List.of("INT", "TERM")) {
            try (SilentServer server = SilentServer.onLoopback(Manner.SILENT)) {
                Process process = start(List.of(), "map", "-v", "--timeout", "30s", server.uri());
                waitUntilAccepted(server);
                Thread.sleep(300);
                long signalled = System.nanoTime();
                assertEquals(
                        0,
                        Run.program("kill", "-" + signal, Long.toString(process.pid()))
                                .code());
                Run run = Run.finish(process, signalled);
                assertEquals(signal.equals("INT") ? 130 : 143, run.code(), run.err());
                assertTrue(run.took().compareTo(Duration.ofSeconds(1)) < 0, "took " + run.took());
                assertTrue(run.err().contains("interrupted while waiting for the NBD greeting"), run.err());
                assertEquals("", run.out());
            }
        }
    }

    @Test
    void outputIsCleanAndStartsNothingElse() {
        try (Nbdkit server = Nbdkit.plugin("memory", "1M").start()) {
            Run run = Run.finish(start(List.of(), "map", server.uri()), System.nanoTime());
            assertEquals(0, run.code(), run.err());
            assertEquals("         0     1048576    3  hole,zero\n", run.out());
            assertEquals("", run.err());
        }
    }

    @Test
    void readerThatLeavesEndsALongMap() throws IOException {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 200_000; i++) {
            lines.add(i * 4096L + " 4096 " + (i % 2 == 0 ? "hole" : "0"));
        }
        Path list = Files.write(folder.resolve("extents"), lines);
        try (Nbdkit server = Nbdkit.plugin("null", "size=1G")
                .filter("extentlist")
                .parameter("extentlist=" + list)
                .start()) {
            Run run = Run.program(
                    "bash",
                    "-c",
                    "\"$@\" | head -n 1; exit ${PIPESTATUS[0]}",
                    "bash",
                    words(List.of(), "map", server.uri()).get(0),
                    "map",
                    server.uri());
            assertEquals(141, run.code(), run.err());
            // A server on a busy machine may take its time for so many extents, which is told.
            assertTrue(
                    run.err().lines().allMatch(line -> line.contains("still waiting for the block status")), run.err());
        }
    }

    @Test
    void missingLibraryIsOneFriendlySentence() {
        List<String> hidden = Hidden.library("libnbd.so.0");
        Run run = Run.finish(start(hidden, "map", "nbd://127.0.0.1:1/"), System.nanoTime());
        assertEquals(63, run.code(), run.err());
        assertEquals(1, run.err().lines().count(), run.err());
        assertTrue(run.err().contains("libnbd0"), run.err());
        Run version = Run.finish(start(hidden, "--version"), System.nanoTime());
        assertEquals(0, version.code(), version.err());
        assertTrue(version.out().contains("libnbd missing"), version.out());
    }

    private static void waitUntilAccepted(SilentServer server) throws InterruptedException {
        for (int i = 0; i < 200 && server.accepted() == 0; i++) {
            Thread.sleep(50);
        }
        assertEquals(1, server.accepted());
    }

    private static Process start(List<String> before, String... words) {
        try {
            return new ProcessBuilder(words(before, words)).start();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static List<String> words(List<String> before, String... words) {
        List<String> all = new ArrayList<>(before);
        all.add(Path.of("..", "bin", "migratekit").toAbsolutePath().normalize().toString());
        all.addAll(List.of(words));
        return all;
    }
}
