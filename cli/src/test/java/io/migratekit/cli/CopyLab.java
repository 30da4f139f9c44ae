package io.migratekit.cli;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.QemuNbd.Format;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What can be broken around a copy, and mended again? A raw disk behind nbdkit, a qcow2 behind qemu-nbd, a road to each
 * that can freeze, trickle and be cut, and a folder for what jobs remember.
 */
final class CopyLab implements AutoCloseable {
    private static final String JOB = "lab";
    /** More than any handshake: a worker that has written so much really works. */
    private static final long TRAFFIC_BYTES = 256 << 10;

    private final Path folder;
    private final Path sourceImage;
    private final Path targetImage;
    private final Path state;
    private final Path sourceSocket;
    private final Path targetSocket;
    private final FaultProxy sourceRoad;
    private final FaultProxy targetRoad;
    private final List<String> sourceFilters;
    private final List<String> targetFilters;
    private final int targetSlots;
    private @Nullable Nbdkit source;
    private @Nullable AutoCloseable target;
    private long targetPid;

    /** How are the servers to be? Filters are words such as {@code delay} and {@code rdelay=10ms}. */
    record Servers(List<String> sourceFilters, List<String> targetFilters, int targetSlots) {
        static final Servers HEALTHY = new Servers(List.of(), List.of(), 8);

        Servers withSource(String... words) {
            return new Servers(List.of(words), targetFilters, targetSlots);
        }

        /** The target becomes an nbdkit, too, for qemu-nbd has no filters. */
        Servers withTarget(String... words) {
            return new Servers(sourceFilters, List.of(words), targetSlots);
        }

        Servers withTargetSlots(int slots) {
            return new Servers(sourceFilters, targetFilters, slots);
        }
    }

    /** A disk of so many bytes, with data in these ranges; the target holds other data in its second half. */
    CopyLab(Path folder, long seed, Servers servers, long sizeBytes, ByteRange... data) throws IOException {
        this.folder = folder;
        sourceFilters = servers.sourceFilters();
        targetFilters = servers.targetFilters();
        targetSlots = servers.targetSlots();
        state = folder.resolve("state");
        sourceSocket = folder.resolve("source.sock");
        targetSocket = folder.resolve("target.sock");
        sourceImage = new NbdImages(folder, seed).raw("source.raw", sizeBytes, data);
        ByteRange stale = new ByteRange(sizeBytes / 2, 4 << 20);
        NbdImages others = new NbdImages(folder, seed + 1);
        targetImage = targetFilters.isEmpty()
                ? others.qcow2("target.qcow2", sizeBytes, stale)
                : others.raw("target.raw", sizeBytes, stale);
        startSource();
        startTarget();
        sourceRoad = FaultProxy.to(UnixDomainSocketAddress.of(sourceSocket));
        targetRoad = FaultProxy.to(UnixDomainSocketAddress.of(targetSocket));
    }

    // ---- servers

    void startSource() {
        source = nbdkit(sourceImage, sourceSocket, sourceFilters).readOnly().start();
    }

    void startTarget() {
        if (targetFilters.isEmpty()) {
            QemuNbd server = QemuNbd.of(targetImage, Format.QCOW2, targetSlots)
                    .exportName("disk")
                    .unixSocket(targetSocket)
                    .start();
            target = server;
            targetPid = server.process().pid();
        } else {
            Nbdkit server = nbdkit(targetImage, targetSocket, targetFilters).start();
            target = server;
            targetPid = server.process().pid();
        }
    }

    private static Nbdkit.Builder nbdkit(Path image, Path socket, List<String> filters) {
        Nbdkit.Builder builder =
                Nbdkit.plugin("file", image.toString()).exportName("disk").unixSocket(socket);
        // With several threads nbdkit 1.32 fails an assertion of its own when a client leaves amid its replies.
        builder.threads(1);
        for (String word : filters) {
            if (word.contains("=")) {
                builder.parameter(word);
            } else {
                builder.filter(word);
            }
        }
        return builder;
    }

    long sourcePid() {
        Nbdkit server = source;
        if (server == null) {
            throw new IllegalStateException("there is no source");
        }
        return server.process().pid();
    }

    /** What the source's server says of itself, for the message of a test that failed. */
    String sourceSays() {
        Nbdkit server = source;
        return server == null
                ? "no source"
                : "alive=" + server.process().isAlive() + " " + server.process().output();
    }

