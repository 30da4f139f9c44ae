package io.migratekit.agent.migration;

import io.migratekit.agent.CopyJob;
import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.copy.CopyReport;
import io.migratekit.agent.copy.CopySpec;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.agent.migration.Generation.Part;
import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.agent.watch.SlowWait;
import io.migratekit.agent.watch.StallReport;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Ranges;
import io.migratekit.vmware.VSphereException;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * How does one frozen disk get to its target? A server makes it readable, a copy job of its own moves it, and when
 * all of it is durable the target's milestone is set.
 */
final class DiskCopy implements AutoCloseable {
    private final Generation generation;
    private final Part part;
    private final StateFolder folder;
    private final ServedDisk server;
    private final CopyJob job;
    private final MigrationListener listener;
    /** Whether the disk's server has not answered for as long as anybody waited. */
    private volatile boolean silent;

    /** What came of it: a report, or the one of the run that had finished it before. */
    record Outcome(Optional<CopyReport> report, String json) {}

    /** Takes over the served disk, also its end. */
    DiskCopy(
            MigrationSpec spec,
            Generation generation,
            int disk,
            ServedDisk served,
            NbdUri target,
            StateFolder folder,
            JobStore copies,
            Optional<Ranges> inUse,
            Supplier<List<Road>> roads,
            MigrationListener listener) {
        this.generation = generation;
        this.part = generation.part(disk).orElseThrow();
        this.folder = folder;
        this.listener = listener;
        server = served;
        NbdUri source = server.uri().standingFor(sourceName(generation.vm(), disk));
        CopySpec copy = new CopySpec(source, target, spec.connect(), spec.limits(), spec.hash(), spec.verify(), false)
                .withUnitBytes(part.unitBytes());
        CopySpec informed = inUse.map(copy::withSourceData).orElse(copy);
        job = new CopyJob(
                new CopyJob.Named(Optional.of(generation.copyOf(disk)), copies, spec.title(disk)),
                informed,
                spec.watch(),
                spec.rate(),
                this::ranges,
                new Words(disk, listener));
        job.roads(roads);
    }

    /** What the disk is called where the address of its server, which is made up for each run, would mean nothing. */
    static String sourceName(String vmUuid, int disk) {
        return "vm:" + vmUuid + "/disk-" + disk;
    }

    private record Words(int disk, MigrationListener listener) implements CopyJob.Listener {
        @Override
        public void stalled(StallReport report) {
            listener.stalled(disk, report);
        }

        @Override
        public void waitedLong(SlowWait wait) {
            listener.waitedLong(disk, wait);
        }

        @Override
        public int exitCode(RuntimeException failure) {
            return listener.exitCode(failure);
        }
    }

    /** Copies; on a thread that may be interrupted. */
    Outcome run() {
        listener.copying(part.disk());
        try {
            return switch (job.run()) {
                case CopyJob.Outcome.Done done ->
                    new Outcome(Optional.of(done.report()), done.report().json());
                case CopyJob.Outcome.DoneBefore before -> new Outcome(Optional.empty(), before.report());
            };
        } catch (CopyException.EndFailed e) {
            throw e.side() == Side.SOURCE ? explained(e) : e;
        } catch (CopyException.Stalled e) {
            silent = e.side() == Side.SOURCE;
            throw explained(e);
        } finally {
            listener.copied(part.disk());
        }
    }

    /** To a copier a dead server is a connection that was refused; the server's last words tell more. */
    private RuntimeException explained(CopyException failure) {
        return server.trouble()
                .<RuntimeException>map(
                        words -> VSphereException.diskServerFailed(words + " So: " + failure.getMessage()))
                .orElse(failure);
    }

    private Ranges ranges(long exportBytes) {
        if (exportBytes != part.capacityBytes()) {
            throw new MigrationException.DiskRefused("disk " + part.disk() + " has " + part.capacityBytes()
                    + " bytes, but what is served as its snapshot has " + exportBytes);
        }
        return part.whole() ? Ranges.whole(exportBytes) : DiskPlanner.readRanges(folder, generation, part.disk());
    }

    int disk() {
        return part.disk();
    }

    CopyJob job() {
        return job;
    }

    @Override
    public void close() {
        job.close();
        if (silent) {
            server.abandon();
        } else {
            server.close();
        }
    }
}
