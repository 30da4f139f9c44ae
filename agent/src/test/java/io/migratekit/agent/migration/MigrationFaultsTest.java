package io.migratekit.agent.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.ChainTarget;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.sim.PageShape;
import io.migratekit.vmware.sim.SimFault;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What becomes of a backup when vCenter answers with a fault in the middle of it? Each row of the table of faults, and
 * each rule about change tracking, at a VM that is backed up again and again.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MigrationFaultsTest {
    private static final int FIRST = 2000;
    private static final int SECOND = 2001;
    private static final String QUERY = "QueryChangedDiskAreas";
    private static final String CREATE = "CreateSnapshot_Task";
    private static final String REMOVE = "RemoveSnapshot_Task";
    private static final String READ = "RetrievePropertiesEx";

    private MigrationLab lab;
    private Random random;
    private int jobs;

    @BeforeAll
    void start(@TempDir Path folder) throws IOException {
        long seed = Long.getLong("migratekit.seed", System.nanoTime());
        System.out.println("MigrationFaultsTest: seed " + seed + " (repeat with -Dmigratekit.seed=" + seed + ")");
        random = new Random(seed);
        lab = new MigrationLab(folder, 2 * MigrationLab.MIB, MigrationLab.MIB + 512);
        lab.vm().addSnapshot("before the update", "not ours");
        lab.guestWrites(random, 4);
        lab.backUp(newJob());
    }

    @AfterEach
    void nothingIsLeft() {
        lab.vcenter().faults().clear();
        lab.told.warnings.clear();
        assertNothingLeft();
    }

    @AfterAll
    void stop() {
        lab.close();
    }

    private String newJob() {
        return "job-" + ++jobs;
    }

    /** V8: our snapshot is gone, others' are not, and nobody serves a disk of it any more. */
    private void assertNothingLeft() {
        assertEquals(
                List.of("before the update"),
                lab.vm().snapshots().stream().map(snapshot -> snapshot.name()).toList());
        assertEquals(
                List.of(),
                ProcessHandle.current()
                        .descendants()
                        .filter(process -> process.info().command().orElse("").contains("nbdkit"))
                        .toList());
    }

    private MigrationReport backUp() throws IOException {
        return backUp(newJob());
    }

    private MigrationReport backUp(String job) throws IOException {
        lab.guestWrites(random, 1);
        MigrationReport report = lab.backUp(job);
        lab.assertTargetsHoldTheLastMoment();
        assertNothingLeft();
        return report;
    }

    private static String reasons(MigrationReport report) {
        return report.disks().stream()
                .map(disk -> disk.key() + (disk.whole() ? " full " : " incremental ") + disk.reason())
                .reduce("", (a, b) -> a + "\n" + b);
    }

    // ---- faults after which the backup succeeds

    /** @param times 0: always */
    record Fault(String rule, String method, int times, Trouble trouble, String word) {
        @Override
        public String toString() {
            return rule + ": " + method + " " + (times == 0 ? "always " : "") + trouble;
        }
    }

    private static Fault once(String rule, String method, Trouble trouble, String word) {
        return new Fault(rule, method, 1, trouble, word);
    }

    private static Fault always(String rule, String method, Trouble trouble, String word) {
        return new Fault(rule, method, 0, trouble, word);
    }

    static List<Fault> harmless() {
        List<Fault> all = new ArrayList<>(List.of(
                once("rule12FileFaultMeansFull", QUERY, Trouble.fault("FileFault"), "FileFault"),
                always("rule12FileFaultMeansFull", QUERY, Trouble.fault("FileFault"), "FileFault"),
                once(
                        "rule12InvalidChangeIdMeansFull",
                        QUERY,
                        new Trouble.Fails(SimFault.invalidArgument("changeId")),
                        "does not know the change id"),
                always("rule12NoSuchMethodMeansFull", QUERY, Trouble.fault("MethodNotFound"), "MethodNotFound"),
                once("V5 lost answer of a question", QUERY, Trouble.lostAnswer(), "incremental"),
                once("V4 NotAuthenticated", QUERY, Trouble.fault("NotAuthenticated"), "incremental"),
                once("V4 NotAuthenticated", REMOVE, new Trouble.SessionLost(), "incremental"),
                once("V4 NotAuthenticated", CREATE, Trouble.fault("NotAuthenticated"), "incremental"),
                once("V5 lost answer", CREATE, Trouble.lostAnswer(), "incremental"),
                once("V5 lost answer", REMOVE, Trouble.lostAnswer(), "incremental"),
                once("V3 newer connection", READ, new Trouble.CutBefore(), "incremental"),
                always("V2 tasks that take their time", CREATE, new Trouble.TaskRuns(Duration.ofMillis(200)), "incr"),
                always("V2 tasks that queue", REMOVE, new Trouble.TaskQueued(Duration.ofMillis(200)), "incremental"),
                once("rule18 locked file", REMOVE, Trouble.taskFault("GenericVmConfigFault"), "incremental"),
                once("rule18 consolidation", REMOVE, new Trouble.LeavesConsolidation(), "incremental"),
                once(
                        "UnsupportedVimApiVersion",
                        "RetrieveServiceContent",
                        Trouble.fault("UnsupportedVimApiVersion"),
                        "i")));
        for (String fault : List.of("HostCommunication", "SystemError", "RuntimeFault")) {
            all.add(once("back-off", QUERY, Trouble.fault(fault), "incremental"));
        }
        for (String fault : List.of("TaskInProgress", "SnapshotLocked", "FileLocked")) {
            all.add(once("wait for others", CREATE, Trouble.taskFault(fault), "incremental"));
            all.add(once("wait for others", REMOVE, Trouble.fault(fault), "incremental"));
        }
        return all;
    }

    private void strike(Fault fault) {
        if (fault.times() == 0) {
            lab.vcenter().faults().always(fault.method(), fault.trouble());
        } else {
            lab.vcenter().faults().times(fault.times(), fault.method(), fault.trouble());
        }
    }

    @ParameterizedTest
    @MethodSource("harmless")
    void isGotOver(Fault fault) throws IOException {
        strike(fault);
        String reasons = reasons(backUp());
        assertTrue(reasons.contains(fault.word()), reasons);
    }

    @ParameterizedTest
    @MethodSource("restless")
    void rule16WithoutRestIsBetterThanNothing(String fault) throws IOException {
        lab.vcenter().faults().once(CREATE, Trouble.taskFault(fault));
        MigrationReport report = backUp();
        assertFalse(report.quiesced());
        assertTrue(report.warnings().toString().contains(fault), report::json);
    }

    static List<String> restless() {
        return List.of("ApplicationQuiesceFault", "FilesystemQuiesceFault", "SnapshotFault", "ToolsUnavailable");
    }

    @Test
    void rule18WhatCannotBeConsolidatedIsSaidLoudly() throws IOException {
        lab.vcenter().faults().once(REMOVE, new Trouble.LeavesConsolidation());
        lab.vcenter().faults().always("ConsolidateVMDisks_Task", Trouble.taskFault("NoDiskSpace"));
        MigrationReport report = backUp();
        assertTrue(report.warnings().toString().contains("need consolidation"), report::json);
        lab.vm().consolidationNeeded(false);
    }

    // ---- faults that end it

    static List<Fault> fatal() {
        List<Fault> all = new ArrayList<>(List.of(
                once(
                        "rule12 our mistake",
                        QUERY,
                        new Trouble.Fails(SimFault.invalidArgument("deviceKey")),
                        "InvalidArgument"),
                once("gone", QUERY, Trouble.fault("ManagedObjectNotFound"), "not any more"),
                once("gone", CREATE, Trouble.fault("ManagedObjectNotFound"), "not any more"),
                once("rule22", QUERY, Trouble.fault("NoPermission"), "lacks the privilege"),
                once("rule22", CREATE, Trouble.taskFault("NoPermission"), "VirtualMachine.State.CreateSnapshot"),
                once("login", "Login", Trouble.fault("InvalidLogin"), "refuses the login"),
                always("back-off ends", QUERY, Trouble.fault("HostCommunication"), "HostCommunication"),
                once("licence", CREATE, Trouble.fault("RestrictedVersion"), "licence"),
                once("cannot", CREATE, Trouble.fault("NotSupported"), "cannot do that"),
                once(
                        "V3 unknown faults have names",
                        CREATE,
                        Trouble.taskFault("FaultOfTheFuture"),
                        "FaultOfTheFuture")));
        for (String fault : List.of(
                "InvalidState",
                "InvalidPowerState",
                "TooManySnapshotLevels",
                "MultipleSnapshotsNotSupported",
                "MemorySnapshotOnIndependentDisk",
                "NoDiskSpace",
                "InsufficientResourcesFault",
                "VmConfigFault",
                "InvalidName")) {
            all.add(once("stop", CREATE, Trouble.taskFault(fault), fault));
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("fatal")
    void isTheEndAndNothingIsLeft(Fault fault) throws IOException {
        strike(fault);
        String job = newJob();
        lab.guestWrites(random, 1);
        VSphereException e = assertThrows(VSphereException.class, () -> lab.backUp(job));
        assertTrue(e.getMessage().contains(fault.word()), e.getMessage());
        assertNothingLeft();
    }

    @Test
    void aFullBackupWhoseMapIsRefusedLeavesNoServerBehind() throws IOException {
        lab.vcenter().faults().always(QUERY, Trouble.fault("SystemError"));
        MigrationSpec full = lab.spec(newJob()).withFull(true);
        RuntimeException e = assertThrows(RuntimeException.class, () -> lab.backUp(full));
        assertTrue(String.valueOf(e.getMessage()).contains("SystemError"), e.toString());
        assertNothingLeft();
        lab.vcenter().faults().clear();
        backUp(full.id().text());
    }

    @Test
    void rule18ASnapshotThatStaysIsSaidAndTheSameCommandRemovesIt() throws IOException {
        lab.vcenter().faults().always(REMOVE, Trouble.fault("NoPermission"));
        String job = newJob();
        var e = assertThrows(MigrationException.SnapshotLeft.class, () -> lab.backUp(job));
        assertTrue(e.getMessage().contains("everything is copied and durable"), e.getMessage());
        assertEquals(2, lab.vm().snapshots().size());
        lab.vcenter().faults().clear();
        lab.backUp(job);
        lab.assertTargetsHoldTheLastMoment();
        assertNothingLeft();
    }

    // ---- rules

    @Test
    void v6TheChangeIdIsStoredWhenTheTargetIsDurableAndNotBefore() throws IOException {
        backUp();
        Milestones milestones = new Milestones(lab.store().folderOfVm(backUp().vmUuid()));
        Optional<Milestone> before = milestones.find(FIRST, target(FIRST).uri());
        lab.guestWrites(random, 2);
        String job = newJob();
        MigrationSpec spec = lab.spec(job);
        target(FIRST).stop();
        assertThrows(RuntimeException.class, () -> lab.backUp(spec));
        target(FIRST).start();
        assertEquals(before, milestones.find(FIRST, target(FIRST).uri()));
        assertNothingLeft();
        MigrationReport resumed = backUp(job);
        assertFalse(resumed.disks().getFirst().whole(), resumed::json);
        assertEquals(
                resumed.disks().getFirst().changeId(),
                milestones
                        .find(FIRST, target(FIRST).uri())
                        .map(milestone -> milestone.moment().changeId()));
    }

    @Test
    void v9ThePasswordIsInNoFileOfTheState() throws IOException {
        byte[] password = lab.vcenter().settings().password().getBytes(StandardCharsets.UTF_8);
        try (Stream<Path> files = Files.walk(lab.folder().resolve("state"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
                assertFalse(text.contains(new String(password, StandardCharsets.ISO_8859_1)), file.toString());
            }
        }
    }

    @Test
    void rule7ANewLifeOfTheTrackingMeansFull() throws IOException {
        lab.vm().resetTracking();
        String reasons = reasons(backUp());
        assertTrue(reasons.contains("full change tracking began anew"), reasons);
        lab.vm().revert(lab.vm().snapshots().getFirst());
        reasons = reasons(backUp());
        assertTrue(reasons.contains("full change tracking began anew"), reasons);
        reasons = reasons(backUp());
        assertTrue(reasons.contains(FIRST + " incremental"), reasons);
    }

    @Test
    void rule5ADiskWithoutAChangeIdIsCopiedInFullTheOtherOneNot() throws IOException {
        lab.vm().disk(SECOND).untracked();
        String reasons = reasons(backUp());
        assertTrue(reasons.contains(SECOND + " full change tracking is on, but not for this disk"), reasons);
        assertTrue(reasons.contains(FIRST + " incremental"), reasons);
        lab.vm().resetTracking();
        backUp();
    }

    @Test
    void rule9FalsePositivesDoNoHarm() throws IOException {
        lab.vm().disk(FIRST).falsePositives(100 * 1024 / 512 * 512);
        backUp();
        backUp();
        lab.vm().disk(FIRST).falsePositives(0);
    }

    static List<PageShape> shapes() {
        List<PageShape> shapes = new ArrayList<>(
                List.of(PageShape.DEFAULT.pages(1), PageShape.DEFAULT.length(65536 * 3), PageShape.DEFAULT.empty()));
        for (PageShape.Flaw flaw : PageShape.Flaw.values()) {
            shapes.add(PageShape.DEFAULT.pages(2).with(flaw));
        }
        return shapes;
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void rules10And11WhateverThePagesTheTargetIsRight(PageShape shape) throws IOException {
        lab.guestWrites(random, 3);
        lab.vcenter().faults().pages(shape);
        backUp();
    }

    @Test
    void rule17WhatADeadJobLeftIsRemovedByTheNextOne() throws IOException {
        lab.vcenter().faults().always(REMOVE, Trouble.fault("NoPermission"));
        assertThrows(MigrationException.SnapshotLeft.class, () -> lab.backUp(newJob()));
        lab.vcenter().faults().clear();
        backUp(); // Another job, which looks that nothing is left.
    }

    @Test
    void rule19TheOldSnapshotIsGoneBeforeTheNextOneIsTaken() throws IOException {
        lab.vcenter().log().clear();
        backUp();
        backUp();
        List<String> order = lab.vcenter().log().methods().stream()
                .filter(method -> method.equals(CREATE) || method.equals(REMOVE))
                .toList();
        assertEquals(List.of(CREATE, REMOVE, CREATE, REMOVE), order);
    }

    @Test
    void rule20AnEncryptedVmIsBackedUpThroughVddk() throws IOException {
        lab.vm().encrypted("key-1");
        String reasons = reasons(backUp());
        assertTrue(reasons.contains(FIRST + " incremental"), reasons);
        lab.vm().encrypted("");
    }

    /** A snapshot of such a VM fails for a reason that nobody understands, or leaves the disk out. */
    @Test
    void rule4ADiskThatNoSnapshotCoversIsNamedBeforeTheVmIsFrozen() {
        lab.vm().disk(2001).sharing("sharingMultiWriter");
        lab.vcenter().log().clear();
        try {
            MigrationException.DiskRefused e =
                    assertThrows(MigrationException.DiskRefused.class, () -> lab.backUp(newJob()));
            assertTrue(
                    e.getMessage().contains("multi-writer") && e.getMessage().contains("--skip-disk 2001"),
                    e::getMessage);
            assertEquals(0, lab.vcenter().log().count(CREATE));
        } finally {
            lab.vm().disk(2001).sharing("sharingNone");
        }
    }

    @Test
    void rule21ATemplateIsRefused() {
        lab.vm().template(true);
        RuntimeException e = assertThrows(RuntimeException.class, () -> lab.backUp(newJob()));
        assertTrue(
                e instanceof VSphereException.Unsupported || e instanceof MigrationException.DiskRefused, e.toString());
        lab.vm().template(false);
    }

    private ChainTarget target(int key) {
        return java.util.Objects.requireNonNull(lab.targets().get(key));
    }
}
