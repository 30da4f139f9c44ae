package io.migratekit.agent.migration;

import io.migratekit.agent.job.JobException;
import io.migratekit.agent.job.JobId;
import io.migratekit.nbd.fixture.ChainTarget;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.sim.SimDisk;
import io.migratekit.vmware.sim.SimFault;
import io.migratekit.vmware.sim.SimSnapshot;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What may become of a VM and its backups in the course of time? Chance decides; after each backup that succeeds,
 * everything that must be so is looked at.
 */
final class History implements AutoCloseable {
    private static final int MOST_SNAPSHOTS = 2;
    private static final Duration ATTEMPT = Duration.ofMinutes(2);

    private final Random random;
    private final MigrationLab lab;
    private final Set<Integer> untracked = new HashSet<>();
    private final Set<Integer> skipped = new HashSet<>();
    /** Of each disk: what its layers hold, as far as a backup was brought to its end there. */
    private final Map<Integer, Map<Integer, Path>> truths = new HashMap<>();

    private final List<String> unfinished = new ArrayList<>();
    final List<String> events = new ArrayList<>();
    final Map<String, Integer> counts = new TreeMap<>();
    private int jobs;
    private final Set<String> withoutHashes = new HashSet<>();
    private boolean tracking = true;
    private boolean disturbed;

    History(Path folder, Random random) throws IOException {
        this.random = random;
        int disks = 1 + random.nextInt(3);
        long[] sizes = random.longs(disks, 1, 12).map(n -> n << 19).toArray();
        sizes[0] += 512L * random.nextInt(200);
        lab = new MigrationLab(folder, sizes);
        if (disks > 1 && random.nextInt(3) == 0) {
            int key = 2000 + disks - 1;
            lab.vm().disk(key).untracked();
            untracked.add(key);
        }
        if (random.nextInt(3) == 0) {
            skipped.add(lab.vm().addDisk(1 << 20).mode("independent_persistent").key());
        }
        lab.targets().keySet().forEach(key -> truths.put(key, new TreeMap<>()));
        lab.guestWrites(random, 1 + random.nextInt(8));
        note("a VM with disks of " + Arrays.toString(sizes) + ", untracked " + untracked + ", left out " + skipped);
    }

    private void note(String event) {
        events.add(event);
    }

    private void count(String what) {
        counts.merge(what, 1, Integer::sum);
    }

    private boolean chance(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }

    /** So many steps, and at the end one backup that nothing disturbs. */
    void run(int steps) throws Exception {
        for (int i = 0; i < steps; i++) {
            live();
            disturbed = random.nextBoolean();
            attempt(nextJob(), disturbed ? disturbance() : null);
        }
        live();
        disturbed = false;
        attempt(newJob(), null);
    }

    private String newJob() {
        String job = "job-" + ++jobs;
        if (chance(12)) {
            withoutHashes.add(job);
        }
        return job;
    }

    /** The one that failed last, usually; or an older one that was given up, or a new one. */
    private String nextJob() throws IOException {
        if (!unfinished.isEmpty() && random.nextInt(10) < 6) {
            return unfinished.getLast();
        }
        if (!unfinished.isEmpty() && chance(3)) {
            return unfinished.get(random.nextInt(unfinished.size()));
        }
        return newJob();
    }

    // ---- what happens between backups

    private void live() throws IOException {
        if (!chance(5)) {
            lab.guestWrites(random, 1 + random.nextInt(4));
        }
        if (chance(2)) {
            switch (random.nextInt(8)) {
                case 0 -> {
                    lab.vm().resetTracking();
                    note("tracking reset");
                }
                case 1 -> resize();
                case 2 -> toggleTracking();
                case 3, 4, 5 -> addOrRemoveSnapshot();
                case 6 -> revert();
                default -> {
                    lab.vcenter().expireSessions();
                    lab.vcenter().cutConnections();
                }
            }
        }
    }

