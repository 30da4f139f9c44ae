package io.migratekit.vmware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.vmware.sim.Extents;
import io.migratekit.vmware.sim.PageShape;
import io.migratekit.vmware.sim.SimDisk;
import io.migratekit.vmware.sim.SimFault;
import io.migratekit.vmware.sim.SimVm;
import io.migratekit.vmware.sim.SimulatedVCenter;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is change tracking believed when it may be, and only then? And do snapshots end? Each test names its rule. */
class RulesTest {
    private static final int PIECE = 64 * 1024;
    private static final long CAPACITY = 64 * PIECE + 512;

    private static final VCenterLimits LIMITS = new VCenterLimits(
            Duration.ofSeconds(20),
            Duration.ofSeconds(30),
            Duration.ofSeconds(60),
            Duration.ofSeconds(60),
            Duration.ofSeconds(30),
            Duration.ofMinutes(3));

    private final Heard heard = new Heard();
    private SimulatedVCenter sim;
    private SimVm web;
    private SimDisk disk;
    private VCenter vc;
    private VmRef vm;

    @BeforeEach
    void start(@TempDir Path folder) {
        sim = SimulatedVCenter.start(folder);
        web = sim.addVm("web01");
        disk = web.addDisk(CAPACITY);
        vc = VCenter.login(sim.spec(LIMITS), heard);
        vm = vc.find("web01");
    }

    @AfterEach
    void stop() {
        vc.close();
        sim.close();
    }

    private VmSnapshot take() {
        return take(VmSnapshot.Quiesce.NO);
    }

    private VmSnapshot take(VmSnapshot.Quiesce quiesce) {
        return VmSnapshot.take(vc, vm, label("job-1"), quiesce);
    }

    private static VmSnapshot.Label label(String job) {
        return new VmSnapshot.Label(
                job, "host-a:/var/lib/migratekit", Instant.now().plusSeconds(3600));
    }

    private Baseline baseline(VmDisk of) {
        return new Baseline(
                vc.instanceUuid(),
                vc.configuration(vm).instanceUuid(),
                of.key(),
                of.backingUuid(),
                of.capacityBytes(),
                of.parents(),
                of.changeId().orElseThrow());
    }

    private DiskDecision decide(VmDisk of, @Nullable Baseline last) {
        return DiskDecision.of(vc.instanceUuid(), vc.configuration(vm), of, Optional.ofNullable(last));
    }

    private static void assertFull(DiskDecision decision, String... words) {
        String reason = assertInstanceOf(DiskDecision.FullOnly.class, decision).reason();
        for (String word : words) {
            assertTrue(reason.contains(word), reason);
        }
    }

    private static void assertRefused(DiskDecision decision, String word) {
        String reason = assertInstanceOf(DiskDecision.Refused.class, decision).reason();
        assertTrue(reason.contains(word), reason);
    }

    private static void assertEverything(ChangedAreas.Answer answer, String word) {
        String reason =
                assertInstanceOf(ChangedAreas.Answer.Everything.class, answer).reason();
        assertTrue(reason.contains(word), reason);
    }

    private static List<ByteRange> changed(ChangedAreas.Answer answer) {
        return assertInstanceOf(ChangedAreas.Answer.Changed.class, answer).ranges();
    }

