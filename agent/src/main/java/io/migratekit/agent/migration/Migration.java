package io.migratekit.agent.migration;

import io.migratekit.agent.copy.CopyException;
import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.job.JobEvent;
import io.migratekit.agent.job.JobException;
import io.migratekit.agent.job.JobIdentity;
import io.migratekit.agent.job.JobRun;
import io.migratekit.agent.job.JobStart;
import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobView;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.agent.migration.Generation.Part;
import io.migratekit.agent.watch.Reporter;
import io.migratekit.agent.watch.Road;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.ExportInfo;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.files.ProcessLock;
import io.migratekit.vmware.DiskDecision;
import io.migratekit.vmware.DiskServerSpec;
import io.migratekit.vmware.DiskSource;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.VmConfiguration;
import io.migratekit.vmware.VmDisk;
import io.migratekit.vmware.VmRef;
import io.migratekit.vmware.VmSnapshot;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How is a VM backed up? Log in, look, freeze, decide, copy, set milestones, thaw: this page, in this order, and
 * everything that was opened is closed in reverse, however it ends.
 *
 * <p>Every target holds one moment of its disk in the end, and all disks the same moment: that of one snapshot. A run
 * that goes on where another one was killed reads the very snapshot of that one while it lives. Under a new one it
 * copies what was left <em>and</em> what changed since the old one was taken, so that no image is made of two moments.
 */
public final class Migration {
    private static final String MANIFEST = "vm.json";
    /** The backup itself records no progress; its disks do, each in units of its own. */
    private static final long NO_UNITS = 1;

    private static final Duration STOP_PATIENCE = Duration.ofSeconds(45);

    private final MigrationSpec spec;
    private final Supplier<List<Road>> roads;
    private final MigrationListener listener;
    private final List<String> warnings = new CopyOnWriteArrayList<>();
    private final MigrationProgress progress;
    private final Instant begun = Instant.now();
    private @Nullable JobRun record;
    private @Nullable DeadlineAlarm alarm;
    /** Whether the snapshot, if there is one, is in somebody's hands who tells what becomes of it. */
    private boolean kept;

    /** What came of it? */
    public sealed interface Outcome {
        /** Every target holds the moment of one snapshot. */
        record Done(MigrationReport report) implements Outcome {}

        /** An earlier run had finished the very same backup; this is what it reported, as JSON. */
        record DoneBefore(String report) implements Outcome {}
    }

    /**
     * A backup to be run once.
     *
     * @param roads how the targets' tunnels are; must not block
     */
    public Migration(MigrationSpec spec, Supplier<List<Road>> roads, MigrationListener listener) {
        this.spec = spec;
        this.roads = roads;
        this.progress = new MigrationProgress(spec);
        this.listener = new Telling(listener, progress, warnings, () -> Optional.ofNullable(record));
    }

    /** Backs the VM up. Call it on a thread that may be interrupted: that is how one stops it. */
    public Outcome run() {
        Optional<String> before = finishedBefore();
        if (before.isPresent()) {
            return new Outcome.DoneBefore(before.get());
        }
        return switch (open()) {
            case JobStart.AlreadyFinished done ->
                new Outcome.DoneBefore(done.state().report());
            case JobStart.Ready ready -> new Outcome.Done(runOrForget(ready.run()));
        };
    }

    private JobStart open() {
        try {
            return spec.store().open(spec.id(), identity());
        } catch (JobException.Mismatch e) {
            StandingSnapshot.suspect(spec, listener);
            throw e;
        }
    }

    /** A command that is corrected is not another job: one that never froze anything has nothing to remember. */
    private MigrationReport runOrForget(JobRun job) {
        try {
            return run(job);
        } catch (MigrationException.BadTargets
                | MigrationException.RoadDown
                | VSphereException.NotFound
                | HubException e) {
            if (!kept && Generation.read(spec.store().folderOf(spec.id())).isEmpty()) {
                spec.store().remove(spec.id());
            }
            throw e;
        }
    }

    /** A backup that is finished, or being run, must not bother the vCenter. */
    private Optional<String> finishedBefore() {
        Optional<JobView> job = spec.store().view(spec.id());
        if (job.isPresent() && job.get().live()) {
            throw spec.store().locked(spec.id());
        }
        return job.filter(view -> view.identity().equals(identity()))
                .filter(view -> view.state() instanceof JobState.Finished)
                .map(view -> ((JobState.Finished) view.state()).report());
    }

