package io.migratekit.cli;

import io.migratekit.agent.CopyJob;
import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.copy.CopyReport;
import io.migratekit.agent.copy.CopySpec;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.RangesFile;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.WaitListener;
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

    @Option(
            names = "--destination-is-zero",
            description = "The target reads as zero everywhere; proved before anything is written, else refused.")
    private boolean destinationIsZero;

    @Option(names = "--json", description = "Print the final report as JSON.")
    private boolean json;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private CopyOptions engine;

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
        NbdUri from = NbdUri.parse(source);
        NbdUri to = NbdUri.parse(target);
        require(!from.canonical().equals(to.canonical()), "source and target are the same export: " + from);
        CopyLimits limits = engine.limits(CopyLimits.DEFAULT.requestBytes());
        ConnectSpec connect = peer.connectSpec("copy", console).withListener(WaitListener.NONE);
        try (Way toSource = sourceRoad.open(console, peer.timeout(), engine.retryFor());
                Way toTarget = road.open(console, peer.timeout(), engine.retryFor())) {
            CopySpec copy = new CopySpec(
                    Way.lead(toSource, from),
                    Way.lead(toTarget, to),
                    connect,
                    engine.filling(limits, toTarget),
                    engine.hash(),
                    engine.verify(),
                    destinationIsZero);
            return copy(copy, toSource, toTarget);
        }
    }

    private int copy(CopySpec copy, @Nullable Way toSource, @Nullable Way toTarget) {
        CopyJob.Named named = new CopyJob.Named(Optional.ofNullable(jobId).map(JobId::new), state.store());
        ShownCopy shown = new ShownCopy("copy", toSource, toTarget);
        try (CopyJob job = new CopyJob(
                named, copy, engine.watchLimits(peer.extentsTimeout()), engine.rate(), this::ranges, shown)) {
            return shown.run(console, progress, job, display -> copy(job, display));
        }
    }

    private int copy(CopyJob job, ProgressDisplay display) {
        return switch (job.run()) {
            case CopyJob.Outcome.Done done -> {
                display.close();
                CopyReport report = done.report();
                console.out().print(json ? report.json() + "\n" : CopyReportText.text(report));
                yield ExitCode.DONE.code();
            }
            case CopyJob.Outcome.DoneBefore before -> {
                display.say("copy: job " + jobId + " was finished before; there is nothing left to do");
                console.out().print(json ? before.report() + "\n" : "");
                yield ExitCode.DONE.code();
            }
        };
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
}