    private static void write(Path file, long offset, byte[] bytes) {
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.seek(offset);
            access.write(bytes);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    // ---- A, B: whether to believe

    @Test
    @DisplayName("rules 1, 5: off, unsupported, or a disk without a change id -> full")
    void rules1And5UntrackedMeansFull() {
        assertFull(decide(vc.configuration(vm).disks().getFirst(), null), "off for this VM", "enable-cbt");
        web.hardwareVersion("vmx-06");
        assertFull(decide(vc.configuration(vm).disks().getFirst(), null), "hardware version 6");
        web.hardwareVersion("vmx-19").changeTracking(true);
        disk.untracked();
        assertFull(decide(take().disks().getFirst(), null), "not for this disk");
    }

    @Test
    @DisplayName(
            "rule 2: on a running VM tracking begins with the next snapshot; off: at once; on already: nothing done")
    void rule2EnablingWaitsForAStun() {
        ChangeTracking first = vc.enableChangeTracking(vm);
        assertInstanceOf(ChangeTracking.NowOn.class, first);
        assertTrue(first.words().contains("next short stop"), first.words());
        assertTrue(vc.configuration(vm).disks().getFirst().changeId().isEmpty());
        VmSnapshot snapshot = take();
        assertTrue(snapshot.disks().getFirst().changeId().isPresent());
        snapshot.remove();
        assertInstanceOf(ChangeTracking.WasOn.class, vc.enableChangeTracking(vm));
        assertEquals(1, sim.tasksStarted("ReconfigVM_Task"));

        SimVm off = sim.addVm("off01").poweredOff();
        off.addDisk(1 << 20);
        ChangeTracking second = vc.enableChangeTracking(vc.find("off01"));
        assertTrue(second.words().contains("works at once"), second.words());
        assertTrue(
                vc.configuration(vc.find("off01")).disks().getFirst().changeId().isPresent());
    }

    @Test
    @DisplayName("rule 3: never switched on while there are snapshots, or what is left of them")
    void rule3NoEnablingOnTopOfSnapshots() {
        web.addSnapshot("somebody's", "");
        ChangeTracking left = vc.enableChangeTracking(vm);
        assertInstanceOf(ChangeTracking.LeftOff.class, left);
        assertTrue(left.words().contains("1 snapshot"), left.words());
        SimVm other = sim.addVm("web02").consolidationNeeded(true);
        other.addDisk(1 << 20);
        assertInstanceOf(ChangeTracking.LeftOff.class, vc.enableChangeTracking(vc.find("web02")));
        SimVm template = sim.addVm("template").template(true);
        template.addDisk(1 << 20);
        assertInstanceOf(ChangeTracking.LeftOff.class, vc.enableChangeTracking(vc.find("template")));
        assertEquals(0, sim.tasksStarted("ReconfigVM_Task"));
    }

    @Test
    @DisplayName(
            "rule 4: independent, physical RDM, multi-writer, shared bus -> refused; virtual RDM and all controllers fine")
    void rule4WhatNoSnapshotCovers() {
        web.changeTracking(true);
        web.addDisk(1 << 20).mode("independent_persistent");
        web.addDisk(1 << 20).rdm("physicalMode");
        web.addDisk(1 << 20).sharing("sharingMultiWriter");
        web.addDisk(1 << 20).rdm("virtualMode");
        web.controller(15000, "VirtualAHCIController");
        web.addDisk(1 << 20).at(15000, 0);
        web.poweredOff(); // Tracking works at once: a VM with a shared disk could not be frozen.
        List<VmDisk> disks = vc.configuration(vm).disks();
        assertFull(decide(disks.get(0), null), "no earlier backup");
        assertRefused(decide(disks.get(1), null), "independent");
        assertRefused(decide(disks.get(2), null), "physical mode");
        assertRefused(decide(disks.get(3), null), "multi-writer");
        assertFull(decide(disks.get(4), null), "no earlier backup");
        assertFull(decide(disks.get(5), null), "no earlier backup");
        web.sharedBus("physicalSharing");
        assertRefused(decide(disks.get(0), null), "physicalSharing");
        assertFull(decide(disks.get(5), null), "no earlier backup");
    }

    @Test
    @DisplayName("rules 6, 7, 13, 14: incremental only if it is the same disk in the same life of its tracking")
    void rules6And7And13TheBaselineHasToFit() {
        web.changeTracking(true);
        VmSnapshot first = take();
        Baseline good = baseline(first.disks().getFirst());
        first.remove();
        VmDisk now = take().disks().getFirst();
        assertEquals(
                good.changeId(),
                assertInstanceOf(DiskDecision.Incremental.class, decide(now, good))
                        .since());
        assertFull(
                decide(
                        now,
                        new Baseline(
                                "x", good.vmUuid(), 2000, good.backingUuid(), CAPACITY, List.of(), good.changeId())),
                "another vCenter");
        assertFull(
                decide(
                        now,
                        new Baseline(
                                good.vcenterUuid(),
                                "x",
                                2000,
                                good.backingUuid(),
                                CAPACITY,
                                List.of(),
                                good.changeId())),
                "another VM");
        assertFull(
                decide(
                        now,
                        new Baseline(
                                good.vcenterUuid(),
                                good.vmUuid(),
                                2001,
                                good.backingUuid(),
                                CAPACITY,
                                List.of(),
                                good.changeId())),
                "another disk");
        assertFull(
                decide(
                        now,
                        new Baseline(
                                good.vcenterUuid(), good.vmUuid(), 2000, "x", CAPACITY, List.of(), good.changeId())),
                "another disk");
        assertFull(
                decide(
                        now,
                        new Baseline(
                                good.vcenterUuid(),
                                good.vmUuid(),
                                2000,
                                good.backingUuid(),
                                512,
                                List.of(),
                                good.changeId())),
                "capacity changed");
        VmSnapshot.ours(vc, vm).forEach(VmSnapshot::remove);
        web.resetTracking();
        VmDisk reset = take().disks().getFirst();
        assertFull(decide(reset, good), "began anew");
    }

    @Test
    @DisplayName("rule 8: what is in use is asked for on VMFS; an answer that says all or nothing is not believed")
    void rule8WhatIsInUse() {
        web.changeTracking(true);
        write(disk.file(), 3 * PIECE, new byte[] {1});
        VmSnapshot snapshot = take();
        VmDisk frozen = snapshot.disks().getFirst();
        assertEquals(List.of(new ByteRange(3 * PIECE, PIECE)), changed(ChangedAreas.inUse(vc, vm, snapshot, frozen)));
        disk.answer(Extents.comb(1, CAPACITY, CAPACITY));
        assertEverything(ChangedAreas.inUse(vc, vm, snapshot, frozen), "all of");
        disk.answer(Extents.NONE);
        assertEverything(ChangedAreas.inUse(vc, vm, snapshot, frozen), "nothing of");
        sim.faults().once("QueryChangedDiskAreas", Trouble.fault("FileFault"));
        assertEverything(ChangedAreas.inUse(vc, vm, snapshot, frozen), "FileFault");
    }

    // ---- C: QueryChangedDiskAreas

    @Test
    @DisplayName(
            "rules 9, 10, 15: what was written between two snapshots is in the answer, whatever its pages, end included")
    void rules9And10NothingIsMissed() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        web.changeTracking(true);
        for (PageShape shape : List.of(
                PageShape.DEFAULT,
                PageShape.DEFAULT.pages(1),
                PageShape.DEFAULT.length(3 * PIECE),
                PageShape.DEFAULT.empty())) {
            VmSnapshot before = take();
            ChangeId then = before.disks().getFirst().changeId().orElseThrow();
            byte[] old = Files.readAllBytes(web.frozen(before.moref(), 2000));
            before.remove();
            for (int i = 0; i < 8; i++) {
                byte[] bytes = new byte[1 + random.nextInt(PIECE)];
                random.nextBytes(bytes);
                write(disk.file(), random.nextLong(CAPACITY - bytes.length), bytes);
            }
            write(disk.file(), CAPACITY - 1, new byte[] {(byte) random.nextInt()});
            VmSnapshot after = take();
            byte[] now = Files.readAllBytes(web.frozen(after.moref(), 2000));
            sim.faults().pages(shape);
            List<ByteRange> ranges =
                    changed(ChangedAreas.since(vc, vm, after, after.disks().getFirst(), then));
            for (ByteRange range : ranges) {
                System.arraycopy(now, (int) range.offset(), old, (int) range.offset(), (int) range.length());
                assertTrue(range.end() <= CAPACITY, range.toString());
            }
            org.junit.jupiter.api.Assertions.assertArrayEquals(now, old, shape + " seed " + seed);
            sim.faults().pages(PageShape.DEFAULT);
            after.remove();
        }
    }