    private JobIdentity identity() {
        return new JobIdentity(
                "vmware://" + spec.vcenter().endpoint() + "/" + spec.vmPath(),
                spec.destination().text(),
                0,
                "",
                NO_UNITS,
                spec.hash(),
                Map.of("kind", "migrate", "disks left out", spec.skippedDisks().toString()));
    }

    private MigrationReport run(JobRun job) {
        record = job;
        try (job;
                DeadlineAlarm limit = new DeadlineAlarm(spec.connect().deadline(), Thread.currentThread());
                Reporter reporter = new Reporter(job, progress::statusJson, progress::dump, spec.rate()::set)) {
            alarm = limit;
            reporter.start();
            try {
                MigrationReport report = migrate(job);
                progress.nothingIsAwaited();
                job.finished(report.json());
                return report;
            } catch (RuntimeException failure) {
                RuntimeException e = byRoad(failure);
                Thread.interrupted(); // It has reached its end here; left on, it would close what is to be written.
                job.answerWhy(progress.lastDump());
                if (isStop(e) && limit.hasRung()) {
                    RuntimeException late = limit.passed();
                    late.addSuppressed(e);
                    job.failed(listener.exitCode(late), String.valueOf(late.getMessage()));
                    throw late;
                }
                if (isStop(e)) {
                    job.interrupted("asked to stop");
                } else {
                    job.failed(listener.exitCode(e), String.valueOf(e.getMessage()));
                }
                throw e;
            }
        }
    }

    /** A hub that is lost, or silent, behind a road that is down is no news of the hub. */
    private RuntimeException byRoad(RuntimeException failure) {
        if (!(failure instanceof HubException.Unreachable || failure instanceof HubException.NoAnswer)) {
            return failure;
        }
        return roads.get().stream()
                .filter(road -> !road.up())
                .findFirst()
                .<RuntimeException>map(road -> new MigrationException.RoadDown(road, (HubException) failure))
                .orElse(failure);
    }

    private static boolean isStop(RuntimeException e) {
        return e instanceof MigrationException.Interrupted
                || e instanceof CopyException.Interrupted
                || e instanceof HubException.Cancelled
                || e instanceof VSphereException.Cancelled;
    }

    private MigrationReport migrate(JobRun job) {
        try (VCenter vcenter = VCenter.login(spec.vcenter(), new VCenterWords(listener))) {
            listener.told("logged in to " + spec.vcenter().endpoint() + " (" + vcenter.product() + ")");
            VmRef vm = vcenter.find(spec.vmPath());
            VmConfiguration configuration = vcenter.configuration(vm);
            spec.store().folderOf(spec.id()).write(MANIFEST, configuration.toJson() + "\n");
            StateFolder ofVm = spec.store().folderOfVm(configuration.instanceUuid());
            try (ProcessLock _ = ofVm.tryLock().orElseThrow(() -> busy(vm))) {
                return migrate(job, vcenter, configuration, ofVm);
            } catch (RuntimeException e) {
                if (!kept && !isStop(e)) {
                    StandingSnapshot.tell(spec, vcenter, vm, listener);
                }
                throw e;
            }
        }
    }

    private static MigrationException busy(VmRef vm) {
        return new MigrationException.VmBusy(
                "another backup of " + vm + " runs here right now; `migratekit status` shows which");
    }

