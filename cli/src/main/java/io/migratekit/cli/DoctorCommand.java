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
import io.migratekit.tunnel.TunnelLimits;
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
import java.util.Objects;
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
            converter = VmName.class,
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
        ConnectSpec connect = connect();
        if (!backup.exportsGiven()) {
            hub.fillFrom(vmware.config().find(), road);
        }
        JobStore store = state.store();
        Optional<JobId> job = Optional.ofNullable(jobId).map(JobId::new);
        requireSomething(job);
        if (!console.isVerbose()) {
            ConsoleLog.to(_ -> {}); // The report says it all; the tunnel's own log would say it a second time.
        }
        try (RoadExam way = road()) {
            Examiner examiner = new Examiner(connect.deadline());
            examine(examiner, way, connect, store, job);
            DoctorReport report = new DoctorReport(
                    examiner.results(),
                    skipped(way),
                    job.flatMap(store::view).map(view -> WhyCommand.past(view, store)),
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

    /** From the vCenter to the hub's disk. */
    private void examine(Examiner examiner, RoadExam way, ConnectSpec connect, JobStore store, Optional<JobId> job) {
        CopyLimits limits = engine.limits(BackupOptions.REQUEST_BYTES);
        Optional<DiskServerSpec> disks = sourceGiven() ? Optional.of(diskServer.spec()) : Optional.empty();
        long connections = (long) limits.connections() * backup.disksAtOnce();
        examiner.look(Part.MACHINE, "", new MachineExam(store, job, backup.disksAtOnce(), connections, disks)::look);
        String id = job.map(JobId::text).orElse("");
        Optional<VmExam> vm = Optional.ofNullable(vmPath)
                .map(path -> new VmExam(path, backup.skipped(), backup.disksAtOnce(), store, id));
        if (sourceGiven()) {
            examiner.look(Part.SOURCE, "", new SourceExam(vmware.spec(peer.timeout()), diskServer.spec(), vm)::look);
        }
        if (way.wanted()) {
            examiner.look(Part.ROAD, way.name(), way::look);
        }
        Optional<VmExam.Seen> seen = vm.flatMap(VmExam::seen);
        if (backup.exportsGiven()) {
            exports(examiner, seen).forEach((uri, bytes) -> {
                int clients = engine.filling(limits, way.way()).connections();
                examiner.look(Part.EXPORT, uri.toString(), new ExportExam(uri, way, connect, clients, bytes)::look);
            });
        }
        if (hub.given()) {
            HubExam exam = new HubExam(
                    // What the hub is waited for stands in the report.
                    () -> hub.client(way.way(), peer.timeout(), Duration.ZERO, HubClient.Listener.NOBODY),
                    way,
                    peer.timeout(),
                    seen,
                    id);
            examiner.look(Part.HUB, "", exam::look);
        }
    }

    private boolean sourceGiven() {
        return vmware.given() || vmPath != null;
    }

    private RoadExam road() {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        return new RoadExam(
                new Console(nowhere, nowhere),
                peer.timeout(),
                road.ssh(peer.timeout()),
                road.tunnel(),
                road.tunnel().flatMap(this::configured));
    }

    /** What only the service may read, such as a credential, does not matter here. */
    private Optional<TunnelLimits> configured(String tunnel) {
        try {
            return vmware.config()
                    .find()
                    .flatMap(file -> file.tunnel(tunnel))
                    .map(config -> config.spec().limits());
        } catch (CommandFailed e) {
            return Optional.empty();
        }
    }

    private ConnectSpec connect() {
        ConnectSpec given = peer.connectSpec("doctor", console);
        Duration extents =
                peer.extentsTimeout().compareTo(LONGEST_EXTENTS) < 0 ? peer.extentsTimeout() : LONGEST_EXTENTS;
        return given.withLimits(Limits.of(peer.timeout(), extents));
    }

    private void requireSomething(Optional<JobId> job) {
        if (!sourceGiven()
                && road.tunnel().isEmpty()
                && road.ssh(peer.timeout()).isEmpty()
                && !backup.exportsGiven()
                && !hub.given()
                && job.isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "say what is to be looked at, with the options of 'migrate': --vmware-endpoint, --hub or --nbd-target,"
                            + " --ssh or --tunnel");
        }
    }

    private List<String> skipped(RoadExam way) {
        List<String> parts = new ArrayList<>();
        if (!sourceGiven()) {
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

    /** The exports, each with the size of its disk if that is known. Which of them are there the VM's disks tell. */
    private Map<NbdUri, Optional<Long>> exports(Examiner examiner, Optional<VmExam.Seen> seen) {
        Targets targets = backup.targets(null);
        Map<NbdUri, Optional<Long>> exports = new LinkedHashMap<>();
        Duration soon = Duration.ofSeconds(1);
        if (seen.isPresent()) {
            examiner.look(Part.EXPORT, "", exam -> {
                var _ = exam.ask(DoctorCheck.TARGETS, soon, () -> pair(targets, seen.get(), exports));
            });
            return exports;
        }
        boolean eachDisk = targets.pattern().contains("{disk}");
        examiner.look(Part.EXPORT, "", exam -> {
            exam.leaveOut(List.of(DoctorCheck.TARGETS));
            if (eachDisk && vmPath == null) {
                exam.note(
                        DoctorCheck.TARGETS,
                        Answer.warn("which exports there are depends on the VM's disks, and no VM is named")
                                .helpedBy("name it with --vmware-path"),
                        Duration.ZERO);
            }
        });
        targets.byDisk().values().forEach(uri -> exports.put(uri, Optional.empty()));
        if (!targets.pattern().isEmpty() && !eachDisk) {
            exports.put(NbdUri.parse(targets.pattern()), Optional.empty());
        }
        return exports;
    }

    private static Answer pair(Targets targets, VmExam.Seen seen, Map<NbdUri, Optional<Long>> exports) {
        try {
            Map<Integer, NbdUri> byDisk = targets.of(seen.disks());
            for (VmDisk disk : seen.disks()) {
                exports.put(Objects.requireNonNull(byDisk.get(disk.key())), Optional.of(disk.capacityBytes()));
            }
            return Answer.ok(
                    exports.size() + (exports.size() == 1 ? " disk, one export" : " disks, one export for each"));
        } catch (MigrationException.BadTargets e) {
            return Answer.fail(ExitCode.of(e), e.getMessage());
        }
    }
}
