package io.migratekit.nbd.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.Waiting;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Does every server end, whatever it does and however we end ourselves, and is every wait for it bounded? */
@Timeout(10)
class ServerProcessTest {
    private static final Duration SOON = Duration.ofMillis(300);
    private static final ServerLimits IMPATIENT =
            ServerLimits.DEFAULTS.withReady(SOON).withStop(SOON);

    @Test
    void endsWithinItsLimitsWhenItDoesNotBecomeReady() {
        Stopwatch watch = new Stopwatch();
        ServerProcess server = start("sleep", "60");

        ServerFailed failure = assertThrows(ServerFailed.class, () -> server.awaitReady("a miracle", () -> false));

        assertEquals(
                "sleep was not ready within 300 ms (no sign of a miracle)",
                failure.getMessage().lines().findFirst().orElseThrow());
        watch.assertBelow(Duration.ofSeconds(2));
        assertNothingIsLeftOf(server);
    }

    @Test
    void isKilledWhenItIgnoresTheRequestToEnd() {
        ServerProcess server = start("env", "--ignore-signal=TERM", "sleep", "60");
        // Until env has done its work, the request to end would still be obeyed.
        Waiting.until(
                "sleep runs", Duration.ofSeconds(2), () -> commandLine(server).startsWith("sleep"));

        Stopwatch watch = new Stopwatch();
        server.close();

        watch.assertAtLeast(SOON);
        watch.assertBelow(Duration.ofSeconds(2));
        assertNothingIsLeftOf(server);
    }

    @Test
    void isKilledWhenItIsFrozen() {
        ServerProcess server = start("sleep", "60");
        Stopwatch watch = new Stopwatch();
        try (Frozen _ = Frozen.process(server.pid())) {
            assertTrue(server.isAlive());
            server.close();
        }
        watch.assertBelow(Duration.ofSeconds(2));
        assertNothingIsLeftOf(server);
    }

    @Test
    void endsItsChildrenToo() {
        ServerProcess server = start("bash", "-c", "sleep 60 & wait");
        Waiting.until(
                "the child runs",
                Duration.ofSeconds(2),
                () -> server.descendants().count() == 1);
        ProcessHandle child = server.descendants().findFirst().orElseThrow();

        server.close();

        Waiting.until("the child has ended", Duration.ofSeconds(2), () -> isGone(child.pid()));
    }

    @Test
    void lastWordsAreInTheMessageAndTheRemedyToo() {
        ServerCommand command = new ServerCommand(
                "bash",
                "bash",
                List.of("-c", "echo to output; echo to errors >&2; exit 7"),
                Map.of(),
                List.of(new ServerCommand.Remedy("to errors", "say something else")));
        ServerProcess server = ServerProcess.start(_ -> command, IMPATIENT);

        ServerFailed failure = assertThrows(ServerFailed.class, () -> server.awaitReady("anything", () -> false));

        assertEquals("""
                bash ended with exit status 7 before it was ready: to output
                to errors
                Remedy: say something else
                Tried: bash -c 'echo to output; echo to errors >&2; exit 7'""", failure.getMessage());
        assertEquals("to output\nto errors", failure.said());
        assertNothingIsLeftOf(server);
    }