    private MigrationReport migrate(JobRun job, VCenter vcenter, VmConfiguration vm, StateFolder ofVm) {
        Optional<Generation> before = Generation.read(spec.store().folderOf(spec.id()));
        before.ifPresent(generation -> requireSameVm(generation, vcenter, vm));
        List<VmDisk> disks = wanted(vm, before);
        requireReadable(vcenter, vm, disks);
        try (Landing landing = land(vcenter, vm, disks, ofVm);
                SnapshotKeeper keeper = new SnapshotKeeper(spec, vcenter, vm.vm(), Owner.of(spec.store()), listener)) {
            GenerationCopy work = new GenerationCopy(spec, vcenter, vm.vm(), landing, roads, listener, progress);
            Optional<Generation> copied = before.filter(work::isCopied)
                    .filter(generation ->
                            landing.isCommitted() || (landing.isCommittedLast() && work.isInPlace(generation)));
            if (copied.isPresent()) {
                listener.told("all disks were copied by an earlier run, as the VM was at "
                        + copied.get().frozenAt());
                Optional<MigrationException> left = release(keeper, keeper::removeOwn);
                return end(job, vm, copied.get(), landing, work, work.outcomes(copied.get()), left);
            }
            if (landing.isCommitted()) {
                throw new MigrationException.BadTargets(
                        "the hub has a restore point " + spec.id() + " already; choose another job id");
            }
            before.ifPresent(work::settle);
            disks.forEach(disk ->
                    requireRoom(disk, Objects.requireNonNull(landing.targets().get(disk.key()))));
            Generation generation = null;
            Map<Integer, DiskCopy.Outcome> outcomes;
            try {
                kept = true;
                VmSnapshot snapshot = keeper.hold(before.map(Generation::snapshot));
                Map<Integer, VmDisk> frozen = frozen(snapshot, disks);
                generation = before.filter(old -> old.snapshot().equals(snapshot.moref()))
                        .filter(work::isInPlace)
                        .orElseGet(() -> decide(vcenter, vm, snapshot, frozen, landing, work, before));
                outcomes = work.copy(generation, snapshot, frozen);
            } catch (RuntimeException e) {
                releaseAfter(keeper, e);
                if (e instanceof MigrationException.DisksFailed failed && generation != null) {
                    sealWhatIsThere(landing, work, generation, failed);
                }
                throw e;
            }
            return end(job, vm, generation, landing, work, outcomes, release(keeper, keeper::release));
        }
    }

    /** All is copied, and nothing reads the VM's disks any more. */
    private MigrationReport end(
            JobRun job,
            VmConfiguration vm,
            Generation generation,
            Landing landing,
            GenerationCopy work,
            Map<Integer, DiskCopy.Outcome> outcomes,
            Optional<MigrationException> left) {
        job.note(JobEvent.CHECKPOINT, Map.of("generation", generation.number()));
        try {
            landing.commit(work.commit(generation, Map.of()));
        } catch (RuntimeException e) {
            left.ifPresent(e::addSuppressed);
            throw e;
        }
        spec.store().within(spec.id()).forgetProgress();
        left.ifPresent(failure -> {
            throw failure;
        });
        return report(vm, generation, landing.targets(), outcomes);
    }

    /** If that is wanted: a restore point that lacks disks is better than none, as long as it says so. */
    private void sealWhatIsThere(
            Landing landing, GenerationCopy work, Generation generation, MigrationException.DisksFailed failure) {
        if (spec.destination() instanceof HubDestination hub
                && hub.sealIncomplete()
                && failure.failures().size() < generation.parts().size()) {
            try {
                landing.commit(work.commit(generation, failure.failures()));
            } catch (RuntimeException e) {
                failure.addSuppressed(e);
                listener.warned("what is there could not be sealed: " + e.getMessage());
            }
        }
    }

    private Landing land(VCenter vcenter, VmConfiguration vm, List<VmDisk> disks, StateFolder ofVm) {
        return switch (spec.destination()) {
            case Targets exports -> new ExportLanding(exports.of(disks), new Milestones(ofVm), spec.id());
            case HubDestination hub ->
                HubLanding.open(
                        spec,
                        hub,
                        vcenter.instanceUuid(),
                        vm,
                        disks,
                        spec.store().folderOf(spec.id()),
                        listener,
                        progress::statusJson);
        };
    }

    /** Before the VM is frozen in vain, or a place is made for it. */
    private void requireReadable(VCenter vcenter, VmConfiguration vm, List<VmDisk> disks) {
        if (spec.hash()) {
            PieceHash _ = new PieceHash(); // Fails here if its library is missing.
        }
        DiskSource.missing(spec.diskServer()).ifPresent(words -> {
            throw VSphereException.diskServerFailed("no disk can be read here: " + words);
        });
        for (VmDisk disk : disks) {
            requireCopyable(vcenter, vm, disk, spec.diskServer());
        }
    }

    /** All disks but those left out; of a backup that goes on, those that it began with. */
    private List<VmDisk> wanted(VmConfiguration vm, Optional<Generation> before) {
        for (int left : spec.skippedDisks()) {
            if (vm.disks().stream().noneMatch(disk -> disk.key() == left)) {
                listener.warned("disk " + left + ", which is to be left out, is no disk of the VM; it has "
                        + vm.disks().stream().map(VmDisk::key).toList());
            }
        }
        List<VmDisk> disks = new ArrayList<>();
        for (VmDisk disk : vm.disks()) {
            if (spec.skippedDisks().contains(disk.key())) {
                continue;
            }
            if (before.isPresent() && before.get().part(disk.key()).isEmpty()) {
                listener.warned(disk + " was added since this backup began; it is left to the next one");
            } else {
                disks.add(disk);
            }
        }
        for (Part part : before.map(Generation::parts).orElse(List.of())) {
            if (disks.stream().noneMatch(disk -> disk.key() == part.disk())) {
                listener.warned(
                        "disk " + part.disk() + " (" + part.label() + ") is gone from the VM since this backup began");
            }
        }
        if (disks.isEmpty()) {
            throw new MigrationException.BadTargets(vm.vm() + " has no disk to be copied");
        }
        return disks;
    }