    private void resize() {
        if (!lab.vm().snapshots().isEmpty()) {
            return; // vSphere refuses that.
        }
        List<Integer> keys = List.copyOf(lab.targets().keySet());
        int key = keys.get(random.nextInt(keys.size()));
        SimDisk disk = lab.vm().disk(key);
        long bytes = disk.capacityBytes() + 512L * (1 + random.nextInt(4000));
        disk.resize(bytes);
        target(key).startOver(bytes);
        truths(key).clear();
        note("disk " + key + " resized to " + bytes);
        count("resized");
    }

    private void toggleTracking() {
        if (!lab.vm().snapshots().isEmpty()) {
            return; // Switched on over snapshots it would lie; see the audit's test.
        }
        tracking = !tracking;
        lab.vm().changeTracking(tracking);
        note("tracking " + (tracking ? "on" : "off"));
    }

    private List<SimSnapshot> foreign() {
        return lab.vm().snapshots().stream()
                .filter(snapshot -> snapshot.name().startsWith("before"))
                .toList();
    }

    private void addOrRemoveSnapshot() {
        List<SimSnapshot> foreign = foreign();
        if (foreign.size() < MOST_SNAPSHOTS && random.nextBoolean()) {
            note("somebody took " + lab.vm().addSnapshot("before the update", "not ours"));
            count("foreign snapshots");
        } else if (!foreign.isEmpty()) {
            SimSnapshot one = foreign.get(random.nextInt(foreign.size()));
            lab.vm().removeSnapshot(one);
            note("somebody removed " + one);
        }
    }

    private void revert() {
        List<SimSnapshot> foreign = foreign();
        if (!foreign.isEmpty()) {
            SimSnapshot one = foreign.get(random.nextInt(foreign.size()));
            lab.vm().revert(one);
            note("reverted to " + one);
            count("reverted");
        }
    }

    // ---- what happens during a backup

    /** Something that goes wrong in the middle. */
    private interface Disturbance {
        void happen(Thread backup) throws InterruptedException;
    }

    private @Nullable Disturbance disturbance() {
        int pick = random.nextInt(15);
        int delay = random.nextInt(1200);
        int nth = 1 + random.nextInt(6);
        if (pick < 3) {
            note("  to be interrupted after " + delay + " ms");
            return backup -> {
                Thread.sleep(delay);
                backup.interrupt();
            };
        }
        if (pick < 5) {
            return stoppedTarget(delay);
        }
        Fault fault = FAULTS.get(random.nextInt(FAULTS.size()));
        note("  call " + nth + " of " + fault.method() + " to end with " + fault.trouble());
        if (fault.always()) {
            lab.vcenter().faults().always(fault.method(), fault.trouble());
        } else {
            boolean often = fault.method().equals("RetrievePropertiesEx");
            lab.vcenter().faults().nth(often ? nth : 1 + nth % 2, fault.method(), fault.trouble());
        }
        return null;
    }

    private Disturbance stoppedTarget(int delay) {
        List<Integer> keys = List.copyOf(lab.targets().keySet());
        int key = keys.get(random.nextInt(keys.size()));
        boolean comesBack = random.nextBoolean();
        note("  target " + key + " to be stopped after " + delay + " ms" + (comesBack ? " for a while" : ""));
        return _ -> {
            Thread.sleep(delay);
            target(key).stop();
            if (comesBack) {
                Thread.sleep(500);
                target(key).start();
            }
        };
    }

    private record Fault(String method, Trouble trouble, boolean always) {
        Fault(String method, Trouble trouble) {
            this(method, trouble, false);
        }
    }