    @Test
    @DisplayName("rule 10: never asked at the very end; nothing changed is an answer, too")
    void rule10NothingChanged() {
        web.changeTracking(true);
        VmSnapshot before = take();
        ChangeId then = before.disks().getFirst().changeId().orElseThrow();
        VmSnapshot after = take();
        sim.log().clear();
        assertEquals(
                List.of(),
                changed(ChangedAreas.since(vc, vm, after, after.disks().getFirst(), then)));
        assertEquals(1, sim.log().count("QueryChangedDiskAreas"));
    }

    @Test
    @DisplayName(
            "rules 10, 11: extents in disorder, overlapping, unaligned, or no progress -> full; past the end -> clipped")
    void rules10And11WrongPagesAreNotBelieved() {
        web.changeTracking(true);
        VmSnapshot before = take();
        ChangeId then = before.disks().getFirst().changeId().orElseThrow();
        for (int piece : new int[] {4, 9, 20, 64}) {
            write(disk.file(), (long) piece * PIECE, new byte[] {1, 2, 3});
        }
        VmSnapshot after = take();
        VmDisk frozen = after.disks().getFirst();
        for (PageShape.Flaw flaw : List.of(
                PageShape.Flaw.UNSORTED,
                PageShape.Flaw.OVERLAPPING,
                PageShape.Flaw.UNALIGNED,
                PageShape.Flaw.NO_PROGRESS)) {
            sim.faults().pages(PageShape.DEFAULT.with(flaw));
            assertEverything(ChangedAreas.since(vc, vm, after, frozen, then), "not believed");
        }
        sim.faults().pages(PageShape.DEFAULT.pages(2).with(PageShape.Flaw.OUTSIDE_PAGE));
        assertEverything(ChangedAreas.since(vc, vm, after, frozen, then), "not believed");
        sim.faults().pages(PageShape.DEFAULT.with(PageShape.Flaw.PAST_CAPACITY));
        List<ByteRange> ranges = changed(ChangedAreas.since(vc, vm, after, frozen, then));
        assertEquals(4, ranges.size());
        assertEquals(CAPACITY, ranges.getLast().end());
    }