    /** It could not be frozen at all because of this disk, or not be read. */
    private static void requireCopyable(VCenter vcenter, VmConfiguration vm, VmDisk disk, DiskServerSpec road) {
        if (DiskDecision.of(vcenter.instanceUuid(), vm, disk, Optional.empty())
                instanceof DiskDecision.Refused refused) {
            throw new MigrationException.DiskRefused(
                    disk + ": " + refused.reason() + ". To leave it out: --skip-disk " + disk.key());
        }
        DiskSource.refusal(vcenter, vm, disk, road).ifPresent(why -> {
            throw new MigrationException.DiskRefused(why);
        });
    }

    /** The same for a target that can never take the disk. One that does not answer is the copy's business, which waits. */
    private void requireRoom(VmDisk disk, NbdUri target) {
        try (NbdConnection connection =
                NbdConnection.open(target, spec.connect().withPurpose("look"))) {
            ExportInfo found = connection.info();
            if (found.readOnly() || found.sizeBytes() < disk.capacityBytes()) {
                throw new MigrationException.BadTargets(target + " cannot take " + disk + ": "
                        + (found.readOnly()
                                ? "it is read-only"
                                : "it has " + found.sizeBytes() + " bytes, and the disk has " + disk.capacityBytes()));
            }
        } catch (NbdException.Cancelled e) {
            throw new MigrationException.Interrupted("stopped");
        } catch (NbdException e) {
            listener.warned("the target of " + disk + " does not answer yet: " + e.getMessage());
        }
    }

    private static void requireSameVm(Generation generation, VCenter vcenter, VmConfiguration vm) {
        if (!generation.vm().equals(vm.instanceUuid()) || !generation.vcenter().equals(vcenter.instanceUuid())) {
            throw new MigrationException.BadTargets("this job began with another VM of that name ("
                    + generation.vm() + " at vCenter " + generation.vcenter() + "); now it is " + vm.instanceUuid()
                    + " at " + vcenter.instanceUuid() + ". Choose another job id");
        }
    }

    private static Map<Integer, VmDisk> frozen(VmSnapshot snapshot, List<VmDisk> disks) {
        Map<Integer, VmDisk> frozen = snapshot.disks().stream().collect(Collectors.toMap(VmDisk::key, disk -> disk));
        for (VmDisk disk : disks) {
            if (!frozen.containsKey(disk.key())) {
                throw new MigrationException.DiskRefused(
                        disk + " is not part of the snapshot: it is independent, or was added just now. Leave it out"
                                + " with --skip-disk " + disk.key() + ", or make it dependent");
            }
        }
        return frozen;
    }

    /** A new snapshot is a new generation: what is to be copied of every disk is decided, and written down. */
    private Generation decide(
            VCenter vcenter,
            VmConfiguration vm,
            VmSnapshot snapshot,
            Map<Integer, VmDisk> frozen,
            Landing landing,
            GenerationCopy work,
            Optional<Generation> before) {
        StateFolder folder = spec.store().folderOf(spec.id());
        int number = before.map(Generation::number).orElse(0) + 1;
        Generation next = new Generation(
                number,
                vcenter.instanceUuid(),
                vm.instanceUuid(),
                snapshot.moref(),
                snapshot.created(),
                snapshot.quiesced(),
                List.of());
        folder.write(next.configurationName(), vm.toJson() + "\n");
        DiskPlanner planner = new DiskPlanner(
                spec,
                vcenter,
                vm,
                snapshot,
                landing,
                folder,
                spec.store().within(spec.id()),
                disk -> work.serve(snapshot.moref(), disk),
                listener);
        List<Part> decided = new ArrayList<>();
        landing.targets().forEach((key, target) -> {
            Part part = planner.plan(next, Objects.requireNonNull(frozen.get(key)), target, before);
            listener.told("disk " + key + " (" + part.label() + ", " + (part.capacityBytes() >> 20) + " MiB): "
                    + (part.whole() ? "everything, " : "incremental, ") + part.reason());
            decided.add(part);
        });
        Generation generation = next.with(decided);
        generation.write(folder);
        return generation;
    }