    private static final List<Fault> FAULTS = List.of(
            new Fault("QueryChangedDiskAreas", Trouble.fault("FileFault")),
            new Fault("QueryChangedDiskAreas", Trouble.fault("NotAuthenticated")),
            new Fault("QueryChangedDiskAreas", Trouble.fault("HostCommunication")),
            new Fault("QueryChangedDiskAreas", new Trouble.Fails(SimFault.invalidArgument("changeId"))),
            new Fault("QueryChangedDiskAreas", new Trouble.Fails(SimFault.invalidArgument("deviceKey"))),
            new Fault("QueryChangedDiskAreas", Trouble.lostAnswer()),
            new Fault("RetrievePropertiesEx", Trouble.fault("NotAuthenticated")),
            new Fault("RetrievePropertiesEx", new Trouble.SessionLost()),
            new Fault("RetrievePropertiesEx", Trouble.fault("HostCommunication")),
            new Fault("RetrievePropertiesEx", new Trouble.CutBefore()),
            new Fault("CreateSnapshot_Task", Trouble.lostAnswer()),
            new Fault("CreateSnapshot_Task", Trouble.taskFault("FilesystemQuiesceFault")),
            new Fault("CreateSnapshot_Task", Trouble.taskFault("NoDiskSpace"), true),
            new Fault("CreateSnapshot_Task", new Trouble.TaskRuns(Duration.ofMillis(300)), true),
            new Fault("RemoveSnapshot_Task", Trouble.lostAnswer(), true),
            new Fault("RemoveSnapshot_Task", Trouble.fault("NoPermission"), true),
            new Fault("RemoveSnapshot_Task", Trouble.taskFault("NoPermission"), true),
            new Fault("RemoveSnapshot_Task", new Trouble.LeavesConsolidation(), true),
            new Fault("RemoveSnapshot_Task", new Trouble.TaskRuns(Duration.ofMillis(300)), true),
            new Fault("ConsolidateVMDisks_Task", Trouble.taskFault("FileLocked"), true),
            new Fault("RenameSnapshot", Trouble.fault("TaskInProgress")));

    /** One run of a backup, disturbed or not. */
    private void attempt(String job, @Nullable Disturbance disturbance) throws Exception {
        MigrationSpec spec = lab.spec(job).withSkippedDisks(skipped).withHash(!withoutHashes.contains(job));
        if (chance(15)) {
            spec = spec.withFull(true);
        }
        Set<String> others = new HashSet<>();
        foreign().forEach(snapshot -> others.add(snapshot.moref()));
        note(job
                + (unfinished.contains(job) ? " again" : "")
                + (spec.full() ? ", full" : "")
                + (spec.hash() ? "" : ", without hashes"));
        AtomicReference<@Nullable RuntimeException> failure = new AtomicReference<>();
        AtomicReference<MigrationReport> report = new AtomicReference<>();
        int said = lab.told.sentences.size();
        MigrationSpec chosen = spec;
        Thread backup = new Thread(
                () -> {
                    try {
                        report.set(lab.backUp(chosen));
                    } catch (RuntimeException e) {
                        failure.set(e);
                    }
                },
                "backup");
        AtomicBoolean over = new AtomicBoolean();
        Optional<Thread> guest = chance(3) ? Optional.of(guest(over)) : Optional.empty();
        backup.start();
        guest.ifPresent(Thread::start);
        if (disturbance != null) {
            disturbance.happen(backup);
        }
        if (!backup.join(ATTEMPT)) {
            throw new AssertionError(job + " hangs: " + Arrays.toString(backup.getStackTrace()));
        }
        over.set(true);
        if (guest.isPresent() && !guest.get().join(Duration.ofSeconds(20))) {
            throw new AssertionError("the guest hangs");
        }
        lab.told.sentences.subList(said, lab.told.sentences.size()).forEach(line -> note("    " + line));
        lab.vcenter().faults().clear();
        lab.targets().values().stream().filter(target -> !target.isUp()).forEach(target -> {
            target.stop();
            target.start();
        });
        unfinished.remove(job);
        RuntimeException thrown = failure.get();
        if (thrown == null) {
            count("succeeded");
            succeeded(job, Objects.requireNonNull(report.get()));
        } else {
            note("    failed: " + thrown);
            count("failed: " + thrown.getClass().getSimpleName());
            requireExplained(thrown);
            unfinished.add(job);
            if (chance(4)) {
                lab.targets().values().forEach(ChainTarget::newLayer);
            }
        }
        requireForeignUntouched(others);
    }

