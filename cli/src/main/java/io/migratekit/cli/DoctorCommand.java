package io.migratekit.cli;

import io.migratekit.agent.copy.CopyLimits;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.migration.MigrationException;
import io.migratekit.agent.migration.Targets;
import io.migratekit.cli.DoctorCheck.Part;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Limits;
import io.migratekit.nbd.NbdUri;
import io.migratekit.vmware.DiskServerSpec;
import io.migratekit.vmware.VmDisk;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Will a backup come about, or why did it not? Looks at every hop from vCenter to the hub's disk, and changes nothing. */
@Command(
        name = "doctor",
        description = {
            "Look at every hop from vCenter to the hub's disk, with the job's own numbers, and say what is wrong.",
            "",
            "It takes the options of 'migrate', before a job or after it failed. Parts that they do not name are left out, and"
                    + " so is what makes no sense because another check failed. Nothing is changed: no snapshot is taken, no"
                    + " layer opened, nothing written. The exit code is 0 if nothing fails, else that of the first check that"
                    + " does; a warning does not fail. -v shows what is well, too."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class DoctorCommand implements Callable<Integer> {
    /** Only the beginning of a disk is asked about: nothing legal takes longer. */
    private static final Duration LONGEST_EXTENTS = Duration.ofMinutes(1);

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Option(
            names = "--job-id",
            paramLabel = "ID",
            description = "The job that is planned, or that failed: what its record says is told as well.")
    private @Nullable String jobId;

    @Option(
            names = "--vmware-path",
            paramLabel = "VM",
            description = "The VM: its path in the inventory, such as /DC/vm/web01, its UUID or its name.")
    private @Nullable String vmPath;

    @Option(names = "--json", description = "Print JSON instead of text.")
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
    @SuppressWarnings({"NullAway.Init", "UnusedVariable"}) // Only so that the line of a job can be taken as it is.
    private ProgressOptions progress;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private RoadOptions road;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubOptions hub;

    DoctorCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        long begunNanos = System.nanoTime();
        backup.requireSound();
        CopyLimits limits = engine.limits(BackupOptions.REQUEST_BYTES);
        ConnectSpec connect = connect();
        if (!backup.exportsGiven()) {
            hub.fillFrom(vmware.config().find(), road);
        }
        boolean source = vmware.given() || vmPath != null;
        Optional<JobId> job = Optional.ofNullable(jobId).map(JobId::new);
        JobStore store = state.store();
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        Console quiet = new Console(nowhere, nowhere);
        if (!console.isVerbose()) {
            ConsoleLog.to(_ -> {}); // The report says it all; the tunnel's own log would say it a second time.
        }
        try (RoadExam way =
                new RoadExam(quiet, peer.timeout(), road.ssh(peer.timeout()), road.tunnel(), configuredTunnel())) {
            requireSomething(source, way, job);
            Examiner examiner = new Examiner(connect.deadline());
            Optional<VmExam> vm = Optional.ofNullable(vmPath)
                    .map(path -> new VmExam(
                            path,
                            backup.skipped(),
                            backup.disksAtOnce(),
                            store,
                            job.map(JobId::text).orElse("")));
            Optional<DiskServerSpec> disks = source ? Optional.of(diskServer.spec()) : Optional.empty();
            MachineExam machine = new MachineExam(store, (long) limits.connections() * backup.disksAtOnce(), disks);
            examiner.look(Part.MACHINE, "", machine::look);
            if (source) {
                SourceExam exam = new SourceExam(vmware.spec(peer.timeout()), diskServer.spec(), vm);
                examiner.look(Part.SOURCE, "", exam::look);
            }
            if (way.wanted()) {
                examiner.look(Part.ROAD, way.name(), way::look);
            }
            Optional<VmExam.Seen> seen = vm.flatMap(VmExam::seen);
            exports(examiner, way, connect, limits, seen);
            if (hub.given()) {
                HubExam exam = new HubExam(
                        () -> hub.client(way.way(), peer.timeout(), Duration.ZERO, new Silent()),
                        way,
                        peer.timeout(),
                        seen,
                        job.map(JobId::text).orElse(""));
                examiner.look(Part.HUB, "", exam::look);
            }
            DoctorReport report = new DoctorReport(
                    examiner.results(),
                    skipped(source, way),
                    job.flatMap(id -> store.view(id).map(view -> WhyCommand.past(view, store))),
                    Duration.ofNanos(System.nanoTime() - begunNanos));
            if (json) {
                console.out().println(report.json());
            } else {
                report.print(console.out(), console.isVerbose());
            }
            return report.code().code();
        } finally {
            ConsoleLog.to(console::say);
        }
    }

    private ConnectSpec connect() {
        ConnectSpec given = peer.connectSpec("doctor", console);
        Duration extents =
                peer.extentsTimeout().compareTo(LONGEST_EXTENTS) < 0 ? peer.extentsTimeout() : LONGEST_EXTENTS;
        return given.withLimits(Limits.of(peer.timeout(), extents));
    }

    private Optional<TunnelConfig> configuredTunnel() {
        return road.tunnel().flatMap(name -> vmware.config().find().flatMap(file -> file.tunnel(name)));
    }

    private void requireSomething(boolean source, RoadExam way, Optional<JobId> job) {
        if (!source && !way.wanted() && !backup.exportsGiven() && !hub.given() && job.isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "say what is to be looked at, with the options of 'migrate': --vmware-endpoint, --hub or --nbd-target,"
                            + " --ssh or --tunnel");
        }
    }

    private List<String> skipped(boolean source, RoadExam way) {
        List<String> parts = new ArrayList<>();
        if (!source) {
            parts.add(Part.SOURCE.words());
        } else if (vmPath == null) {
            parts.add("the VM");
        }
        if (!way.wanted()) {
            parts.add("a tunnel");
        }
        if (!backup.exportsGiven() && !hub.given()) {
            parts.add("a hub or an export");
        }
        return parts;
    }

    // ---- exports

    private void exports(
            Examiner examiner, RoadExam way, ConnectSpec connect, CopyLimits limits, Optional<VmExam.Seen> seen) {
        if (!backup.exportsGiven()) {
            return;
        }
        int clients = engine.filling(limits, way.way()).connections();
        Targets targets = backup.targets(null);
        Map<NbdUri, Optional<Long>> exports = new LinkedHashMap<>();
        if (seen.isPresent()) {
            examiner.look(
                    Part.EXPORT,
                    "",
                    exam -> exam.ask(
                            DoctorCheck.TARGETS, Duration.ofSeconds(1), () -> pair(targets, seen.get(), exports)));
        } else {
            targets.byDisk().values().forEach(uri -> exports.put(uri, Optional.empty()));
            if (!targets.pattern().isEmpty() && !targets.pattern().contains("{disk}")) {
                exports.put(NbdUri.parse(targets.pattern()), Optional.empty());
            }
        }
        exports.forEach((uri, bytes) ->
                examiner.look(Part.EXPORT, uri.toString(), new ExportExam(uri, way, connect, clients, bytes)::look));
    }

    private static Answer pair(Targets targets, VmExam.Seen seen, Map<NbdUri, Optional<Long>> exports) {
        try {
            Map<Integer, NbdUri> byDisk = targets.of(seen.disks());
            for (VmDisk disk : seen.disks()) {
                exports.put(
                        java.util.Objects.requireNonNull(byDisk.get(disk.key())), Optional.of(disk.capacityBytes()));
            }
            return Answer.ok(
                    exports.size() + (exports.size() == 1 ? " disk, one export" : " disks, one export for each"));
        } catch (MigrationException.BadTargets e) {
            return Answer.fail(ExitCode.of(e), e.getMessage());
        }
    }

    /** What the hub is waited for stands in the report. */
    private static final class Silent implements HubClient.Listener {
        @Override
        public void waiting(String what, Duration atMost) {}

        @Override
        public void waited(String what) {}

        @Override
        public void retrying(String why) {}
    }
}
