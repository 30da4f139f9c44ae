package io.migratekit.cli;

import io.migratekit.agent.CopyJob;
import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.copy.CopyReport;
import io.migratekit.agent.copy.CopySpec;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.RangesFile;
import io.migratekit.agent.plan.Ranges;
import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.agent.watch.Signals;
import io.migratekit.agent.watch.StallReport;
import io.migratekit.agent.watch.WatchLimits;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.WaitListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** How does a disk get from one NBD server to another? */
@Command(
        name = "copy",
        description = {
            "Copy an NBD export, or ranges of it, to another export.",
            "",
            "What the source reads as zero is zeroed at the target unless it reads as zero there already. With a"
                    + " --job-id the copy can be interrupted by anything and is resumed by running it again."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class CopyCommand implements Callable<Integer> {
    /** More than a mistyped unit should be able to take. */
    private static final long MOST_MEMORY_BYTES = 8L << 30;
    /** Every connection takes a slot at its server, and what waits in it makes all others wait longer. */
    private static final int MOST_BY_ITSELF = 8;

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "SOURCE", description = "The export to read.")
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private String source;

    @Parameters(index = "1", paramLabel = "TARGET", description = "The export to write.")
    @SuppressWarnings("NullAway.Init")
    private String target;

    @Option(
            names = "--job-id",
            paramLabel = "ID",
            description = "Remember the copy under this name; the same name again resumes it.")
    private @Nullable String jobId;

    @Option(
            names = "--ranges",
            paramLabel = "FILE",
            description = "Copy only these: a JSON list of {\"offset\":..,\"length\":..}; - is stdin.")
    private @Nullable String rangesFile;

    @Option(names = "--verify", description = "Read everything back in the end and compare.")
    private boolean verify;

    @Option(names = "--no-hash", description = "Do not hash what is read; then it cannot be verified.")
    private boolean noHash;

    @Option(
            names = "--destination-is-zero",
            description = "The target reads as zero everywhere; proved before anything is written, else refused.")
    private boolean destinationIsZero;

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
    private @Nullable Integer connections;

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
            defaultValue = "256K",
            description = "Size of one read or write, a power of two (default: ${DEFAULT-VALUE}).")
    private long requestSize;

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
            description = "Make durable what was done at least so often, in bytes or time; a resume sends at most so"
                    + " much again (default: the smaller of 30s and 1G).")
    private String checkpointEvery = "1G";

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

    @Option(names = "--json", description = "Print the final report as JSON.")
    private boolean json;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private PeerOptions peer;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private StateOptions state;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ProgressOptions progress;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private RoadOptions road;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private SourceRoadOptions sourceRoad;

    CopyCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        require(!(verify && noHash), "--verify compares hashes; it does not go with --no-hash");
        NbdUri from = NbdUri.parse(source);
        NbdUri to = NbdUri.parse(target);
        require(!from.canonical().equals(to.canonical()), "source and target are the same export: " + from);
        CopyLimits limits = limits();
        ConnectSpec connect = peer.connectSpec("copy", console).withListener(WaitListener.NONE);
        try (Way toSource = sourceRoad.open(console, peer.timeout(), retryFor);
                Way toTarget = road.open(console, peer.timeout(), retryFor)) {
            CopySpec copy = new CopySpec(
                    Way.lead(toSource, from),
                    Way.lead(toTarget, to),
                    connect,
                    toTarget == null || connections != null ? limits : filling(limits, toTarget),
                    !noHash,
                    verify,
                    destinationIsZero);
            return copy(copy, toSource, toTarget);
        }
    }

    /** The server's windows bound what is under way on each connection, so a long road takes more of them. */
    private static CopyLimits filling(CopyLimits limits, Way toTarget) {
        long affordable = Math.min(MOST_BY_ITSELF, MOST_MEMORY_BYTES / limits.queueBytes());
        int wanted = (int) Math.min(affordable, toTarget.connectionsToFill());
        return limits.withConnections(Math.max(limits.connections(), wanted));
    }

    private int copy(CopySpec copy, @Nullable Way toSource, @Nullable Way toTarget) {
        CopyJob.Named named = new CopyJob.Named(Optional.ofNullable(jobId).map(JobId::new), state.store());
        Words words = new Words();
        try (CopyJob job = new CopyJob(named, copy, watchLimits(), rate, this::ranges, words);
                ProgressDisplay display = progress.display(console, job::progress)) {
            words.shown = display;
            job.roads(() -> roads(toSource, toTarget));
            ConsoleLog.to(display::say);
            Signals.onUser1(() -> display.print(job.dump()));
            display.start();
            return copy(job, display);
        } catch (CopyException.EndFailed | CopyException.Stalled e) {
            throw roads(toSource, toTarget).stream()
                    .filter(way -> !way.up())
                    .findFirst()
                    .<RuntimeException>map(way -> new CommandFailed(
                            ExitCode.TUNNEL,
                            "tunnel " + way.name() + " is " + way.evidence() + " So: " + e.getMessage()))
                    .orElse(e);
        }
    }

    private static List<Road> roads(@Nullable Way toSource, @Nullable Way toTarget) {
        List<Road> roads = new ArrayList<>();
        if (toSource != null) {
            roads.add(toSource.road(Side.SOURCE));
        }
        if (toTarget != null) {
            roads.add(toTarget.road(Side.TARGET));
        }
        return roads;
    }

    private int copy(CopyJob job, ProgressDisplay display) {
        try {
            return switch (job.run(CopyReportText::json)) {
                case CopyJob.Outcome.Done done -> {
                    display.close();
                    CopyReport report = done.report();
                    console.out().print(json ? CopyReportText.json(report) + "\n" : CopyReportText.text(report));
                    yield ExitCode.DONE.code();
                }
                case CopyJob.Outcome.DoneBefore before -> {
                    display.say("copy: job " + jobId + " was finished before; there is nothing left to do");
                    console.out().print(json ? before.report() + "\n" : "");
                    yield ExitCode.DONE.code();
                }
            };
        } catch (CopyException.Interrupted e) {
            throw new CopyException.Interrupted(
                    job.isResumable()
                            ? "stopped; run the same command again to go on from the last checkpoint"
                            : "stopped; without --job-id it cannot be resumed");
        } catch (CopyException.Stalled e) {
            display.print(job.lastDump());
            throw e;
        }
    }

    /** What the copy has to say while it runs. */
    private static final class Words implements CopyJob.Listener {
        private volatile @Nullable ProgressDisplay shown;

        @Override
        public void stalled(StallReport report) {
            ProgressDisplay display = shown;
            if (report.news() && display != null) {
                display.say("copy: " + report);
            }
        }

        @Override
        public int exitCode(RuntimeException failure) {
            return Console.codeOf(failure).code();
        }
    }

    private Ranges ranges(long diskBytes) {
        if (rangesFile == null) {
            return Ranges.whole(diskBytes);
        }
        List<ByteRange> list = new ArrayList<>();
        RangesFile.read(rangesFile, System.in, list::add);
        try {
            return Ranges.of(list).requireWithin(diskBytes);
        } catch (IllegalArgumentException e) {
            throw new CommandFailed(ExitCode.USAGE, "--ranges: " + e.getMessage());
        }
    }

    private void require(boolean sound, String rule) {
        if (!sound) {
            throw new ParameterException(spec.commandLine(), rule);
        }
    }

    private CopyLimits limits() {
        CopyLimits defaults = CopyLimits.DEFAULT;
        long checkpointBytes = defaults.checkpointBytes();
        Duration checkpointTime = defaults.checkpointEvery();
        if (checkpointEvery.matches(".*(s|m|min|h|d)")) {
            checkpointTime = new Times().convert(checkpointEvery);
        } else {
            checkpointBytes = new SizeConverter().convert(checkpointEvery);
        }
        require(
                Long.bitCount(requestSize) == 1 && requestSize >= CopyLimits.GRAIN && requestSize <= 32 << 20,
                "--request-size is a power of two from 64K to 32M");
        int connections = this.connections == null ? defaults.connections() : this.connections;
        require(connections >= 1 && connections <= 1000, "--connections is 1 to 1000");
        require(requests >= 1 && requests <= 10_000, "--requests is 1 to 10000");
        require(
                queueSize >= requestSize,
                "--queue-size must hold one request: it is " + queueSize + " bytes, and --request-size " + requestSize);
        require(
                queueSize <= MOST_MEMORY_BYTES / connections,
                "--queue-size times --connections would take more than 8G of memory");
        require(checkpointBytes >= 1 << 20, "--checkpoint-every is at least 1M, or a time");
        return new CopyLimits(
                connections,
                requests,
                (int) requestSize,
                queueSize,
                checkpointBytes,
                checkpointTime,
                retryFor,
                defaults.extraConnect(),
                0);
    }

    private WatchLimits watchLimits() {
        try {
            return new WatchLimits(stallAfter, peer.extentsTimeout(), requestDeadline, stallLog);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()));
        }
    }
}
