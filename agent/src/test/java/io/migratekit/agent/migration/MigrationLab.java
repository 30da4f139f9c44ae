package io.migratekit.agent.migration;

import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.copy.RateLimit;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.watch.StallReport;
import io.migratekit.agent.watch.WatchLimits;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.vmware.DiskServerLimits;
import io.migratekit.vmware.DiskServerSpec;
import io.migratekit.vmware.VCenterLimits;
import io.migratekit.vmware.VCenterSpec;
import io.migratekit.vmware.VmSnapshot.Quiesce;
import io.migratekit.vmware.sim.VmLab;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A VM to be backed up, at a simulated vCenter, through the stand-in of VDDK, into QCOW2 chains behind qemu-nbd. */
final class MigrationLab extends VmLab {
    private static final CopyLimits LIMITS = new CopyLimits(
            2,
            16,
            256 << 10,
            4 << 20,
            16 << 20,
            Duration.ofSeconds(1),
            Duration.ofSeconds(10),
            Duration.ofSeconds(3),
            0);
    static final VCenterLimits VCENTER = new VCenterLimits(
            Duration.ofSeconds(5),
            Duration.ofSeconds(5),
            Duration.ofSeconds(10),
            Duration.ofSeconds(10),
            Duration.ofSeconds(5),
            Duration.ofMinutes(1));

    final Told told = new Told();
    /** By which road the disks are read. */
    DiskServerSpec.Source source = DiskServerSpec.Source.VDDK;

    MigrationLab(Path folder, long... diskBytes) throws IOException {
        super(folder, diskBytes);
    }

    /** What the backup has said. */
    static final class Told implements MigrationListener {
        final List<String> sentences = new CopyOnWriteArrayList<>();
        final List<String> warnings = new CopyOnWriteArrayList<>();

        @Override
        public void told(String sentence) {
            sentences.add(sentence);
        }

        @Override
        public void waiting(String what, Duration atMost) {}

        @Override
        public void warned(String sentence) {
            warnings.add(sentence);
        }

        @Override
        public void stalled(int disk, StallReport report) {}

        @Override
        public int exitCode(RuntimeException failure) {
            return 1;
        }

        String all() {
            return String.join("\n", sentences) + "\n" + String.join("\n", warnings);
        }
    }

    JobStore store() {
        return new JobStore(folder().resolve("state"));
    }

    MigrationSpec spec(String job) throws IOException {
        Map<Integer, NbdUri> uris = new TreeMap<>();
        targets().forEach((key, target) -> uris.put(key, target.uri()));
        DiskServerSpec servers =
                DiskServerSpec.DEFAULT.withSource(source).withPlugin(standIn().plugin());
        return spec(job, store(), vcenter().spec(VCENTER), "web01", uris, servers);
    }

    /** What a test means that says nothing of the rest. */
    static MigrationSpec spec(
            String job,
            JobStore store,
            VCenterSpec vcenter,
            String vm,
            Map<Integer, NbdUri> targets,
            DiskServerSpec servers) {
        return new MigrationSpec(
                new JobId(job),
                store,
                vcenter,
                vm,
                new Targets(targets, "", uri -> uri),
                Set.of(),
                servers.withLimits(DiskServerLimits.DEFAULT.withStop(Duration.ofSeconds(2))),
                ConnectSpec.of("migrate"),
                LIMITS,
                WatchLimits.DEFAULT,
                new RateLimit(0),
                Quiesce.IF_POSSIBLE,
                false,
                true,
                false,
                2,
                AuditLimits.DEFAULT.withEvery(1),
                Duration.ofHours(1));
    }

    /** The same, but so slowly that something can happen meanwhile, and with a lease of this length. */
    static MigrationSpec slowly(MigrationSpec usual, long bytesPerSecond, Duration lease) {
        return new MigrationSpec(
                usual.id(),
                usual.store(),
                usual.vcenter(),
                usual.vmPath(),
                usual.destination(),
                usual.skippedDisks(),
                usual.diskServer(),
                usual.connect(),
                usual.limits(),
                usual.watch(),
                new RateLimit(bytesPerSecond),
                usual.quiesce(),
                usual.full(),
                usual.hash(),
                usual.verify(),
                usual.disksAtOnce(),
                usual.audit(),
                lease);
    }

    /** Begins a backup on a thread of its own, so that something can happen meanwhile. */
    Background inBackground(MigrationSpec spec) {
        return new Background(spec);
    }

    /** A backup that goes on. */
    final class Background implements AutoCloseable {
        private static final Duration LIMIT = Duration.ofSeconds(40);
        private final Migration migration;
        private final CompletableFuture<Migration.Outcome> outcome = new CompletableFuture<>();
        private final Thread thread;

        private Background(MigrationSpec spec) {
            migration = new Migration(spec, List::of, told);
            thread = Thread.ofPlatform().daemon().start(() -> {
                try {
                    outcome.complete(migration.run());
                } catch (RuntimeException | Error e) {
                    outcome.completeExceptionally(e);
                }
            });
        }

        void awaitCopied(long bytes) {
            Waiting.until(
                    "it copies",
                    LIMIT,
                    () -> migration.progress().view().counts().copied() >= bytes || !thread.isAlive());
        }

        /** Its good end; what it failed with otherwise. */
        MigrationReport end() {
            try {
                return ((Migration.Outcome.Done) outcome.get(LIMIT.toMillis(), TimeUnit.MILLISECONDS)).report();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof RuntimeException own) {
                    throw own;
                }
                throw new AssertionError(told.all(), e);
            } catch (TimeoutException e) {
                throw new AssertionError("it does not end: " + told.all(), e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted", e);
            }
        }

        @Override
        public void close() {
            thread.interrupt();
        }
    }

    /** Backs the VM up, from the beginning to a good end. */
    MigrationReport backUp(String job) throws IOException {
        return backUp(spec(job));
    }

    MigrationReport backUp(MigrationSpec spec) {
        return switch (new Migration(spec, List::of, told).run()) {
            case Migration.Outcome.Done done -> done.report();
            case Migration.Outcome.DoneBefore _ ->
                throw new AssertionError("job " + spec.id() + " was finished before");
        };
    }
}