    @Test
    @DisplayName("rules 10, 11: very many extents, neighbours merged")
    void rule11VeryManyExtents() {
        SimDisk huge = web.addDisk(1L << 40);
        web.changeTracking(true);
        VmSnapshot snapshot = take();
        VmDisk frozen = snapshot.disks().get(1);
        ChangeId then = frozen.changeId().orElseThrow();
        sim.faults().pages(PageShape.DEFAULT.pages(20_000));
        huge.answer(Extents.comb(100_000, 4096, 8192));
        List<ByteRange> apart = changed(ChangedAreas.since(vc, vm, snapshot, frozen, then));
        assertEquals(100_000, apart.size());
        assertEquals(new ByteRange(8192L * 99_999, 4096), apart.getLast());
        huge.answer(Extents.comb(50_000, 4096, 4096));
        assertEquals(
                List.of(new ByteRange(0, 50_000L * 4096)), changed(ChangedAreas.since(vc, vm, snapshot, frozen, then)));
    }

    @Test
    @DisplayName("rule 11: a million ranges take sixteen bytes each")
    void rule11AMillionRanges() {
        CompactRanges ranges = new CompactRanges(2_000_000);
        for (long i = 0; i < 1_000_000; i++) {
            ranges.append(i * 8192, i * 8192 + 4096);
        }
        assertEquals(1_000_000, ranges.size());
        assertEquals(4096L * 1_000_000, ranges.totalBytes());
        assertEquals(0, ranges.filledGap());
    }

    @Test
    @DisplayName("rule 11: too many ranges are held as fewer and larger ones, which miss nothing")
    void rule11FewerAndLargerRanges() {
        CompactRanges ranges = new CompactRanges(100);
        for (int i = 0; i < 1000; i++) {
            ranges.append(i * 131_072L, i * 131_072L + 512);
        }
        assertTrue(ranges.size() <= 100, "" + ranges.size());
        assertTrue(ranges.filledGap() > 0);
        for (int i = 0; i < 1000; i++) {
            long at = i * 131_072L;
            assertTrue(ranges.stream().anyMatch(r -> r.offset() <= at && r.end() >= at + 512), "missed " + at);
        }
        assertThrows(IllegalArgumentException.class, () -> ranges.append(0, 512));
    }