    /** Who wants us to stop now waits a while for this last step, and then finds everything done. What is left of it? */
    private Optional<MigrationException> release(SnapshotKeeper keeper, Runnable step) {
        silenceAlarm();
        Removal removal = remove(step, spec.vcenter().limits().removal().plus(STOP_PATIENCE));
        if (removal.trouble() != null) {
            return Optional.of(new MigrationException.SnapshotLeft(
                    "everything is copied and durable, but " + keeper.left() + ". The cause: "
                            + removal.trouble().getMessage(),
                    removal.trouble()));
        }
        return removal.ended()
                ? Optional.empty()
                : Optional.of(new MigrationException.Interrupted(
                        "everything is copied and durable, but vCenter is still removing the snapshot"));
    }

    /**
     * The first failure is what is told; the snapshot goes all the same. Whoever wants us to stop waits for a while only:
     * once asked, vCenter goes on removing it without us.
     */
    private void releaseAfter(SnapshotKeeper keeper, RuntimeException failure) {
        boolean late = silenceAlarm();
        if (late) {
            // What follows may take long: a snapshot that is still being taken has to be awaited before it can go.
            listener.told(Objects.requireNonNull(alarm).passed().getMessage()
                    + ". First the snapshot is removed, which has limits of its own");
        }
        boolean interrupted = Thread.interrupted();
        Removal removal = remove(
                keeper::release,
                isStop(failure) && !late
                        ? STOP_PATIENCE
                        : spec.vcenter().limits().removal().plus(STOP_PATIENCE));
        if (removal.trouble() != null) {
            failure.addSuppressed(removal.trouble());
            listener.warned(keeper.left() + ". It could not be removed: "
                    + removal.trouble().getMessage());
        } else if (!removal.ended()) {
            listener.warned("vCenter is still removing the snapshot and goes on without us");
        }
        if (interrupted || removal.interrupted()) {
            Thread.currentThread().interrupt();
        }
    }

    /** Removing the snapshot has a deadline of its own. Whether the one for all has passed. */
    private boolean silenceAlarm() {
        DeadlineAlarm set = Objects.requireNonNull(alarm);
        set.close();
        return set.hasRung();
    }

    private record Removal(
            boolean ended, boolean interrupted, @Nullable RuntimeException trouble) {}

    /** On a thread of its own, which nobody interrupts: half a removal would be none. */
    private static Removal remove(Runnable step, Duration patience) {
        AtomicReference<@Nullable RuntimeException> trouble = new AtomicReference<>();
        Thread release = new Thread(
                () -> {
                    try {
                        step.run();
                    } catch (RuntimeException e) {
                        trouble.set(e);
                    }
                },
                "release");
        release.setDaemon(true);
        release.start();
        Deadline end = Deadline.in(patience);
        boolean interrupted = false;
        boolean ended = false;
        while (!ended && !end.isOver()) {
            try {
                ended = release.join(end.atMost(patience));
            } catch (InterruptedException e) {
                interrupted = true;
                end = Deadline.in(end.atMost(STOP_PATIENCE));
            }
        }
        return new Removal(ended, interrupted, trouble.get());
    }

    private MigrationReport report(
            VmConfiguration vm,
            Generation generation,
            Map<Integer, NbdUri> targets,
            Map<Integer, DiskCopy.Outcome> outcomes) {
        List<MigrationReport.Disk> disks = new ArrayList<>();
        outcomes.forEach((key, outcome) -> {
            Part part = generation.part(key).orElseThrow();
            disks.add(new MigrationReport.Disk(
                    key,
                    part.label(),
                    targets.containsKey(key) ? String.valueOf(targets.get(key)) : part.target(),
                    part.whole(),
                    part.reason(),
                    part.changeId(),
                    part.audit(),
                    outcome.report(),
                    outcome.json()));
        });
        return new MigrationReport(
                vm.vm().path(),
                vm.instanceUuid(),
                generation.quiesced(),
                generation.number(),
                disks,
                warnings,
                Duration.between(begun, Instant.now()));
    }

    /** Whether the same backup could go on where this one ended. */
    public boolean isResumable() {
        return record != null;
    }

    /** How far it is; at any moment, from any thread. */
    public MigrationProgress progress() {
        return progress;
    }
}