    long targetPid() {
        return targetPid;
    }

    /** SIGKILL; nothing is written any more that was only in the server's memory. */
    void killSource() {
        Tool.run("kill", "-KILL", Long.toString(sourcePid()));
        stop(source);
    }

    void killTarget() {
        Tool.run("kill", "-KILL", Long.toString(targetPid));
        stop(target);
    }

    /** Another process serves the same image; the one before may have ended by itself. */
    void restartTarget() {
        stop(target);
        startTarget();
    }

    private static void stop(@Nullable AutoCloseable server) {
        if (server != null) {
            try {
                server.close();
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
    }

    FaultProxy sourceRoad() {
        return sourceRoad;
    }

    FaultProxy targetRoad() {
        return targetRoad;
    }

    // ---- copies

    /** Starts a copy under the name of the one job of this lab. */
    CopyProcess copy(String... words) {
        return start(List.of(), true, words);
    }

    CopyProcess start(List<String> before, boolean withJob, String... words) {
        List<String> line = new ArrayList<>(List.of(
                "copy",
                sourceRoad.uri("disk"),
                targetRoad.uri("disk"),
                "--state-dir",
                state.toString(),
                "--progress",
                "none"));
        if (withJob) {
            line.addAll(List.of("--job-id", JOB));
        }
        line.addAll(List.of(words));
        return CopyProcess.start(folder, before, line);
    }

    /**
     * Waits until the copy really writes to the target. After the sessions are gone that takes new ones: with a low
     * rate nothing to speak of was under way in the old.
     */
    void awaitTraffic(CopyProcess copy) {
        long bytes = targetRoad.bytesToServer();
        await(copy, "writes to the target", () -> targetRoad.bytesToServer() > bytes + TRAFFIC_BYTES);
    }

    /** Kills the sessions of this moment, and sees that they are gone. */
    static void breakRoad(LoopbackSshd sshd) {
        List<Long> sessions = sshd.sessions();
        if (sessions.isEmpty()) {
            throw new AssertionError("there is no session to kill: " + sshd.log());
        }
        sshd.killSessions();
        Waiting.until(
                "the sessions are gone",
                Duration.ofSeconds(10),
                () -> sessions.stream().allMatch(pid -> ProcessHandle.of(pid).isEmpty()));
    }

    private static void await(CopyProcess copy, String what, BooleanSupplier condition) {
        try {
            Waiting.until(
                    "the copy " + what, Duration.ofSeconds(40), () -> condition.getAsBoolean() || !copy.isAlive());
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "; it says: " + copy.err(), e);
        }
        if (!copy.isAlive()) {
            throw new AssertionError("the copy has ended: " + copy.err());
        }
    }

    /** Another command about the job: status, why, rate. */
    Run ask(String command, String... words) {
        List<String> line = new ArrayList<>(List.of(command, "--state-dir", state.toString(), "--job-id", JOB));
        line.addAll(List.of(words));
        return Run.migratekit(line.toArray(String[]::new));
    }

    /** Where the job keeps what it remembers. */
    Path jobFolder() {
        return state.resolve("jobs").resolve(JOB);
    }

    /** What the job's runs have noted so far. */
    String journal() {
        try {
            return Files.readString(jobFolder().resolve("journal.jsonl"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path state() {
        return state;
    }

    /** Whether the target holds, byte for byte, what the source holds; stops both servers for it. */
    Tool.Outcome compare() {
        stop(source);
        stop(target);
        String format = targetFilters.isEmpty() ? "qcow2" : "raw";
        return Tool.outcome(List.of(
                "qemu-img", "compare", "-f", "raw", "-F", format, sourceImage.toString(), targetImage.toString()));
    }

    /** For the next round: the job and the target are as if nothing had happened. */
    void forget() throws IOException {
        stop(target);
        Tool.run("rm", "-r", state.toString());
        Files.delete(targetImage);
        long size = Files.size(sourceImage);
        new NbdImages(folder, 7).qcow2("target.qcow2", size, new ByteRange(size / 2, 4 << 20));
        startTarget();
    }

    @Override
    public void close() throws IOException {
        sourceRoad.close();
        targetRoad.close();
        stop(source);
        stop(target);
    }
}