    @Test
    void whatIsSaidOnTheWayOutIsHeard() {
        ServerProcess server = start(
                "bash", "-c", "trap 'sleep 0.1; echo good-bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
        Waiting.until(
                "it is ready", Duration.ofSeconds(2), () -> server.output().equals("ready"));
        Stopwatch watch = new Stopwatch();
        server.close();
        assertEquals("ready\ngood-bye", server.lastWords());
        watch.assertBelow(Duration.ofSeconds(2));
        assertNothingIsLeftOf(server);
    }

    /** A grandchild that has the pipe and is not known to be one holds up the end for a while, and not for good. */
    @Test
    void whoKeepsItsOutputOpenDoesNotKeepUsWaiting() {
        ServerProcess server = start("bash", "-c", "setsid sleep 20 & echo ready; wait");
        Waiting.until(
                "it is ready", Duration.ofSeconds(2), () -> server.output().equals("ready"));
        Stopwatch watch = new Stopwatch();
        server.close();
        assertEquals("ready", server.lastWords());
        watch.assertBelow(Duration.ofSeconds(5));
    }

    @Test
    void keepsOnlyTheEndOfALongOutput() {
        try (ServerProcess server = start("seq", "1", "200000")) {
            Waiting.until("it has ended", Duration.ofSeconds(5), () -> !server.isAlive());
            Waiting.until(
                    "all is read", Duration.ofSeconds(2), () -> server.output().endsWith("\n200000"));
            assertTrue(server.output().startsWith("... "), server.output().substring(0, 20));
            assertTrue(server.output().length() <= IMPATIENT.keptOutputBytes() + 4);
        }
    }

    @Test
    void environmentIsPassedOn() {
        ServerCommand command =
                new ServerCommand("printenv", "coreutils", List.of("COLOUR"), Map.of("COLOUR", "green"), List.of());
        try (ServerProcess server = ServerProcess.start(_ -> command, IMPATIENT)) {
            Waiting.until(
                    "it has spoken",
                    Duration.ofSeconds(2),
                    () -> server.output().equals("green"));
        }
    }

    @Test
    void missingProgramIsExplainedAndLeavesNothing() {
        List<Path> directories = new CopyOnWriteArrayList<>();
        ServerFailed failure = assertThrows(
                ServerFailed.class,
                () -> ServerProcess.start(
                        made -> {
                            directories.add(made);
                            return ServerCommand.of("no-such-program", "some-package", List.of());
                        },
                        IMPATIENT));
        assertEquals("""
                no-such-program is not installed
                Remedy: install the package some-package (apt-get install some-package)
                Tried: no-such-program""", failure.getMessage());
        assertFalse(Files.exists(directories.getFirst()));
    }

    @Test
    void anInterruptEndsTheWaitAtOnceAndTheServerWithIt() throws InterruptedException {
        ServerProcess server =
                ServerProcess.start(_ -> ServerCommand.of("sleep", "coreutils", List.of("60")), ServerLimits.DEFAULTS);
        List<String> messages = new CopyOnWriteArrayList<>();
        AtomicBoolean stillInterrupted = new AtomicBoolean();
        Thread waiter = Thread.ofPlatform().start(() -> {
            ServerFailed failure = assertThrows(ServerFailed.class, () -> server.awaitReady("a miracle", () -> false));
            messages.add(failure.getMessage());
            stillInterrupted.set(Thread.currentThread().isInterrupted());
        });
        Thread.sleep(100);
        Stopwatch watch = new Stopwatch();
        waiter.interrupt();
        assertTrue(waiter.join(Duration.ofSeconds(2)));

        watch.assertBelow(Duration.ofMillis(500));
        assertTrue(messages.getFirst().contains("interrupted"), messages.getFirst());
        assertTrue(stillInterrupted.get());
        assertNothingIsLeftOf(server);
    }

    @Test
    void anInterruptedThreadStillStopsItAndStaysInterrupted() {
        ServerProcess server = start("sleep", "60");
        Thread.currentThread().interrupt();
        server.close();
        assertTrue(Thread.interrupted());
        assertNothingIsLeftOf(server);
    }

    @Test
    void outlivesTheThreadThatStartedIt() throws InterruptedException {
        List<ServerProcess> started = new CopyOnWriteArrayList<>();
        Thread starter = Thread.ofPlatform().start(() -> started.add(start("sleep", "60")));
        assertTrue(starter.join(Duration.ofSeconds(5)));
        try (ServerProcess server = started.getFirst()) {
            Thread.sleep(100);
            assertTrue(server.isAlive(), "the kernel took the end of a thread for the end of the parent");
        }
    }

    @Test
    void endsWhenTheJvmIsKilled() throws Exception {
        Path directory = endOfJvmEndsServer(Process::destroyForcibly);
        Files.delete(directory); // Nobody was left who could have done it.
    }

    @Test
    void endsWhenTheJvmIsAskedToEnd() throws Exception {
        Path directory = endOfJvmEndsServer(Process::destroy);
        assertFalse(Files.exists(directory), "the shutdown hook removes the private directory");
    }

    /** Starts a JVM that starts a server, ends the JVM in the given way, and looks for the server. */
    private static Path endOfJvmEndsServer(Consumer<Process> killer) throws Exception {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        Process jvm = new ProcessBuilder(
                        java.toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        JvmWithServer.class.getName())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader words = jvm.inputReader(StandardCharsets.UTF_8)) {
            long pid = Long.parseLong(words.readLine());
            Path directory = Path.of(words.readLine());
            assertFalse(isGone(pid));
            assertTrue(Files.exists(directory));
            killer.accept(jvm);
            Waiting.until("the server has ended with its JVM", Duration.ofSeconds(5), () -> isGone(pid));
            Waiting.until("the JVM has ended", Duration.ofSeconds(5), () -> !jvm.isAlive());
            return directory;
        } finally {
            jvm.destroyForcibly();
        }
    }

    private static ServerProcess start(String program, String... arguments) {
        return ServerProcess.start(_ -> ServerCommand.of(program, "coreutils", List.of(arguments)), IMPATIENT);
    }

    private static String commandLine(ServerProcess server) {
        try {
            return Files.readString(Path.of("/proc/" + server.pid() + "/cmdline"))
                    .replace('\0', ' ');
        } catch (IOException e) {
            return "";
        }
    }

    static void assertNothingIsLeftOf(ServerProcess server) {
        assertFalse(server.isAlive());
        assertTrue(isGone(server.pid()));
        assertFalse(Files.exists(server.directory()), server.directory() + " is left");
    }

    /** Gone or a zombie that only waits for its parent; in a container there may be nobody who collects orphans. */
    private static boolean isGone(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2) == 'Z';
        } catch (IOException gone) {
            return true;
        }
    }
}