    private Thread guest(AtomicBoolean over) {
        Random own = new Random(random.nextLong());
        Thread thread = new Thread(
                () -> {
                    try {
                        while (!over.get()) {
                            lab.guestWrites(own, 1);
                            Thread.sleep(own.nextInt(200));
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "guest");
        note("  while the guest writes");
        return thread;
    }

    // ---- what must be so

    private void requireExplained(RuntimeException thrown) {
        boolean ours = thrown instanceof MigrationException
                || thrown instanceof VSphereException
                || thrown instanceof io.migratekit.agent.copy.CopyException
                || thrown instanceof io.migratekit.nbd.NbdException;
        if (!ours || !disturbed) {
            throw new AssertionError("this must not fail, or not so: " + thrown, thrown);
        }
        if (thrown instanceof JobException) {
            throw new AssertionError("the state is damaged", thrown);
        }
    }

    private void succeeded(String job, MigrationReport report) {
        String snapshot = Generation.read(lab.store().folderOf(new JobId(job)))
                .orElseThrow()
                .snapshot();
        List<SimSnapshot> left = new ArrayList<>(lab.vm().snapshots());
        left.removeAll(foreign());
        if (!left.isEmpty()) {
            throw new AssertionError("left at the VM: " + left);
        }
        lab.targets().forEach((key, target) -> {
            truths(key).put(target.layers() - 1, lab.vcenter().truth(snapshot, key));
            truths(key).forEach(target::assertHolds);
        });
        report.warnings().stream()
                .filter(warning -> warning.contains("TRUSTED") || warning.contains("target of"))
                // Of one that was stopped that is true.
                .filter(warning -> !(disturbed && warning.contains("does not answer yet")))
                .findFirst()
                .ifPresent(warning -> {
                    throw new AssertionError("a false alarm: " + warning);
                });
        report.disks().stream()
                .filter(disk -> disk.audit().contains("nothing was missed"))
                .forEach(_ -> count("audited"));
        Milestones milestones = new Milestones(lab.store().folderOfVm(report.vmUuid()));
        for (MigrationReport.Disk disk : report.disks()) {
            requireMilestone(job, disk, milestones);
            count(disk.whole() ? "disks in full" : "disks in increments");
        }
        if (report.generations() > 1) {
            count("went on under a new snapshot");
        }
        lab.targets().values().forEach(ChainTarget::newLayer);
    }

    private void requireMilestone(String job, MigrationReport.Disk disk, Milestones milestones) {
        Optional<Milestone> found =
                milestones.find(disk.key(), target(disk.key()).uri());
        if (untracked.contains(disk.key()) && disk.changeId().isPresent()) {
            throw new AssertionError("an untracked disk has a change id: " + disk);
        }
        boolean fits = disk.changeId().isEmpty()
                ? found.isEmpty()
                : found.isPresent()
                        && found.get()
                                .moment()
                                .changeId()
                                .equals(disk.changeId().get())
                        && found.get().job().equals(job);
        if (!fits) {
            throw new AssertionError("disk " + disk.key() + " was brought to " + disk.changeId() + " by " + job
                    + ", but what is remembered is " + found);
        }
    }

    private void requireForeignUntouched(Set<String> before) {
        Set<String> now = new HashSet<>();
        foreign().forEach(snapshot -> now.add(snapshot.moref()));
        if (!now.equals(before)) {
            throw new AssertionError("others' snapshots were " + before + " and are " + now);
        }
    }

    private ChainTarget target(int key) {
        return Objects.requireNonNull(lab.targets().get(key));
    }

    private Map<Integer, Path> truths(int key) {
        return Objects.requireNonNull(truths.get(key));
    }

    @Override
    public void close() {
        lab.close();
    }
}
