package io.migratekit.agent.migration;

import io.migratekit.agent.CopyJob;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobIdentity;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.JobView;
import io.migratekit.agent.job.RangesFile;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.agent.migration.Generation.Part;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Ranges;
import io.migratekit.vmware.Baseline;
import io.migratekit.vmware.ChangeId;
import io.migratekit.vmware.ChangedAreas;
import io.migratekit.vmware.DiskDecision;
import io.migratekit.vmware.DiskServer;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VmConfiguration;
import io.migratekit.vmware.VmDisk;
import io.migratekit.vmware.VmSnapshot;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * What has to be copied of a disk that a new snapshot has frozen? What changed since its target was right; what an
 * earlier generation of this backup had still to do, and what changed since; or, in any doubt, everything.
 */
final class DiskPlanner {
    private static final String UNDER_A_NEW_ONE = "; under a new snapshot, with what changed since";

    private final MigrationSpec spec;
    private final VCenter vcenter;
    private final VmConfiguration vm;
    private final VmSnapshot snapshot;
    private final Landing landing;
    private final StateFolder folder;
    private final JobStore copies;
    private final Function<VmDisk, DiskServer> served;
    private final MigrationListener listener;

    DiskPlanner(
            MigrationSpec spec,
            VCenter vcenter,
            VmConfiguration vm,
            VmSnapshot snapshot,
            Landing landing,
            StateFolder folder,
            JobStore copies,
            Function<VmDisk, DiskServer> served,
            MigrationListener listener) {
        this.spec = spec;
        this.vcenter = vcenter;
        this.vm = vm;
        this.snapshot = snapshot;
        this.landing = landing;
        this.folder = folder;
        this.copies = copies;
        this.served = served;
        this.listener = listener;
    }

    /** What was found out about a disk: which ranges, and why these. Null ranges: all of it. */
    private record Finding(Optional<Ranges> ranges, String reason, String audit) {
        Finding(Optional<Ranges> ranges, String reason) {
            this(ranges, reason, "");
        }

        static Finding whole(String reason) {
            return new Finding(Optional.empty(), reason);
        }
    }

    /** Decides, and writes down what does not fit into the generation's document. */
    Part plan(Generation next, VmDisk disk, NbdUri target, Optional<Generation> before) {
        Optional<Milestone> milestone = landing.find(disk.key());
        Optional<Part> unfinished =
                before.flatMap(old -> old.part(disk.key())).filter(part -> isStillThere(part, target, disk));
        if (unfinished.isPresent() && unfinished.get().changeId().isPresent()) {
            Finding since = changedSince(
                    disk, baseline(disk, unfinished.get().changeId().get()));
            if (since.ranges().isPresent()) {
                return goOn(
                        next,
                        before.orElseThrow(),
                        unfinished.get(),
                        disk,
                        target,
                        since.ranges().get());
            }
        }
        Finding finding =
                spec.full() ? Finding.whole("as was asked for") : changedSince(disk, milestone.map(Milestone::moment));
        if (finding.ranges().isPresent() && milestone.isPresent()) {
            finding = audited(finding, disk, target, milestone.get());
        }
        finding.ranges().ifPresent(ranges -> writeRanges(next, disk, ranges));
        if (finding.ranges().isEmpty() && disk.isClone()) {
            listener.warned(disk + " is a linked clone: a part of it is in " + String.join(", ", disk.parents())
                    + ", which belongs to another VM. All of it is copied, that part included: the backup needs nothing"
                    + " of the other VM, and a restore takes the full size");
        }
        Part part = part(
                disk, target, finding, landing.state(disk.key()), spec.limits().unitBytes());
        return part.whole() ? wholly(part) : part;
    }

    /** Found empty by the hub, the reason is the hub's; it may be that something is damaged there. */
    private Part wholly(Part part) {
        String why = landing.whyNothing(part.disk())
                .filter(_ -> !spec.full())
                .map(words -> "for " + words)
                .orElse(part.reason());
        return part.in(landing.forAll(part.disk()).identity(), why);
    }

    /** What is said to be unchanged is looked at, too; if it is not so, nothing that was remembered counts any more. */
    private Finding audited(Finding finding, VmDisk disk, NbdUri target, Milestone milestone) {
        Auditor.Verdict verdict = new Auditor(spec, listener)
                .look(
                        disk,
                        landing.provesItself() ? Optional.empty() : Optional.of(target),
                        milestone,
                        finding.ranges().orElseThrow(),
                        served);
        if (verdict.doubt().isEmpty()) {
            return new Finding(finding.ranges(), finding.reason(), verdict.words());
        }
        landing.forget(disk.key());
        return new Finding(Optional.empty(), verdict.doubt().get(), verdict.words());
    }

