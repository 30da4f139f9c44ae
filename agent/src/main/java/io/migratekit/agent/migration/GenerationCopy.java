package io.migratekit.agent.migration;

import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.JobView;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.agent.migration.Generation.Part;
import io.migratekit.agent.watch.Road;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Ranges;
import io.migratekit.vmware.Baseline;
import io.migratekit.vmware.ChangedAreas;
import io.migratekit.vmware.DiskServer;
import io.migratekit.vmware.DiskSource;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VmDisk;
import io.migratekit.vmware.VmRef;
import io.migratekit.vmware.VmSnapshot;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;

/** How do the disks of one snapshot get to their targets? Several at once, each remembered by its target when it is there. */
final class GenerationCopy {
    private static final String HASHES = "hashes";

    private final MigrationSpec spec;
    private final VCenter vcenter;
    private final VmRef vm;
    private final Landing landing;
    private final Supplier<List<Road>> roads;
    private final MigrationListener listener;
    private final MigrationProgress progress;
    private final StateFolder folder;
    private final JobStore parts;

    GenerationCopy(
            MigrationSpec spec,
            VCenter vcenter,
            VmRef vm,
            Landing landing,
            Supplier<List<Road>> roads,
            MigrationListener listener,
            MigrationProgress progress) {
        this.spec = spec;
        this.vcenter = vcenter;
        this.vm = vm;
        this.landing = landing;
        this.roads = roads;
        this.listener = listener;
        this.progress = progress;
        folder = spec.store().folderOf(spec.id());
        parts = spec.store().within(spec.id());
    }

    /** A run may have been killed after a disk was done and before that was remembered of the VM. */
    void settle(Generation generation) {
        for (Part part : generation.parts()) {
            if (isInPlace(part)
                    && part.isWhereItWasLeft(spec.id(), landing.state(part.disk()))
                    && finished(generation, part).isPresent()) {
                reach(generation, part);
            }
        }
    }

    private boolean isInPlace(Part part) {
        NbdUri target = landing.targets().get(part.disk());
        return target != null && target.identity().equals(part.target());
    }

    /** Whether the disks go to where it was decided; the hub may have made new places. */
    boolean isInPlace(Generation generation) {
        return generation.parts().stream().allMatch(this::isInPlace);
    }

    /** Whether all of it was copied, by this run or an earlier one. */
    boolean isCopied(Generation generation) {
        return generation.parts().stream()
                .allMatch(part -> finished(generation, part).isPresent());
    }

    /** What earlier runs have copied, in their words. */
    Map<Integer, DiskCopy.Outcome> outcomes(Generation generation) {
        Map<Integer, DiskCopy.Outcome> outcomes = new TreeMap<>();
        for (Part part : generation.parts()) {
            outcomes.put(
                    part.disk(),
                    new DiskCopy.Outcome(
                            Optional.empty(), finished(generation, part).orElseThrow()));
        }
        return outcomes;
    }

    /**
     * What is to be recorded where the disks were copied to.
     *
     * @param failures why disks could not be copied, by their keys
     */
    Landing.Commit commit(Generation generation, Map<Integer, String> failures) {
        List<Landing.Disk> disks = new ArrayList<>();
        for (Part part : generation.parts()) {
            if (finished(generation, part).isPresent()) {
                disks.add(new Landing.Copied(
                        part.disk(),
                        part.reason(),
                        landing.isCommitted()
                                ? Optional.empty()
                                : milestone(generation, part, landing.find(part.disk())),
                        spec.hash() ? Optional.of(hashFile(generation, part)) : Optional.empty()));
            } else {
                disks.add(new Landing.Missing(
                        part.disk(), failures.getOrDefault(part.disk(), "it went from the VM while it was backed up")));
            }
        }
        return new Landing.Commit(
                generation.frozenAt(),
                generation.quiesced(),
                folder.read(generation.configurationName()).orElse("{}"),
                disks);
    }

    /** Brings every disk of the generation to its target; returns when the last one has ended, well or not. */
    Map<Integer, DiskCopy.Outcome> copy(Generation generation, VmSnapshot snapshot, Map<Integer, VmDisk> frozen) {
        progress.planned(generation);
        return new DiskCrew<>(
                        List.copyOf(landing.targets().keySet()),
                        key -> copy(generation, snapshot, Objects.requireNonNull(frozen.get(key))))
                .run(spec.disksAtOnce());
    }

    private DiskCopy.Outcome copy(Generation generation, VmSnapshot snapshot, VmDisk disk) {
        NbdUri target = Objects.requireNonNull(landing.targets().get(disk.key()));
        Part part = generation.part(disk.key()).orElseThrow();
        Optional<String> before = finished(generation, part);
        if (before.isPresent()) {
            reach(generation, part);
            listener.told("disk " + disk.key() + ": was copied by an earlier run");
            return new DiskCopy.Outcome(Optional.empty(), before.get());
        }
        if (part.whole()) {
            // From here on the target holds no moment at all, until all of it is copied.
            landing.forget(disk.key());
        }
        try (DiskCopy copy = begin(generation, part, snapshot, disk, target)) {
            progress.begun(copy);
            DiskCopy.Outcome outcome = copy.run();
            reach(generation, part);
            listener.told("disk " + disk.key() + ": all of it is durable at " + target);
            return outcome;
        }
    }

