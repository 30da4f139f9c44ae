package io.migratekit.agent.copy;

import io.migratekit.agent.job.DurableUnit;
import io.migratekit.agent.job.JobException;
import io.migratekit.agent.job.RunRecord;
import io.migratekit.agent.plan.WorkList;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.StallReport;
import io.migratekit.agent.watch.StallWatch;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ExportInfo;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.proof.HashFile;
import io.migratekit.nbd.proof.HashFileWriter;
import io.migratekit.nbd.proof.UnitHashes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.Optional;

/**
 * How does a copy go? The first connection to each end decides what is possible; then the plan is
 * made, workers copy it unit by unit, what is flushed is recorded, and if wanted everything is read
 * back and compared. Call {@link #copy} on a thread that may be interrupted: that is how one stops it.
 */
public final class Copier {
    private final CopySpec spec;
    private final Progress progress;
    private final StallWatch watch;
    private final RateLimit rate;
    private final Crew crew;

    public Copier(CopySpec spec, Progress progress, StallWatch watch, RateLimit rate) {
        this.spec = spec;
        this.progress = progress;
        this.watch = watch;
        this.rate = rate;
        this.crew = new Crew(watch, progress);
    }

    /** What the first connections told of the two ends. */
    public record Found(ExportInfo source, ExportInfo target) {}

    /** What is to be copied, and where is it remembered? Asked when both ends are known. */
    public interface Plan {
        /** The ranges; may refuse by throwing. */
        Ranges ranges(Found found);

        /** The record of this run. Not asked for before it is certain that the copy can begin. */
        RunRecord begin(Found found, Ranges ranges);
    }

    /** Copies; when this returns, all of the plan is durable at the target. */
    public CopyReport copy(Plan plan) {
        long begun = System.nanoTime();
        if (spec.hash()) {
            PieceHash _ = new PieceHash(); // Fails here if it must, before anybody is connected to.
        }
        Scout scout = new Scout("worker-1", spec, watch, progress);
        try (SecondLook secondLook = new SecondLook(spec, watch);
                Expectation expectation = new Expectation(spec)) {
            Found found = scout.awaitFound();
            Ranges ranges = plan.ranges(found);
            refuseWhatCannotWork(found, ranges);
            expectation.requireFits(spec, found);
            RunRecord record = plan.begin(found, ranges);
            secondLook.start(found);
            CopyRun run = run(expectation, found, ranges, record);
            int workers = crew.work(run, found, scout);
            if (spec.verify()) {
                run = verification(run, expectation, found, ranges, record);
                crew.work(run, found, null);
            }
            Optional<String> root = spec.hash() ? Optional.of(seal(found, record)) : Optional.empty();
            progress.phase(Progress.Phase.DONE);
            Duration took = Duration.ofNanos(System.nanoTime() - begun);
            return new CopyReport(progress.counts(), took, workers, spec.verify(), root, run.warnings());
        } finally {
            scout.end();
        }
    }

    private CopyRun run(Expectation expectation, Found found, Ranges ranges, RunRecord record) {
        WorkList work = new WorkList(ranges, spec.limits().unitBytes(), record::isDurable);
        WorkList.Totals planned = work.planned();
        WorkList.Totals durable = work.durable();
        progress.planned(planned.bytes(), durable.bytes());
        progress.phase(Progress.Phase.COPYING);
        return new CopyRun(spec, expectation, record, rate, work, planned.units() - durable.units(), found, null);
    }

    private CopyRun verification(
            CopyRun copied, Expectation expectation, Found found, Ranges ranges, RunRecord record) {
        WorkList work = new WorkList(ranges, spec.limits().unitBytes(), index -> false);
        WorkList.Totals planned = work.planned();
        progress.toVerify(planned.bytes());
        progress.phase(Progress.Phase.VERIFYING);
        return new CopyRun(spec, expectation, record, rate, work, planned.units(), found, copied);
    }

    /** Brings the hashes of all units into one file, if there is a place for it, and says what stands for all of them. */
    private static String seal(Found found, RunRecord record) {
        long diskBytes = found.source().sizeBytes();
        Iterator<DurableUnit> units = record.payloads();
        Iterator<UnitHashes> hashes = new Iterator<>() {
            @Override
            public boolean hasNext() {
                return units.hasNext();
            }

            @Override
            public UnitHashes next() {
                return UnitHashes.decode(ByteBuffer.wrap(units.next().payload()));
            }
        };
        Optional<Path> file = record.hashFile();
        if (file.isEmpty()) {
            return HashFile.rootHex(diskBytes, hashes);
        }
        try (HashFileWriter writer = HashFile.create(file.get(), diskBytes)) {
            hashes.forEachRemaining(writer::add);
            return writer.commit();
        } catch (UncheckedIOException e) {
            IOException cause = e.getCause();
            throw cause == null ? e : JobException.hashes(cause);
        }
    }

    // ---- before anything is written

    private void refuseWhatCannotWork(Found found, Ranges ranges) {
        ExportInfo target = found.target();
        if (target.readOnly()) {
            throw refused(spec.target(), "the target is read-only");
        }
        if (ranges.end() > target.sizeBytes()) {
            throw refused(
                    spec.target(),
                    "the target has " + target.sizeBytes() + " bytes, too few for ranges that end at " + ranges.end());
        }
        refuseOddBlocks(spec.source(), found.source());
        refuseOddBlocks(spec.target(), target);
        long alignment = target.requestAlignment();
        if (alignment > 1) {
            for (ByteRange range : ranges) {
                if (range.offset() % alignment != 0 || range.end() % alignment != 0) {
                    throw refused(
                            spec.target(),
                            "the target takes only whole blocks of " + alignment + " bytes, and the range at "
                                    + range.offset() + " with " + range.length() + " bytes is not made of them");
                }
            }
        }
    }

    private static void refuseOddBlocks(NbdUri uri, ExportInfo end) {
        if (end.requestAlignment() > CopyLimits.GRAIN
                || end.maximumBlockBytes().orElse(Long.MAX_VALUE) < CopyLimits.GRAIN) {
            throw refused(
                    uri,
                    "it takes requests from " + end.requestAlignment() + " to "
                            + end.maximumBlockBytes().orElse(Long.MAX_VALUE)
                            + " bytes; a copy needs to make some of " + CopyLimits.GRAIN);
        }
    }

    private static CopyException.Refused refused(NbdUri uri, String why) {
        return new CopyException.Refused(uri + ": " + why + "; nothing was written");
    }

    /** The monitor saw a worker stand still, or move again. */
    public void stalled(StallReport report) {
        crew.stalled(report);
    }
}
