package io.migratekit.agent.restore;

import io.migratekit.agent.CopyJob;
import io.migratekit.agent.copy.CopyReport;
import io.migratekit.agent.copy.CopySpec;
import io.migratekit.agent.copy.RateLimit;
import io.migratekit.agent.copy.SourceProof;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.watch.WatchLimits;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Ranges;
import java.util.List;
import java.util.Optional;

/**
 * How does one disk come back? A copy in which every byte is compared with what was sealed before it counts, and whose own
 * hashes, in the end, have to have the root that the restore point's record names.
 */
public final class DiskRestore implements AutoCloseable {
    private static final String HASHES = "hashes";

    private final ProvedContent content;
    private final JobStore store;
    private final Optional<JobId> id;
    private final CopyJob job;

    /**
     * What came of it.
     *
     * @param report what was copied; empty if an earlier run had finished it
     * @param wrong where what there was is not what was sealed; only with salvage anything else than nothing
     */
    public record Restored(Optional<CopyReport> report, List<ByteRange> wrong) {}

    /**
     * A disk to be restored once.
     *
     * @param copy from where the restore point is served to the disk's place
     * @param id under which it is gone on with after an interruption; without it, it begins anew
     */
    public DiskRestore(
            CopySpec copy,
            ProvedContent content,
            boolean salvage,
            JobStore store,
            Optional<JobId> id,
            WatchLimits watch,
            RateLimit rate,
            CopyJob.Listener listener) {
        this.content = content;
        this.store = store;
        this.id = id;
        job = new CopyJob(
                new CopyJob.Named(id, store),
                copy.withProof(new SourceProof(content.hashes(), salvage)),
                watch,
                rate,
                Ranges::whole,
                listener);
    }

    /** Restores; when this returns, all of it is durable. */
    public Restored run() {
        return switch (job.run()) {
            case CopyJob.Outcome.Done done -> new Restored(Optional.of(done.report()), wrong(done.report()));
            case CopyJob.Outcome.DoneBefore _ -> new Restored(Optional.empty(), recorded());
        };
    }

    private List<ByteRange> wrong(CopyReport report) {
        boolean isRight = report.hashRoot().equals(Optional.of(content.root()));
        if (isRight) {
            return List.of();
        }
        List<ByteRange> wrong = recorded();
        if (wrong.isEmpty()) {
            // Without a record there are no hashes to compare; the warnings have named the places.
            throw new RestoreException.NotWhatWasSealed("what was read has the content "
                    + report.hashRoot().orElse("of nothing") + " instead of " + content.root());
        }
        return wrong;
    }

    private List<ByteRange> recorded() {
        return id.map(job -> store.folderOf(job).path().resolve(HASHES))
                .map(content::differences)
                .orElse(List.of());
    }

    public CopyJob job() {
        return job;
    }

    @Override
    public void close() {
        job.close();
    }
}
