package io.migratekit.nbd.server;

import static java.lang.System.Logger.Level.DEBUG;

import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * How is a server program started, watched and ended so that nothing of it remains? It runs in the
 * foreground under a process id that is ours, its output is kept for messages, its private directory
 * goes with it, and every wait for it is bounded.
 *
 * <p>It dies with this JVM in two ways: a shutdown hook stops it on an orderly exit, and where
 * {@code setpriv} (util-linux) exists the kernel sends it SIGTERM when this JVM is killed. The kernel
 * does that when the <em>thread</em> that started it ends, so one thread starts it, reads its output
 * and stays until it is over.
 */
public final class ServerProcess implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(ServerProcess.class.getName());
    private static final Duration START_LIMIT = Duration.ofSeconds(10);
    private static final Duration POLL = Duration.ofMillis(5);
    /**
     * After the end of the process its last words are in the pipe already, but on a busy machine the thread that reads
     * them comes late; a grandchild may keep the pipe open.
     */
    private static final Duration LAST_WORDS_LIMIT = Duration.ofSeconds(3);

    /** Even who has no patience left hears what is in the pipe. */
    private static final Duration BRIEFLY = Duration.ofMillis(300);

    /** Java can only give a child its input; programs demand that a secret comes by another descriptor. */
    private static final String MOVE_INPUT =
            "exec " + ServerCommand.Surroundings.SECRET_DESCRIPTOR + "<&0 </dev/null && exec \"$@\"";

    private static final Set<String> HARMLESS_VARIABLES = Set.of("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ");

    private final ServerCommand command;
    private final ServerLimits limits;
    private final PrivateDirectory directory;
    private final OutputTail output;
    private final CompletableFuture<Process> started = new CompletableFuture<>();
    private final CompletableFuture<Boolean> allSaid = new CompletableFuture<>();
    private final Process process;

    private ServerProcess(ServerCommand command, ServerLimits limits, PrivateDirectory directory) {
        this.command = command;
        this.limits = limits;
        this.directory = directory;
        this.output = new OutputTail(limits.keptOutputBytes());
        ProcessBuilder builder = prepared(command);
        Thread.ofPlatform().daemon().name("server-" + command.name()).start(() -> startAndStay(builder));
        this.process = awaitStart();
        LiveServers.add(this);
    }

    /**
     * Starts a program; whether it is ready has to be awaited separately.
     *
     * @param command composes the command, given the private directory of this server
     * @throws ServerFailed if the program is missing or cannot be started
     */
    public static ServerProcess start(Function<Path, ServerCommand> command, ServerLimits limits) {
        PrivateDirectory directory = PrivateDirectory.create();
        try {
            return start(command.apply(directory.path()), limits, directory);
        } catch (RuntimeException | Error e) {
            directory.close();
            throw e;
        }
    }

    /** Starts a program; from then on the directory is the process's to remove. */
    static ServerProcess start(ServerCommand command, ServerLimits limits, PrivateDirectory directory) {
        return new ServerProcess(command, limits, directory);
    }

    /** Waits until the program has written its own process id into this file. */
    public void awaitPidFile(Path pidFile) {
        awaitReady("its pid file", () -> holdsOurPid(pidFile));
    }

    /**
     * Waits until the condition holds, at most as long as the limits allow. On failure the process is stopped.
     *
     * @param sign what is awaited, for messages
     * @throws ServerFailed if the process ends first, the limit passes or the thread is interrupted
     */
    public void awaitReady(String sign, BooleanSupplier ready) {
        log("waiting up to " + Durations.show(limits.ready()) + " for " + sign);
        long startNanos = System.nanoTime();
        Deadline deadline = Deadline.in(limits.ready());
        try {
            while (!ready.getAsBoolean()) {
                if (process.waitFor(POLL.toNanos(), TimeUnit.NANOSECONDS)) {
                    throw failed("ended with exit status " + process.exitValue() + " before it was ready");
                }
                if (deadline.isOver()) {
                    throw failed(
                            "was not ready within " + Durations.show(limits.ready()) + " (no sign of " + sign + ")");
                }
            }
        } catch (InterruptedException e) {
            ServerFailed failure = failed("was not awaited any longer, because the thread was interrupted");
            stop(Deadline.in(Duration.ZERO));
            Thread.currentThread().interrupt();
            throw failure;
        } catch (ServerFailed failure) {
            stop();
            throw failure;
        }
        log("ready after " + (System.nanoTime() - startNanos) / 1_000_000 + " ms");
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    public long pid() {
        return process.pid();
    }

    /** How it ended: nothing while it lives; 128 and the signal's number if a signal ended it. */
    public OptionalInt exitStatus() {
        return process.isAlive() ? OptionalInt.empty() : OptionalInt.of(process.exitValue());
    }

    /** The processes that it has started itself and that are alive now. */
    public Stream<ProcessHandle> descendants() {
        return process.isAlive() ? process.toHandle().descendants() : Stream.empty();
    }

    /** What it was started with. */
    public ServerCommand command() {
        return command;
    }

    /** The end of what it wrote to its output and error streams. */
    public String output() {
        return output.text();
    }

    /** Only we can enter it; it is removed when the server is stopped. */
    public Path directory() {
        return directory.path();
    }

    /**
     * Asks it to end, waits, kills it, waits; then removes its private directory. It may be called again.
     *
     * <p>An interrupt that came before does not spoil the orderly end; one that comes during the wait
     * means impatience: the process is killed at once. Either way the thread stays interrupted.
     *
     * @throws ServerFailed if it is still there after all this
     */
    public void stop() {
        stop(Deadline.NEVER);
    }

    @Override
    public void close() {
        stop();
    }

    /** Sends SIGTERM and does not wait. Through its handle: the process would close our end of the pipe, with all that is unread in it. */
    void ask() {
        process.toHandle().destroy();
    }

    /** Stops it, but is patient only until the deadline. */
    void stop(Deadline patience) {
        boolean interrupted = Thread.interrupted();
        try {
            List<ProcessHandle> children = descendants().toList();
            ask();
            log("waiting up to " + Durations.show(patience.atMost(limits.stop())) + " for its end");
            interrupted |= !awaitEnd(patience.atMost(limits.stop()));
            if (process.isAlive()) {
                log("killing it");
                process.toHandle().destroyForcibly();
                interrupted |= !awaitEnd(limits.kill());
            }
            children.forEach(ProcessHandle::destroyForcibly);
            if (process.isAlive()) {
                throw failed("(process " + pid() + ") is still there " + Durations.show(limits.kill())
                        + " after it was killed");
            }
            log("ended");
            Duration left = patience.atMost(LAST_WORDS_LIMIT);
            interrupted |= !awaitAllSaid(left.compareTo(BRIEFLY) < 0 ? BRIEFLY : left);
        } finally {
            process.destroy(); // Closes the pipe, which a grandchild may hold open.
            LiveServers.remove(this);
            directory.close();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** False if the thread was interrupted while it waited. */
    private boolean awaitEnd(Duration limit) {
        try {
            boolean ended = process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS);
            log(ended ? "exit status " + process.exitValue() : "still alive after " + Durations.show(limit));
            return true;
        } catch (InterruptedException e) {
            return false;
        }
    }

    private ProcessBuilder prepared(ServerCommand wanted) {
        Path program = ProgramSearch.find(wanted.program()).orElseThrow(() -> notInstalled(wanted));
        ServerCommand.Surroundings surroundings = wanted.surroundings();
        List<String> words = new ArrayList<>();
        ProgramSearch.find("setpriv").ifPresent(setpriv -> {
            words.addAll(List.of(setpriv.toString(), "--pdeathsig", "TERM", "--"));
        });
        if (surroundings.secret().isPresent()) {
            words.addAll(List.of("/bin/sh", "-c", MOVE_INPUT, "sh"));
        }
        words.add(program.toString());
        words.addAll(wanted.arguments());
        ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(true);
        if (surroundings.secret().isEmpty()) {
            builder.redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
        }
        if (surroundings.bare()) {
            makeBare(builder);
        }
        builder.environment().putAll(wanted.environment());
        return builder;
    }

    /** Leaves it a few harmless variables of ours. */
    static void makeBare(ProcessBuilder builder) {
        builder.environment().keySet().retainAll(HARMLESS_VARIABLES);
        builder.environment().put("LC_ALL", "C"); // What it says is searched for known signs.
    }

    static ServerFailed notInstalled(ServerCommand wanted) {
        String debian = wanted.debianPackage();
        return new ServerFailed(
                wanted, "is not installed", "", "install the package " + debian + " (apt-get install " + debian + ")");
    }

    /** Hands the secret over; the pipe holds it until the program reads it. */
    private void tellSecret(Process child) {
        if (command.surroundings().secret().isPresent()) {
            try (OutputStream channel = child.getOutputStream()) {
                command.surroundings().secret().get().writeTo(channel);
            } catch (IOException e) {
                // It ended before it read: its exit status and its output tell more than a broken pipe.
                LOG.log(DEBUG, () -> "server=" + command.name() + " pid=" + child.pid() + " did not read its secret");
            }
        }
    }

    /** The life of the process, on the one thread that is its parent in the kernel's eyes. */
    private void startAndStay(ProcessBuilder builder) {
        try {
            Process child = builder.start();
            try (Guard _ = command.surroundings().killedWithUs() ? Guard.over(child) : Guard.none()) {
                tellSecret(child);
                if (!started.complete(child)) {
                    child.destroyForcibly(); // Nobody waits for it any more.
                }
                output.drain(child.getInputStream());
                allSaid.complete(true);
                boolean ended = false;
                while (!ended) { // A program may close its output and live on.
                    ended = child.waitFor(1, TimeUnit.HOURS);
                }
            }
        } catch (IOException | InterruptedException | RuntimeException e) {
            started.completeExceptionally(e);
        } finally {
            allSaid.complete(true);
        }
    }

    private Process awaitStart() {
        String problem;
        try {
            return started.get(START_LIMIT.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            problem = "could not be started (" + e.getCause() + ")";
        } catch (TimeoutException e) {
            problem = "could not be started within " + Durations.show(START_LIMIT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            problem = "was not started, because the thread was interrupted";
        }
        ServerFailed failure = new ServerFailed(command, problem, "", "");
        if (!started.completeExceptionally(failure) && !started.isCompletedExceptionally()) {
            started.resultNow().destroyForcibly(); // It came up between our giving up and our saying so.
        }
        throw failure;
    }

    private ServerFailed failed(String what) {
        String said = lastWords();
        return new ServerFailed(command, what, said, command.adviceFor(said));
    }

    /** The same as {@link #output}, but if it has ended, its very last words are waited for, for three seconds. */
    public String lastWords() {
        if (!process.isAlive() && !awaitAllSaid(LAST_WORDS_LIMIT)) {
            Thread.currentThread().interrupt();
        }
        return output();
    }

    /** False if the thread was interrupted while it waited. */
    private boolean awaitAllSaid(Duration limit) {
        try {
            allSaid.get(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            return false;
        } catch (ExecutionException | TimeoutException e) {
            log("its output is still open");
        }
        return true;
    }

    private boolean holdsOurPid(Path pidFile) {
        try {
            return Files.readString(pidFile).strip().equals(Long.toString(pid()));
        } catch (IOException notThereYet) {
            return false;
        }
    }

    private void log(String what) {
        LOG.log(DEBUG, () -> "server=" + command.name() + " pid=" + pid() + " " + what);
    }
}