    @Test
    @DisplayName(
            "rule 12: FileFault and InvalidArgument{changeId} -> full; {deviceKey}, NoPermission, NotFound -> failure")
    void rule12FaultsOfTheQuery() {
        web.changeTracking(true);
        VmSnapshot snapshot = take();
        VmDisk frozen = snapshot.disks().getFirst();
        ChangeId then = frozen.changeId().orElseThrow();
        String query = "QueryChangedDiskAreas";
        sim.faults().once(query, Trouble.fault("FileFault"));
        assertEverything(ChangedAreas.since(vc, vm, snapshot, frozen, then), "FileFault");
        sim.faults().once(query, new Trouble.Fails(SimFault.invalidArgument("changeId")));
        assertEverything(ChangedAreas.since(vc, vm, snapshot, frozen, then), "change id");
        assertEverything(ChangedAreas.since(vc, vm, snapshot, frozen, new ChangeId("x/1")), "began anew");
        sim.faults().once(query, new Trouble.Fails(SimFault.invalidArgument("deviceKey")));
        assertThrows(VSphereException.Fault.class, () -> ChangedAreas.since(vc, vm, snapshot, frozen, then));
        sim.faults()
                .once(
                        query,
                        new Trouble.Fails(new SimFault("NoPermission", "denied")
                                .with("privilegeId", "VirtualMachine.Provisioning.DiskRandomRead")));
        var denied =
                assertThrows(VSphereException.Denied.class, () -> ChangedAreas.since(vc, vm, snapshot, frozen, then));
        assertTrue(denied.getMessage().contains("VirtualMachine.Provisioning.DiskRandomRead"), denied.getMessage());
        snapshot.remove();
        assertThrows(VSphereException.NotFound.class, () -> ChangedAreas.since(vc, vm, snapshot, frozen, then));
    }

    // ---- E: snapshots

    @Test
    @DisplayName("rule 16: quiescing that fails is an error, or a snapshot without it, recorded")
    void rule16Quiescing() {
        assertTrue(take(VmSnapshot.Quiesce.YES).quiesced());
        sim.faults().always("CreateSnapshot_Task", Trouble.taskFault("ApplicationQuiesceFault"));
        var e = assertThrows(VSphereException.Fault.class, () -> take(VmSnapshot.Quiesce.YES));
        assertEquals("ApplicationQuiesceFault", e.name());
        sim.faults().clear();
        sim.faults().once("CreateSnapshot_Task", Trouble.taskFault("ApplicationQuiesceFault"));
        VmSnapshot snapshot = take(VmSnapshot.Quiesce.IF_POSSIBLE);
        assertFalse(snapshot.quiesced());
        assertTrue(
                snapshot.note().orElse("").contains("ApplicationQuiesceFault"),
                snapshot.note().toString());
    }

    @Test
    @DisplayName("rule 17: ours are found in the whole tree by name and description, others' never")
    void rule17OursAreKnown() {
        web.addSnapshot("somebody's", "before the upgrade");
        VmSnapshot mine = take();
        web.addSnapshot("migratekit job-9", "a person who likes our name");
        VmSnapshot second = VmSnapshot.take(vc, vm, label("job-2"), VmSnapshot.Quiesce.NO);
        List<VmSnapshot> ours = VmSnapshot.ours(vc, vm);
        assertEquals(
                List.of(mine.moref(), second.moref()),
                ours.stream().map(VmSnapshot::moref).sorted().toList());
        assertEquals(mine.label(), ours.getFirst().label());
        assertEquals(4, SnapshotInfo.all(vc, vm).size());
        Instant later = Instant.parse("2099-01-02T03:04:05Z");
        sim.faults().times(2, "RenameSnapshot", Trouble.fault("TaskInProgress"));
        mine.renew(later);
        assertEquals(later, VmSnapshot.ours(vc, vm).getFirst().label().expires());
        assertEquals("job-1", VmSnapshot.ours(vc, vm).getFirst().label().jobId());
        mine.remove();
        second.remove();
        assertEquals(
                List.of("migratekit job-9", "somebody's"),
                web.snapshots().stream().map(s -> s.name()).sorted().toList());
    }