    private Auditor auditor() {
        return new Auditor(spec, listener);
    }

    /** From here on whoever closes the copy ends the disk's server; until then, whatever fails must. */
    private DiskCopy begin(Generation generation, Part part, VmSnapshot snapshot, VmDisk disk, NbdUri target) {
        ServedDisk served = new ServedDisk(
                disk, at -> serve(generation.snapshot(), at), () -> whereItIs(snapshot, disk), listener::warned);
        try {
            return new DiskCopy(
                    spec,
                    generation,
                    disk.key(),
                    served,
                    target,
                    folder,
                    parts,
                    inUse(part, snapshot, disk, served),
                    roads,
                    listener);
        } catch (RuntimeException e) {
            served.close();
            throw e;
        }
    }

    /** Rule 19: nothing keeps others from moving the VM's files meanwhile (Storage vMotion). */
    private static VmDisk whereItIs(VmSnapshot snapshot, VmDisk disk) {
        return snapshot.disksNow().stream()
                .filter(now -> now.key() == disk.key())
                .findFirst()
                .orElse(disk);
    }

    /** Makes a disk readable as a snapshot has frozen it. */
    DiskServer serve(String snapshot, VmDisk disk) {
        return DiskSource.start(vcenter, vm, snapshot, disk, spec.diskServer(), new ServerWords(listener));
    }

    /** Of a disk that is copied as a whole vCenter may know where data is, and much faster than the disk's server. */
    private Optional<Ranges> inUse(Part part, VmSnapshot snapshot, VmDisk disk, ServedDisk served) {
        // Audited and yet copied as a whole: tracking has lied. Of a clone it knows only what was written since.
        if (!part.whole() || part.audited() || disk.isClone()) {
            return Optional.empty();
        }
        return switch (ChangedAreas.inUse(vcenter, vm, snapshot, disk)) {
            case ChangedAreas.Answer.Changed known ->
                Optional.of(Ranges.of(known.ranges()))
                        .filter(inUse -> auditor().isUnusedZero(disk, served.uri(), inUse));
            case ChangedAreas.Answer.Everything unknown -> Optional.empty();
        };
    }

    /** What is said of a disk's server is said of the backup. */
    private record ServerWords(MigrationListener listener) implements DiskServer.Listener {
        @Override
        public void waiting(String what, Duration limit) {
            listener.waiting(what, limit);
        }

        @Override
        public void waited(String what, Duration took) {
            listener.waited(what);
        }

        @Override
        public void note(String sentence) {
            listener.warned(sentence);
        }
    }

    /** What the copy of a disk reported, if it is finished. */
    private Optional<String> finished(Generation generation, Part part) {
        return parts.view(generation.copyOf(part.disk()))
                .map(JobView::state)
                .filter(JobState.Finished.class::isInstance)
                .map(state -> ((JobState.Finished) state).report());
    }

    /** The target holds the moment of the snapshot: from there the next backup of the disk asks what changed. */
    private void reach(Generation generation, Part part) {
        Optional<Milestone> before = landing.find(part.disk());
        Optional<Milestone> now = milestone(generation, part, before);
        if (now.isEmpty()) {
            landing.forget(part.disk());
        } else if (before.isEmpty() || !before.get().moment().equals(now.get().moment())) {
            landing.reached(part.disk(), now.get());
        }
    }

    private Optional<Milestone> milestone(Generation generation, Part part, Optional<Milestone> before) {
        return part.changeId()
                .map(id -> new Milestone(
                        new Baseline(
                                generation.vcenter(),
                                generation.vm(),
                                part.disk(),
                                part.backingUuid(),
                                part.capacityBytes(),
                                part.parents(),
                                id),
                        spec.id().text(),
                        Instant.now(),
                        hashes(generation, part, before.map(Milestone::hashes).orElse(List.of())),
                        part.whole() || part.audited()
                                ? 0
                                : 1 + before.map(Milestone::unaudited).orElse(0)));
    }

    /** What was hashed of the target's content; without a gap, for then nobody knows which of the older ones still hold. */
    private List<Path> hashes(Generation generation, Part part, List<Path> before) {
        if (!spec.hash()) {
            return List.of();
        }
        List<Path> hashes = new ArrayList<>(part.whole() ? List.of() : before);
        hashes.add(hashFile(generation, part));
        return hashes;
    }

    private Path hashFile(Generation generation, Part part) {
        return parts.folderOf(generation.copyOf(part.disk())).path().resolve(HASHES);
    }
}
