package io.migratekit.cli;

import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.migration.AuditLimits;
import io.migratekit.agent.migration.HubDestination;
import io.migratekit.agent.migration.Migration;
import io.migratekit.agent.migration.MigrationException;
import io.migratekit.agent.migration.MigrationListener;
import io.migratekit.agent.migration.MigrationPreview;
import io.migratekit.agent.migration.MigrationReport;
import io.migratekit.agent.migration.MigrationSpec;
import io.migratekit.agent.migration.Targets;
import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.agent.watch.Signals;
import io.migratekit.agent.watch.StallReport;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.WaitListener;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.VmSnapshot.Quiesce;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

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
    private static final Pattern DISK_AND_URI = Pattern.compile("([0-9]{1,9})=(.+)");
    /** What reads from VMware best: few large requests. */
    private static final long REQUEST_BYTES = 2 << 20;
    /** After Ctrl-C the snapshot is removed; that takes longer than to close a few connections. */
    private static final Duration GOOD_ORDER = Duration.ofSeconds(60);

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

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
            required = true,
            description = "The VM: its path in the inventory, such as /DC/vm/web01, its UUID or its name.")
    @SuppressWarnings("NullAway.Init")
    private String vmPath;

    @Option(
            names = "--nbd-target",
            paramLabel = "[DISK=]URI",
            description =
                    "The export that a disk is written to, by the disk's key as 'vmware list' shows it; without one,"
                            + " the export of the only disk. Repeatable.")
    private List<String> nbdTargets = new ArrayList<>();

    @Option(
            names = "--nbd-export-name",
            paramLabel = "NAME",
            description = "The same for exports of nbd://127.0.0.1:10808; {disk} in it becomes the disk's key.")
    private @Nullable String exportName;

    @Option(names = "--skip-disk", paramLabel = "DISK", description = "Leave this disk out, by its key. Repeatable.")
    private Set<Integer> skipped = new TreeSet<>();

    @Option(names = "--full", description = "Copy everything, whatever is known of changes.")
    private boolean full;

    @Option(
            names = "--quiesce",
            paramLabel = "yes|no|if-possible",
            defaultValue = "if-possible",
            description =
                    "Bring the guest's file systems to rest for the snapshot (default: ${DEFAULT-VALUE}; that it was"
                            + " not possible is said and recorded).")
    private String quiesce = "if-possible";

    @Option(
            names = "--disks-at-once",
            paramLabel = "N",
            defaultValue = "4",
            description = "Copy so many disks at the same time (default: ${DEFAULT-VALUE}).")
    private int disksAtOnce;

    @Option(
            names = "--lease",
            paramLabel = "TIME",
            defaultValue = "6h",
            converter = Times.class,
            description = "If this agent falls silent, others may remove its snapshot after so long (default:"
                    + " ${DEFAULT-VALUE}); renewed while it runs.")
    private Duration lease = MigrationSpec.DEFAULT_LEASE;

    @Option(
            names = "--audit-every",
            paramLabel = "N",
            defaultValue = "10",
            description =
                    "Before every Nth incremental of a disk, read a sample of what is said to be unchanged again; 0:"
                            + " never (default: ${DEFAULT-VALUE}). A difference makes it a full backup.")
    private int auditEvery;

    @Option(names = "--audit", description = "The same before this one.")
    private boolean audit;

    @Option(
            names = "--seal-incomplete",
            description =
                    "With --hub: if disks cannot be copied, make a restore point of the others all the same; it is"
                            + " listed as incomplete, and the command fails. Without it the same id may go on.")
    private boolean sealIncomplete;

    @Option(names = "--dry-run", description = "Log in, look, say what would be done, and change nothing.")
    private boolean dryRun;

    @Option(names = "--json", description = "Print the final report as JSON.")
    private boolean json;

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
        require(disksAtOnce >= 1 && disksAtOnce <= 50, "--disks-at-once is 1 to 50: a host serves no more");
        require(lease.compareTo(Duration.ofMinutes(1)) >= 0, "--lease is one minute at least");
        require(auditEvery >= 0, "--audit-every is 0 or more");
        CopyLimits limits = engine.limits(REQUEST_BYTES);
        ConnectSpec connect = peer.connectSpec("migrate", console).withListener(WaitListener.NONE);
        requireOneDestination();
        Words words = new Words(console);
        try (Way way = road.open(console, peer.timeout(), engine.retryFor());
                HubClient client = hub.given() ? hub.client(way, peer.timeout(), engine.retryFor(), words) : null) {
            MigrationSpec migration = new MigrationSpec(
                    id,
                    state.store(),
                    vmware.spec(peer.timeout()),
                    vmPath,
                    client == null ? targets(way) : atHub(client, way),
                    skipped,
                    diskServer.spec(),
                    connect,
                    engine.filling(limits, way),
                    engine.watchLimits(peer.extentsTimeout()),
                    engine.rate(),
                    quiesce(),
                    full,
                    engine.hash(),
                    engine.verify(),
                    disksAtOnce,
                    AuditLimits.DEFAULT.withEvery(audit ? 1 : auditEvery),
                    lease);
            return dryRun ? preview(migration, words) : migrate(migration, way, words);
        }
    }

    private HubDestination atHub(HubClient client, @Nullable Way way) {
        return new HubDestination(
                client, new Main.Version().getVersion()[0], sealIncomplete, uri -> Way.lead(way, uri));
    }

    private void requireOneDestination() {
        boolean exports = !nbdTargets.isEmpty() || exportName != null;
        if (!exports) {
            hub.fillFrom(vmware.config().find(), road);
        }
        require(
                !(hub.given() && exports),
                "--hub makes places for the disks by itself: it goes neither with --nbd-target nor with"
                        + " --nbd-export-name");
        require(hub.given() || !sealIncomplete, "--seal-incomplete is for backups to a hub");
        require(
                hub.given() || exports,
                "say where to write to: --hub (or [hub] of the configuration), or an export that exists: --nbd-target"
                        + " or --nbd-export-name");
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

    private Targets targets(@Nullable Way way) {
        Map<Integer, NbdUri> byDisk = new HashMap<>();
        String pattern = "";
        for (String target : nbdTargets) {
            Matcher named = DISK_AND_URI.matcher(target);
            if (named.matches()) {
                NbdUri before = byDisk.put(Integer.valueOf(named.group(1)), NbdUri.parse(named.group(2)));
                require(before == null, "--nbd-target is given twice for disk " + named.group(1));
            } else {
                require(pattern.isEmpty(), "--nbd-target without a disk is given twice; write DISK=URI");
                NbdUri.parse(target.replace("{disk}", "0"));
                pattern = target;
            }
        }
        if (exportName != null) {
            require(pattern.isEmpty(), "--nbd-export-name and --nbd-target without a disk exclude each other");
            pattern = "nbd://127.0.0.1:10808/" + exportName;
        }
        return new Targets(byDisk, pattern, uri -> Way.lead(way, uri));
    }

    private Quiesce quiesce() {
        return switch (quiesce.toLowerCase(Locale.ROOT)) {
            case "yes" -> Quiesce.YES;
            case "no" -> Quiesce.NO;
            case "if-possible" -> Quiesce.IF_POSSIBLE;
            default ->
                throw new ParameterException(
                        spec.commandLine(), "--quiesce is yes, no or if-possible, not '" + quiesce + "'");
        };
    }

    private void require(boolean sound, String rule) {
        if (!sound) {
            throw new ParameterException(spec.commandLine(), rule);
        }
    }

    /** What the backup has to say while it runs. */
    private static final class Words implements MigrationListener, HubClient.Listener {
        private final Console console;
        private volatile @Nullable ProgressDisplay shown;

        Words(Console console) {
            this.console = console;
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
            say(sentence);
        }

        @Override
        public void waiting(String what, Duration atMost) {
            // The progress display tells of what takes long.
            if (console.isVerbose()) {
                say("waiting up to " + Durations.show(atMost) + " for " + what);
            }
        }

        @Override
        public void waited(String what) {
            // What came of it is told.
        }

        @Override
        public void retrying(String why) {
            say(why + "; trying again");
        }

        @Override
        public void warned(String sentence) {
            say("warning: " + sentence);
        }

        @Override
        public void stalled(int disk, StallReport report) {
            if (report.news()) {
                say("disk " + disk + ": " + report);
            }
        }

        @Override
        public int exitCode(RuntimeException failure) {
            return Console.codeOf(failure).code();
        }
    }
}
