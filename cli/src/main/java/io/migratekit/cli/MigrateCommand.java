package io.migratekit.cli;

import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.migration.HubDestination;
import io.migratekit.agent.migration.Migration;
import io.migratekit.agent.migration.MigrationException;
import io.migratekit.agent.migration.MigrationListener;
import io.migratekit.agent.migration.MigrationPreview;
import io.migratekit.agent.migration.MigrationReport;
import io.migratekit.agent.migration.MigrationSpec;
import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.agent.watch.Signals;
import io.migratekit.agent.watch.SlowWait;
import io.migratekit.agent.watch.StallReport;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.WaitListener;
import io.migratekit.vmware.VSphereException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How does a VM get from vCenter to a hub, or into exports that exist? */
@Command(
        name = "migrate",
        description = {
            "Back a VM up: freeze it by a snapshot, copy what changed since the last time, thaw it.",
            "",
            "The first backup to a target copies everything, later ones what vCenter says has changed; in any doubt,"
                    + " everything again, with the reason. The same --job-id again goes on where the last run ended; a new"
                    + " id is a new backup. The snapshot is removed however it ends."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class MigrateCommand implements Callable<Integer> {
    /** After Ctrl-C the snapshot is removed; that takes longer than to close a few connections. */
    private static final Duration GOOD_ORDER = Duration.ofSeconds(60);

    private final Console console;

    @Option(
            names = "--job-id",
            paramLabel = "ID",
            required = true,
            description = "Remember the backup under this name; the same name again resumes it.")
    @SuppressWarnings("NullAway.Init")
    private String jobId;

    @Option(
            names = "--vmware-path",
            paramLabel = "VM",
            converter = VmName.class,
            required = true,
            description = "The VM: its path in the inventory, such as /DC/vm/web01, its UUID or its name.")
    @SuppressWarnings("NullAway.Init")
    private String vmPath;

    @Option(names = "--dry-run", description = "Log in, look, say what would be done, and change nothing.")
    private boolean dryRun;

    @Option(names = "--json", description = "Print the final report as JSON.")
    private boolean json;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BackupOptions backup;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private VmwareOptions vmware;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private DiskServerOptions diskServer;

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
    private HubOptions hub;

    MigrateCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        JobId id = new JobId(jobId);
        backup.requireSound();
        CopyLimits limits = engine.limits(BackupOptions.REQUEST_BYTES);
        ConnectSpec connect = peer.connectSpec("migrate", console).withListener(WaitListener.NONE);
        backup.requireOneDestination(hub, vmware, road);
        try (Spans spans = Spans.of("migrate", jobId)) {
            return call(id, limits, connect, new Words(console, spans));
        }
    }

    private int call(JobId id, CopyLimits limits, ConnectSpec connect, Words words) {
        try (Way way = road.open(console, peer.timeout(), engine.retryFor());
                HubClient client = hub.given() ? hub.client(way, peer.timeout(), engine.retryFor(), words) : null) {
            MigrationSpec migration = new MigrationSpec(
                    id,
                    state.store(),
                    vmware.spec(peer.timeout()),
                    vmPath,
                    client == null ? backup.targets(way) : atHub(client, way),
                    backup.skipped(),
                    diskServer.spec(),
                    connect,
                    engine.filling(limits, way),
                    engine.watchLimits(peer.extentsTimeout()),
                    engine.rate(),
                    backup.quiesce(),
                    backup.full(),
                    engine.hash(),
                    engine.verify(),
                    backup.disksAtOnce(),
                    backup.audit(),
                    backup.lease());
            return dryRun ? preview(migration, words) : migrate(migration, way, words);
        }
    }

    private HubDestination atHub(HubClient client, @Nullable Way way) {
        return new HubDestination(
                client, new Main.Version().getVersion()[0], backup.sealIncomplete(), uri -> Way.lead(way, uri));
    }

    private int preview(MigrationSpec migration, Words words) {
        MigrationPreview preview = MigrationPreview.of(migration, words);
        console.out().print(json ? preview.json() + "\n" : MigrationText.preview(preview));
        return ExitCode.DONE.code();
    }

    private int migrate(MigrationSpec migration, @Nullable Way way, Words words) {
        Migration job = new Migration(migration, () -> roads(way), words);
        try (ProgressDisplay display =
                progress.display(console, () -> job.progress().view())) {
            words.shown = display;
            ConsoleLog.to(display::say);
            Signals.onUser1(() -> display.print(job.progress().dump()));
            Main.leaveWithin(GOOD_ORDER);
            display.start();
            return migrate(job, display);
        }
    }

    private int migrate(Migration job, ProgressDisplay display) {
        try {
            return switch (job.run()) {
                case Migration.Outcome.Done done -> {
                    display.close();
                    MigrationReport report = done.report();
                    console.out().print(json ? report.json() + "\n" : MigrationText.report(report));
                    yield ExitCode.DONE.code();
                }
                case Migration.Outcome.DoneBefore before -> {
                    display.say("migrate: job " + jobId + " was finished before; there is nothing left to do");
                    console.out().print(json ? before.report() + "\n" : "");
                    yield ExitCode.DONE.code();
                }
            };
        } catch (MigrationException.Interrupted
                | CopyException.Interrupted
                | VSphereException.Cancelled
                | HubException.Cancelled e) {
            throw new MigrationException.Interrupted("stopped; run the same command again to go on");
        }
    }

    private static List<Road> roads(@Nullable Way way) {
        return way == null ? List.of() : List.of(way.road(Side.TARGET));
    }

    /** What the backup has to say while it runs. */
    private static final class Words implements MigrationListener, HubClient.Listener {
        private final Console console;
        private final Spans spans;
        private volatile @Nullable ProgressDisplay shown;

        Words(Console console, Spans spans) {
            this.console = console;
            this.spans = spans;
        }

        private void say(String sentence) {
            ProgressDisplay display = shown;
            if (display == null) {
                console.say("migrate: " + sentence);
            } else {
                display.say("migrate: " + sentence);
            }
        }

        @Override
        public void told(String sentence) {
            spans.happened(sentence);
            say(sentence);
        }

        @Override
        public void waiting(String what, Duration atMost) {
            spans.waiting(what, atMost);
            // The progress display tells of what takes long.
            if (console.isVerbose()) {
                say("waiting up to " + Durations.show(atMost) + " for " + what);
            }
        }

        @Override
        public void waited(String what) {
            // What came of it is told.
            spans.waited(what);
        }

        @Override
        public void retrying(String why) {
            say(why + "; trying again");
        }

        @Override
        public void warned(String sentence) {
            spans.happened("warning: " + sentence);
            say("warning: " + sentence);
        }

        @Override
        public void stalled(int disk, StallReport report) {
            spans.stalled(disk(disk), report);
            if (report.news()) {
                say("disk " + disk + ": " + report);
            }
        }

        @Override
        public void copying(int disk) {
            spans.copying(disk(disk));
        }

        @Override
        public void copied(int disk) {
            spans.copied(disk(disk));
        }

        @Override
        public void waitedLong(int disk, SlowWait wait) {
            spans.waitedLong(disk(disk), wait);
        }

        private static String disk(int disk) {
            return "disk " + disk;
        }

        @Override
        public int exitCode(RuntimeException failure) {
            int code = Console.codeOf(failure).code();
            spans.failing(code, String.valueOf(failure.getMessage()));
            return code;
        }
    }
}