    @Test
    @DisplayName("rule 18: removal is awaited, waits for others, is done once, and may have been done")
    void rule18RemovalIsAwaited() {
        VmSnapshot snapshot = take();
        sim.faults().once("RemoveSnapshot_Task", Trouble.fault("TaskInProgress"));
        sim.faults().nth(2, "RemoveSnapshot_Task", new Trouble.TaskRuns(Duration.ofMillis(600)));
        snapshot.remove();
        assertEquals(0, web.snapshots().size());
        snapshot.remove();
        assertEquals(1, sim.tasksStarted("RemoveSnapshot_Task"));
    }

    @Test
    @DisplayName("rule 18: disks that need consolidation are consolidated; if that fails, it is said loudly")
    void rule18Consolidation() {
        VmSnapshot first = take();
        sim.faults().once("RemoveSnapshot_Task", new Trouble.LeavesConsolidation());
        first.remove();
        assertEquals(1, sim.tasksStarted("ConsolidateVMDisks_Task"));
        assertFalse(vc.configuration(vm).consolidationNeeded());
        assertTrue(first.note().isEmpty(), first.note().toString());

        VmSnapshot second = take();
        sim.faults().once("RemoveSnapshot_Task", new Trouble.LeavesConsolidation());
        sim.faults().always("ConsolidateVMDisks_Task", Trouble.taskFault("NoDiskSpace"));
        second.remove();
        String note = second.note().orElse("");
        assertTrue(note.contains("WARNING") && note.contains("web01") && note.contains("NoDiskSpace"), note);
        assertTrue(heard.notes.contains(note), heard.notes.toString());
    }

    @Test
    @DisplayName("rule 18: a removal that does not end is given up at its limit, with the task's name")
    void rule18ARemovalThatNeverEnds() {
        VmSnapshot snapshot = take();
        VCenterLimits hasty = new VCenterLimits(
                LIMITS.connect(),
                LIMITS.call(),
                Duration.ofSeconds(2),
                Duration.ofSeconds(2),
                LIMITS.retryFor(),
                LIMITS.keepAlive());
        try (VCenter other = VCenter.login(sim.spec(hasty), heard)) {
            sim.faults().always("RemoveSnapshot_Task", new Trouble.TaskNeverEnds());
            VmSnapshot same = VmSnapshot.ours(other, vm).getFirst();
            long begun = System.nanoTime();
            var e = assertThrows(VSphereException.NoAnswer.class, same::remove);
            assertTrue(System.nanoTime() - begun < 15e9, e.getMessage());
            assertTrue(e.getMessage().contains("did not end within 2.0 s"), e.getMessage());
            assertTrue(e.getMessage().contains("task-"), e.getMessage());
            assertTrue(heard.waits.stream().anyMatch(w -> w.contains("removing the snapshot")), heard.waits.toString());
        }
        assertEquals(snapshot.moref(), web.snapshots().getFirst().moref());
    }

    @Test
    @DisplayName("faults of taking a snapshot: a plain sentence with what to do")
    void faultsOfTaking() {
        sim.faults().once("CreateSnapshot_Task", Trouble.fault("RestrictedVersion"));
        var licence = assertThrows(VSphereException.Unsupported.class, this::take);
        assertTrue(licence.getMessage().contains("licence"), licence.getMessage());
        sim.faults().once("CreateSnapshot_Task", Trouble.taskFault("NoPermission"));
        var denied = assertThrows(VSphereException.Denied.class, this::take);
        assertTrue(denied.getMessage().contains("VirtualMachine.State.CreateSnapshot"), denied.getMessage());
        sim.removeVm(web);
        assertThrows(VSphereException.NotFound.class, this::take);
    }

