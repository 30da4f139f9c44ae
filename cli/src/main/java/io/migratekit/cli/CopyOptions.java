package io.migratekit.cli;

import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.copy.RateLimit;
import io.migratekit.agent.watch.WatchLimits;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How is copied? The options that all commands share that copy disks. */
final class CopyOptions {
    /** Every connection takes a slot at its server, and what waits in it makes all others wait longer. */
    private static final int MOST_BY_ITSELF = 8;
    /** More than a mistyped unit should be able to take. */
    private static final long MOST_MEMORY_BYTES = 8L << 30;

    private static final Duration SHORTEST_DEADLINE = Duration.ofSeconds(1);

    /** For one block status, where no option says otherwise. */
    static final Duration EXTENTS_TIMEOUT = Duration.ofMinutes(5);

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(names = "--verify", description = "Read everything back in the end and compare.")
    private boolean verify;

    @Option(names = "--no-hash", description = "Do not hash what is read; then it cannot be verified.")
    private boolean noHash;

    @Option(
            names = "--rate",
            paramLabel = "BYTES",
            converter = SizeConverter.class,
            defaultValue = "0",
            description = "Read at most so much a second, e.g. 200M (default: no limit).")
    private long rate;

    @Option(
            names = "--connections",
            paramLabel = "N",
            description = "Connections to each end, if it allows several (default: 4; on a long road through --ssh as"
                    + " many as it takes to fill it, up to 8).")
    private @Nullable Integer givenConnections;

    @Option(
            names = "--requests",
            paramLabel = "N",
            defaultValue = "64",
            description = "Requests in flight on each connection (default: ${DEFAULT-VALUE}).")
    private int requests;

    @Option(
            names = "--request-size",
            paramLabel = "BYTES",
            converter = SizeConverter.class,
            description = "Size of one read or write, a power of two (default: 256K, of VMware's disks 2M).")
    private @Nullable Long givenRequestSize;

    @Option(
            names = "--queue-size",
            paramLabel = "BYTES",
            converter = SizeConverter.class,
            defaultValue = "16M",
            description = "Memory for the requests of one worker (default: ${DEFAULT-VALUE}).")
    private long queueSize;

    @Option(
            names = "--checkpoint-every",
            paramLabel = "BYTES|TIME",
            defaultValue = "1G",
            converter = CheckpointEvery.Converter.class,
            description = "Make durable what was done at least so often, in bytes or time; a resume sends at most so"
                    + " much again (default: the smaller of 30s and 1G).")
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CheckpointEvery checkpointEvery;

    @Option(
            names = "--retry-for",
            paramLabel = "TIME",
            defaultValue = "5m",
            converter = Times.class,
            description = "Try to reconnect for so long without any progress (default: ${DEFAULT-VALUE}).")
    private Duration retryFor = Duration.ofMinutes(5);

    @Option(
            names = "--stall-after",
            paramLabel = "TIME",
            defaultValue = "60s",
            converter = Times.class,
            description = "No progress for so long counts as a stall (default: ${DEFAULT-VALUE}).")
    private Duration stallAfter = Duration.ofSeconds(60);

    @Option(
            names = "--request-deadline",
            paramLabel = "TIME",
            defaultValue = "10m",
            converter = Times.class,
            description = "One request may trickle, but not for longer (default: ${DEFAULT-VALUE}).")
    private Duration requestDeadline = Duration.ofMinutes(10);

    @Option(
            names = "--stall-log",
            paramLabel = "TIME",
            defaultValue = "1s",
            converter = Times.class,
            description = "Log waits that took longer, from 50ms on (default: ${DEFAULT-VALUE}).")
    private Duration stallLog = Duration.ofSeconds(1);

    boolean hash() {
        return !noHash;
    }

    boolean verify() {
        return verify;
    }

    RateLimit rate() {
        return new RateLimit(rate);
    }

    /** 0: no limit. */
    long bytesPerSecond() {
        return rate;
    }

    Duration retryFor() {
        return retryFor;
    }

    /**
     * How much at once, how often, how long.
     *
     * @param usualRequestSize what suits the source, unless the user wants something else
     */
    CopyLimits limits(long usualRequestSize) {
        long requestSize = givenRequestSize == null ? usualRequestSize : givenRequestSize;
        require(!(verify && noHash), "--verify compares hashes; it does not go with --no-hash");
        CopyLimits defaults = CopyLimits.DEFAULT;
        require(
                Long.bitCount(requestSize) == 1 && requestSize >= CopyLimits.GRAIN && requestSize <= 32 << 20,
                "--request-size is a power of two from 64K to 32M");
        int connections = givenConnections == null ? defaults.connections() : givenConnections;
        require(connections >= 1 && connections <= 1000, "--connections is 1 to 1000");
        require(requests >= 1 && requests <= 10_000, "--requests is 1 to 10000");
        require(
                queueSize >= requestSize,
                "--queue-size must hold one request: it is " + queueSize + " bytes, and --request-size " + requestSize);
        require(
                queueSize <= MOST_MEMORY_BYTES / connections,
                "--queue-size times --connections would take more than 8G of memory");
        // Here, where nobody has logged in yet, rather than among the limits of a watch.
        require(requestDeadline.compareTo(SHORTEST_DEADLINE) >= 0, "--request-deadline is at least 1s");
        return new CopyLimits(
                connections,
                requests,
                (int) requestSize,
                queueSize,
                checkpointEvery.bytes(),
                checkpointEvery.time(),
                retryFor,
                defaults.extraConnect(),
                0);
    }

    /** The server's windows bound what is under way on each connection, so a long road takes more of them. */
    CopyLimits filling(CopyLimits limits, @Nullable Way toTarget) {
        if (toTarget == null || givenConnections != null) {
            return limits;
        }
        long affordable = Math.min(MOST_BY_ITSELF, MOST_MEMORY_BYTES / limits.queueBytes());
        int wanted = (int) Math.min(affordable, toTarget.connectionsToFill());
        return limits.withConnections(Math.max(limits.connections(), wanted));
    }

    /** When does something count as slow or stalled? */
    WatchLimits watchLimits(Duration extentsTimeout) {
        try {
            return new WatchLimits(stallAfter, extentsTimeout, requestDeadline, stallLog);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(mixee.commandLine(), String.valueOf(e.getMessage()));
        }
    }

    private void require(boolean sound, String rule) {
        if (!sound) {
            throw new ParameterException(mixee.commandLine(), rule);
        }
    }
}
