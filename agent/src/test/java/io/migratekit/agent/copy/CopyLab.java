package io.migratekit.agent.copy;

import io.migratekit.agent.CopyJob;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.watch.StallReport;
import io.migratekit.agent.watch.WatchLimits;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Extent;
import io.migratekit.nbd.ExtentMap;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;

/** Where do the tests of the copy run? Starts servers, looks at what they hold, runs copies, stops the servers. */
final class CopyLab implements AutoCloseable {
    /** Patience as it fits servers on the same machine. */
    static final CopyLimits LIMITS = new CopyLimits(
            4,
            16,
            256 << 10,
            4 << 20,
            64 << 20,
            Duration.ofSeconds(1),
            Duration.ofSeconds(5),
            Duration.ofMillis(300),
            1 << 20);

    private static final int PIECE_BYTES = 1 << 20;

    private final Path directory;
    private final Deque<AutoCloseable> servers = new ArrayDeque<>();
    private int files;

    CopyLab(Path directory) {
        this.directory = directory;
    }

    /** A name for a file that is not there yet. */
    Path newFile(String suffix) {
        return directory.resolve("f" + ++files + suffix);
    }

    // ---- servers

    /** Serves it until the lab is closed; the URI. */
    String serve(Nbdkit.Builder builder) {
        Nbdkit server = builder.start();
        servers.push(server);
        return server.uri();
    }

    /** Serves it until the lab is closed; the URI. */
    String serve(QemuNbd.Builder builder) {
        QemuNbd server = builder.start();
        servers.push(server);
        return server.uri();
    }

    /** Stops the server that was started last. */
    void stopLast() {
        close(servers.pop());
    }

    // ---- what is there

    /** All bytes of a small export. */
    byte[] content(String uri) {
        try (NbdConnection connection = NbdConnection.open(NbdUri.parse(uri), ConnectSpec.of("look"));
                Arena arena = Arena.ofConfined()) {
            byte[] content = new byte[Math.toIntExact(connection.info().sizeBytes())];
            MemorySegment buffer = arena.allocate(PIECE_BYTES);
            long alignment = connection.info().requestAlignment();
            long most = Math.min(
                    PIECE_BYTES, connection.info().maximumBlockBytes().orElse(PIECE_BYTES) / alignment * alignment);
            for (int offset = 0; offset < content.length; offset += (int) most) {
                MemorySegment piece = buffer.asSlice(0, Math.min(most, content.length - offset));
                connection.await(connection.read(piece, offset));
                MemorySegment.copy(piece, ValueLayout.JAVA_BYTE, 0, content, offset, (int) piece.byteSize());
            }
            return content;
        }
    }

    /** Puts bytes into an export. */
    void write(String uri, long offset, byte[] bytes) {
        try (NbdConnection connection = NbdConnection.open(NbdUri.parse(uri), ConnectSpec.of("fill"));
                Arena arena = Arena.ofConfined()) {
            connection.await(connection.write(arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes), offset, false));
            connection.await(connection.flush());
        }
    }

    /** What the export says of its extents; empty if it does not. */
    List<Extent> extents(String uri) {
        ConnectSpec spec = ConnectSpec.of("look").withContexts(List.of(ConnectSpec.BASE_ALLOCATION));
        try (NbdConnection connection = NbdConnection.open(NbdUri.parse(uri), spec)) {
            List<Extent> extents = new ArrayList<>();
            if (connection.hasContext(ConnectSpec.BASE_ALLOCATION)) {
                ExtentMap.of(connection, ConnectSpec.BASE_ALLOCATION).forEachRemaining(extents::add);
            }
            return extents;
        }
    }

    /** So many random bytes, always the same ones; none of them is zero. */
    static byte[] noise(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        for (int i = 0; i < length; i++) {
            bytes[i] = bytes[i] == 0 ? 1 : bytes[i];
        }
        return bytes;
    }

    /** A file with so many random bytes. */
    Path noiseFile(int length, long seed) {
        try {
            return Files.write(newFile(".raw"), noise(length, seed));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    // ---- copies

    static CopySpec spec(String source, String target, CopyLimits limits) {
        return new CopySpec(
                NbdUri.parse(source), NbdUri.parse(target), ConnectSpec.of("copy"), limits, true, false, false);
    }

    static CopySpec spec(String source, String target) {
        return spec(source, target, LIMITS);
    }

    static CopySpec verifying(CopySpec spec) {
        return new CopySpec(
                spec.source(), spec.target(), spec.connect(), spec.limits(), true, true, spec.destinationIsZero());
    }

    static CopySpec destinationIsZero(CopySpec spec) {
        return new CopySpec(
                spec.source(), spec.target(), spec.connect(), spec.limits(), spec.hash(), spec.verify(), true);
    }

    /** Copies a whole disk without remembering it. */
    CopyReport copy(CopySpec spec) {
        return copy(spec, all -> all);
    }

    /** Copies without remembering it. */
    CopyReport copy(CopySpec spec, UnaryOperator<Ranges> ranges) {
        return run(Optional.empty(), spec, ranges);
    }

    /** Copies under a name. */
    CopyReport copyJob(String id, CopySpec spec) {
        return run(Optional.of(new JobId(id)), spec, all -> all);
    }

    /** Where jobs are remembered. */
    JobStore store() {
        return new JobStore(directory.resolve("state"));
    }

    private CopyReport run(Optional<JobId> id, CopySpec spec, UnaryOperator<Ranges> ranges) {
        try (CopyJob job = new CopyJob(
                new CopyJob.Named(id, store()),
                spec,
                WatchLimits.DEFAULT,
                new RateLimit(0),
                size -> ranges.apply(Ranges.whole(size)),
                new Silent())) {
            return switch (job.run()) {
                case CopyJob.Outcome.Done done -> done.report();
                case CopyJob.Outcome.DoneBefore _ -> throw new AssertionError("job " + id + " was finished before");
            };
        }
    }

    private static final class Silent implements CopyJob.Listener {
        @Override
        public void stalled(StallReport report) {}

        @Override
        public int exitCode(RuntimeException failure) {
            return 1;
        }
    }

    @Override
    public void close() {
        servers.forEach(CopyLab::close);
    }

    private static void close(AutoCloseable server) {
        try {
            server.close();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