    @Test
    @DisplayName("rule 21: where a snapshot is not supported, what is special about the VM is said")
    void rule21WhySnapshotsAreNotSupported() {
        sim.faults().always("CreateSnapshot_Task", Trouble.fault("NotSupported"));
        web.faultTolerance("running");
        String said =
                assertThrows(VSphereException.Unsupported.class, this::take).getMessage();
        assertTrue(
                said.contains("cannot do that (simulated NotSupported") && said.contains("Fault tolerance is on"),
                said);
        web.faultTolerance("notConfigured");
        sim.datastoreType("ds1", "VVOL");
        said = assertThrows(VSphereException.Unsupported.class, this::take).getMessage();
        assertTrue(said.contains("virtual volumes (datastore ds1)"), said);
        sim.datastoreType("ds1", "VMFS");
        said = assertThrows(VSphereException.Unsupported.class, this::take).getMessage();
        assertFalse(said.contains("virtual volumes") || said.contains("Fault tolerance"), said);
        web.template(true);
        said = assertThrows(VSphereException.Unsupported.class, this::take).getMessage();
        assertTrue(said.contains("templates have no snapshots"), said);
        sim.faults().clear();
        assertEquals(List.of(), web.snapshots());
        web.template(false).faultTolerance("running");
        take().remove(); // Newer fault tolerance allows it, so it is tried.
    }

    @Test
    @DisplayName("rule 21: a clone's parents are told from what snapshots put below a disk; other parents -> full")
    void rule21TheParentChain() {
        web.changeTracking(true);
        disk.linkedTo("[ds1] golden/golden-000003.vmdk");
        web.addSnapshot("somebody's", "");
        VmSnapshot snapshot = take();
        VmDisk clone = snapshot.disks().getFirst();
        assertEquals(List.of("[ds1] golden/golden-000003.vmdk"), clone.parents());
        assertEquals(clone.parents(), vc.configuration(vm).disks().getFirst().parents());
        Baseline last = baseline(clone);
        assertInstanceOf(DiskDecision.Incremental.class, decide(clone, last));
        disk.linkedTo("[ds1] golden/golden-000004.vmdk");
        VmDisk moved = vc.configuration(vm).disks().getFirst();
        assertFull(decide(moved, last), "stands on other files", "golden-000003", "golden-000004");
        disk.linkedTo("");
        assertFull(decide(vc.configuration(vm).disks().getFirst(), last), "now none");
    }

    @Test
    @DisplayName("rule 23: port 443 of the server and port 902 of the VM's host are named when they are closed")
    void rule23TheClosedPortIsNamed() throws Exception {
        assertEquals(Optional.of("esx01.sim"), vc.host(vm));
        String closed = VddkTrouble.explain(
                        "nbdkit: vddk[1]: error: VixDiskLib_Open: [ds1] web01/web01.vmdk: Failed to connect to host:902",
                        vc.host(vm))
                .orElseThrow();
        assertTrue(closed.contains("port 902 of the ESXi host esx01.sim, on which the VM runs"), closed);
        assertTrue(closed.contains("allow TCP 902 from this machine to each ESXi host"), closed);
        VCenterSpec there = sim.spec(LIMITS);
        VCenterSpec nobody = new VCenterSpec(
                new Endpoint("127.0.0.1", 443), there.username(), there.password(), there.trust(), there.limits());
        long begun = System.nanoTime();
        String refused = assertThrows(
                        VSphereException.Unreachable.class, () -> VCenter.login(nobody, VCenterListener.NOBODY))
                .getMessage();
        assertTrue(refused.contains("127.0.0.1") && refused.contains("port 443"), refused);
        assertTrue(System.nanoTime() - begun < 30e9, refused);
    }

    @Test
    @DisplayName("the configuration holds what a restore needs")
    void theConfigurationIsWhole() {
        web.firmware("efi")
                .nic("VirtualE1000e", "Backbone", "00:50:56:aa:bb:cc")
                .extraConfig("a", "b");
        web.size(4, 4096).guestId("windows9Server64Guest");
        String json = vc.configuration(vm).toJson().toString();
        for (String word : List.of(
                "\"firmware\":\"efi\"",
                "VirtualE1000e",
                "Backbone",
                "00:50:56:aa:bb:cc",
                "windows9Server64Guest",
                "\"numCPU\":4",
                "ParaVirtualSCSIController",
                "[ds1] web01/web01.vmdk",
                "\"summary.type\":\"VMFS\"")) {
            assertTrue(json.contains(word), word + " in " + json);
        }
    }
}
