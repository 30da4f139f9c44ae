package io.migratekit.vmware.sim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.BitSet;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does the simulator track what was written, and misbehave as it was told? Seen in plain text. */
class SimulatorTest {
    private static final int PIECE = 64 * 1024;
    private static final Pattern AREA = Pattern.compile("<start>(\\d+)</start><length>(\\d+)</length>");
    private static final String VM = "VirtualMachine";

    @TempDir
    Path folder;

    private SimulatedVCenter sim;
    private RawClient client;
    private SimVm vm;
    private SimDisk disk;

    @BeforeEach
    void start() throws Exception {
        sim = SimulatedVCenter.start(folder);
        vm = sim.addVm("web01").changeTracking(true);
        disk = vm.addDisk(64 * PIECE + 512);
        client = new RawClient(sim).login(sim);
    }

    @AfterEach
    void stop() {
        client.close();
        long begin = System.nanoTime();
        sim.close();
        assertTrue(System.nanoTime() - begin < 10e9, "closes quickly");
    }

    private String changeId(SimSnapshot snapshot) throws Exception {
        String devices = client.properties("VirtualMachineSnapshot", snapshot.moref(), "config.hardware.device");
        return RawClient.value(devices, "changeId");
    }

    private static void write(Path file, long offset, byte[] bytes) throws IOException {
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.seek(offset);
            access.write(bytes);
        }
    }

    private BitSet pieces(String answer) {
        BitSet found = new BitSet();
        Matcher matcher = AREA.matcher(answer);
        while (matcher.find()) {
            long start = Long.parseLong(matcher.group(1));
            long end = start + Long.parseLong(matcher.group(2));
            found.set((int) (start / PIECE), (int) ((end + PIECE - 1) / PIECE));
        }
        return found;
    }

    private BitSet differences(Path a, Path b) throws IOException {
        byte[] one = Files.readAllBytes(a);
        byte[] other = Files.readAllBytes(b);
        BitSet found = new BitSet();
        for (int i = 0; i < one.length; i++) {
            if (one[i] != other[i]) {
                found.set(i / PIECE);
            }
        }
        return found;
    }

    @Test
    void whatChangedIsWhatWasWrittenBetweenTheSnapshots() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        SimSnapshot before = vm.addSnapshot("before", "");
        for (int round = 0; round < 5; round++) {
            for (int i = 0; i < 6; i++) {
                byte[] bytes = new byte[1 + random.nextInt(2 * PIECE)];
                random.nextBytes(bytes);
                write(disk.file(), random.nextLong(disk.capacityBytes() - bytes.length), bytes);
            }
            SimSnapshot after = vm.addSnapshot("after " + round, "");
            assertEquals(
                    differences(vm.frozen(before.moref(), 2000), vm.frozen(after.moref(), 2000)),
                    pieces(client.changed(vm, after.moref(), 2000, 0, changeId(before))));
            before = after;
        }
        assertEquals(-1, Files.mismatch(disk.file(), vm.frozen(before.moref(), 2000)));
    }

    @Test
    void lostExtentsAreLostOnlyOnDemand() throws Exception {
        SimSnapshot before = vm.addSnapshot("before", "");
        write(disk.file(), 0, new byte[50 * PIECE]);
        disk.dropChanges(0.5);
        SimSnapshot after = vm.addSnapshot("after", "");
        int reported = pieces(client.changed(vm, after.moref(), 2000, 0, changeId(before)))
                .cardinality();
        assertTrue(reported > 5 && reported < 45, "about half of 50 are reported: " + reported);
        vm.resetTracking();
        assertTrue(client.changed(vm, after.moref(), 2000, 0, "*").contains("<length>"));
        assertTrue(client.changed(vm, vm.addSnapshot("new life", "").moref(), 2000, 0, changeId(before))
                .contains("xsi:type=\"FileFault\""));
    }

    @Test
    void pagesHaveTheShapeThatWasAskedFor() throws Exception {
        SimSnapshot before = vm.addSnapshot("before", "");
        for (int piece = 3; piece < 60; piece += 5) {
            write(disk.file(), (long) piece * PIECE, new byte[] {1});
        }
        SimSnapshot after = vm.addSnapshot("after", "");
        BitSet truth = differences(vm.frozen("before", 2000), vm.frozen("after", 2000));
        for (PageShape.Flaw flaw : PageShape.Flaw.values()) {
            sim.faults()
                    .pages(PageShape.DEFAULT
                            .pages(5)
                            .length(20L * PIECE)
                            .empty()
                            .with(flaw));
            BitSet found = new BitSet();
            long offset = 0;
            int pages = 0;
            while (offset < disk.capacityBytes() && pages++ < 20) {
                String page = client.changed(vm, after.moref(), 2000, offset, changeId(before));
                found.or(pieces(page));
                offset += Long.parseLong(RawClient.value(page, "length"));
            }
            // One page for the 3 pieces before the first change, then 4 for the other 62, of 20 at most.
            assertEquals(flaw == PageShape.Flaw.NO_PROGRESS ? 21 : 5, pages, flaw.toString());
            found.and(truth);
            assertEquals(flaw != PageShape.Flaw.NO_PROGRESS, found.equals(truth), flaw + ": nothing is lost");
        }
    }

    @Test
    void trackingThatBeganWithASnapshotLosesChanges() throws Exception {
        vm.changeTracking(false);
        vm.addSnapshot("too early", "");
        vm.changeTracking(true);
        SimSnapshot before = vm.addSnapshot("before", "");
        byte[] ones = new byte[50 * PIECE];
        java.util.Arrays.fill(ones, (byte) 1);
        write(disk.file(), 0, ones);
        SimSnapshot after = vm.addSnapshot("after", "");
        int reported = pieces(client.changed(vm, after.moref(), 2000, 0, changeId(before)))
                .cardinality();
        assertTrue(reported > 5 && reported < 45, "about half of 50 are reported: " + reported);
    }

    @Test
    void hugeDisksAndAMillionExtentsAreCheap() throws Exception {
        SimDisk huge = vm.addDisk(10L << 40);
        vm.resetTracking();
        write(huge.file(), 9L << 40, new byte[] {1});
        huge.answer(Extents.comb(1_000_000, 4096, 8192));
        SimSnapshot snapshot = vm.addSnapshot("s", "");
        assertEquals(10L << 40, Files.size(vm.frozen("s", 2001)));
        String page = client.changed(vm, snapshot.moref(), 2001, 8192L * 500_000 - 8192, "any");
        assertEquals(2000, AREA.matcher(page).results().count());
        huge.answer(null);
        assertTrue(client.changed(vm, snapshot.moref(), 2001, 0, "*").contains("<start>" + (9L << 40)));
    }

    @Test
    void aDiskThatIsReadLocksItsSnapshot() throws Exception {
        SimSnapshot snapshot = vm.addSnapshot("s", "");
        Path frozen = vm.frozen("s", 2000);
        // As the stand-in of VDDK does while it has the disk open.
        String hold =
                "import fcntl,sys;f=open(sys.argv[1],'w');fcntl.lockf(f,fcntl.LOCK_EX);print(1,flush=True);input()";
        Process reader = new ProcessBuilder("python3", "-c", hold, frozen + ".open").start();
        assertEquals('1', reader.getInputStream().read());
        String remove = "<removeChildren>false</removeChildren><consolidate>true</consolidate>";
        String type = "VirtualMachineSnapshot";
        String failed = client.task(client.call("RemoveSnapshot_Task", type, snapshot.moref(), remove));
        assertTrue(failed.contains("GenericVmConfigFault") && failed.contains("locked"), failed);
        sim.faults().lockedRemoval(Faults.LockedRemoval.NEEDS_CONSOLIDATION);
        client.task(client.call("RemoveSnapshot_Task", type, snapshot.moref(), remove));
        assertTrue(
                client.properties(VM, vm.moref(), "runtime.consolidationNeeded").contains(">true<"));
        client.task(client.call("ConsolidateVMDisks_Task", VM, vm.moref(), ""));
        assertTrue(
                client.properties(VM, vm.moref(), "runtime.consolidationNeeded").contains(">false<"));
        assertTrue(vm.snapshots().isEmpty());
        reader.destroyForcibly();
    }

    @Test
    void tasksCanFailHangAndBeCancelled() throws Exception {
        String arguments = "<name>s</name><memory>false</memory><quiesce>false</quiesce>";
        sim.faults().once("CreateSnapshot_Task", new Trouble.TaskNeverEnds());
        String task = client.call("CreateSnapshot_Task", VM, vm.moref(), arguments);
        String second = client.call("CreateSnapshot_Task", VM, vm.moref(), arguments);
        assertTrue(second.contains("TaskInProgressFault"), second);
        client.call("CancelTask", "Task", RawClient.value(task, "returnval"), "");
        assertTrue(client.task(task).contains("RequestCanceled"));
        sim.faults().once("CreateSnapshot_Task", Trouble.taskFault("NoDiskSpace"));
        assertTrue(client.task(client.call("CreateSnapshot_Task", VM, vm.moref(), arguments))
                .contains("NoDiskSpace"));
        assertEquals(0, vm.snapshots().size());
        sim.faults().once("CreateSnapshot_Task", Trouble.lostAnswer());
        assertThrows(IOException.class, () -> client.call("CreateSnapshot_Task", VM, vm.moref(), arguments));
        assertEquals(3, sim.tasksStarted("CreateSnapshot_Task"), "the answer was lost, not the effect");
    }

    @Test
    void theWireCanBreakInManyWays() throws Exception {
        Duration limit = Duration.ofSeconds(1);
        for (Trouble trouble : new Trouble[] {
            new Trouble.NoAnswer(),
            new Trouble.CutBefore(),
            new Trouble.CutAnswer(50),
            new Trouble.HalfClosed(50),
            new Trouble.StalledBody(50)
        }) {
            Faults.Rule rule = sim.faults().once("CurrentTime", trouble);
            assertThrows(IOException.class, () -> time(limit), trouble.toString());
            assertEquals(1, rule.hits());
            assertTrue(time(Duration.ofSeconds(30)).contains("<returnval>"), "and then it is well again");
        }
        sim.faults().once("CurrentTime", new Trouble.SlowHeaders(Duration.ofSeconds(1)));
        assertThrows(IOException.class, () -> time(limit));
        sim.faults().once("CurrentTime", new Trouble.Oversized(3_000_000));
        assertTrue(time(Duration.ofSeconds(30)).length() > 3_000_000);
        sim.faults().parse("CurrentTime@2=doctype");
        assertFalse(time(limit.multipliedBy(30)).contains("DOCTYPE"));
        assertTrue(time(limit.multipliedBy(30)).contains("<!DOCTYPE"));
    }

    private String time(Duration limit) throws IOException, InterruptedException {
        return client.call("CurrentTime", "ServiceInstance", "ServiceInstance", "", limit);
    }

    /** A connection that was cut may still be in the client's pool, where the first question finds it dead. */
    private String nameAfterACut() throws IOException, InterruptedException {
        try {
            return client.properties(VM, vm.moref(), "name");
        } catch (IOException e) {
            return client.properties(VM, vm.moref(), "name");
        }
    }

    @Test
    void sessionsAndCertificatesChangeInMidRun() throws Exception {
        sim.faults().lostSessionIsMissing(true);
        sim.restart();
        assertTrue(nameAfterACut().contains("<missingSet><path>name</path><fault>"));
        assertTrue(
                client.call("FindByInventoryPath", "SearchIndex", "SearchIndex", "<inventoryPath>DC0</inventoryPath>")
                        .contains("NotAuthenticatedFault"));
        client.login(sim);
        sim.faults().strange(true);
        String name = client.properties(VM, vm.moref(), "name", "config.hardware");
        assertTrue(name.contains("web01") && name.contains("elementOfTheFuture") && name.contains("Quantum"), name);
        sim.changeCertificate();
        sim.cutConnections();
        assertThrows(IOException.class, () -> time(Duration.ofSeconds(30)));
        client.close();
        client = new RawClient(sim);
        assertTrue(time(Duration.ofSeconds(30)).contains("NotAuthenticated"));
    }

    @Test
    void filesOfADatastoreAreServedInParts() throws Exception {
        write(disk.file(), 1000, new byte[] {1, 2, 3, 4, 5});
        String path = "/folder/web01/web01-flat.vmdk?dcPath=DC0&dsName=ds1";
        assertEquals(401, client.get(path).statusCode());
        String user = sim.settings().username() + ":" + sim.settings().password();
        String basic = "Basic "
                + java.util.Base64.getEncoder().encodeToString(user.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        assertEquals(500, client.get(path, "Authorization", basic).statusCode(), "a running VM locks its disks");
        vm.poweredOff();
        assertArrayEquals(
                new byte[] {2, 3, 4},
                client.get(path, "Authorization", basic, "Range", "bytes=1001-1003")
                        .body());
        assertEquals(
                404,
                client.get(path.replace("ds1", "ds9"), "Authorization", basic).statusCode());
        assertEquals(
                404,
                client.get("/folder/..%2Fds1/x?dcPath=DC0&dsName=ds1", "Authorization", basic)
                        .statusCode());
        sim.faults().once("GET /folder", new Trouble.HttpStatus(403, "no"));
        assertEquals(403, client.get(path, "Authorization", basic).statusCode());
        assertEquals(5, sim.log().count("GET /folder") - 1);
    }
}