    /**
     * Whether what an earlier generation has copied is what the target holds: the same disk, and nobody else brought
     * the target to another moment.
     */
    private boolean isStillThere(Part part, NbdUri target, VmDisk disk) {
        return part.target().equals(target.identity())
                && part.parents().equals(disk.parents())
                && part.backingUuid().equals(disk.backingUuid())
                && part.capacityBytes() == disk.capacityBytes()
                && part.isWhereItWasLeft(spec.id(), landing.state(disk.key()));
    }

    private Optional<Baseline> baseline(VmDisk disk, ChangeId moment) {
        return Optional.of(new Baseline(
                vcenter.instanceUuid(),
                vm.instanceUuid(),
                disk.key(),
                disk.backingUuid(),
                disk.capacityBytes(),
                disk.parents(),
                moment));
    }

    private Finding changedSince(VmDisk disk, Optional<Baseline> moment) {
        return switch (DiskDecision.of(vcenter.instanceUuid(), vm, disk, moment)) {
            case DiskDecision.Refused refused ->
                throw new MigrationException.DiskRefused(disk + ": " + refused.reason());
            case DiskDecision.FullOnly full -> Finding.whole(full.reason());
            case DiskDecision.Incremental incremental ->
                switch (ChangedAreas.since(vcenter, vm.vm(), snapshot, disk, incremental.since())) {
                    case ChangedAreas.Answer.Everything all -> Finding.whole(all.reason());
                    case ChangedAreas.Answer.Changed changed ->
                        new Finding(
                                Optional.of(Ranges.of(changed.ranges())), "what changed since " + incremental.since());
                };
        };
    }

    /** The old plan and what changed since; units that the change leaves alone stay done. */
    private Part goOn(Generation next, Generation before, Part old, VmDisk disk, NbdUri target, Ranges changed) {
        Ranges planned = old.whole()
                ? Ranges.whole(disk.capacityBytes())
                : readRanges(folder, before, disk.key()).and(changed);
        if (!old.whole()) {
            writeRanges(next, disk, planned);
        }
        JobId from = before.copyOf(disk.key());
        long unitBytes = copies.view(from)
                .map(JobView::identity)
                .map(JobIdentity::unitBytes)
                .orElse(old.unitBytes());
        JobIdentity identity = CopyJob.identity(
                DiskCopy.sourceName(vm.instanceUuid(), disk.key()),
                target.identity(),
                disk.capacityBytes(),
                planned,
                unitBytes,
                spec.hash());
        long kept = copies.carryOver(
                from,
                next.copyOf(disk.key()),
                identity,
                unit -> !changed.intersects(unit * unitBytes, (unit + 1) * unitBytes));
        return new Part(
                disk.key(),
                disk.label(),
                target.identity(),
                disk.capacityBytes(),
                disk.backingUuid(),
                disk.parents(),
                disk.changeId(),
                old.whole(),
                old.reason().replaceFirst(UNDER_A_NEW_ONE + ".*", "") + UNDER_A_NEW_ONE + " ("
                        + ((kept * unitBytes) >> 20) + " MiB done before and unchanged)",
                old.base(),
                planned.totalBytes(),
                unitBytes,
                old.audit());
    }

    private static Part part(VmDisk disk, NbdUri target, Finding finding, String base, long unitBytes) {
        return new Part(
                disk.key(),
                disk.label(),
                target.identity(),
                disk.capacityBytes(),
                disk.backingUuid(),
                disk.parents(),
                disk.changeId(),
                finding.ranges().isEmpty(),
                finding.reason(),
                base,
                finding.ranges().map(Ranges::totalBytes).orElse(disk.capacityBytes()),
                unitBytes,
                finding.audit());
    }

    private void writeRanges(Generation next, VmDisk disk, Ranges ranges) {
        folder.write(next.rangesOf(disk.key()), out -> RangesFile.write(ranges, out));
    }

    /** The ranges of a disk that is not copied as a whole. */
    static Ranges readRanges(StateFolder folder, Generation generation, int disk) {
        List<ByteRange> list = new ArrayList<>();
        RangesFile.read(
                folder.path().resolve(generation.rangesOf(disk)).toString(), InputStream.nullInputStream(), list::add);
        return Ranges.of(list);
    }
}
