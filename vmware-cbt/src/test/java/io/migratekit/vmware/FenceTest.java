package io.migratekit.vmware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.vmware.sim.Settings;
import io.migratekit.vmware.sim.SimFault;
import io.migratekit.vmware.sim.SimVm;
import io.migratekit.vmware.sim.SimulatedVCenter;
import io.migratekit.vmware.sim.Trouble;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does talking to vCenter end, whatever the other side does, and does nothing happen twice? */
class FenceTest {
    private static final VCenterLimits SHORT = new VCenterLimits(
            Duration.ofSeconds(5),
            Duration.ofMillis(1500),
            Duration.ofSeconds(20),
            Duration.ofSeconds(20),
            Duration.ofSeconds(5),
            Duration.ofMinutes(3));

    /** For calls that are to succeed, on a machine that may be slow. */
    private static final VCenterLimits PATIENT = new VCenterLimits(
            Duration.ofSeconds(20),
            Duration.ofSeconds(18),
            Duration.ofSeconds(60),
            Duration.ofSeconds(60),
            Duration.ofSeconds(30),
            Duration.ofMinutes(3));

    private final Heard heard = new Heard();
    private SimulatedVCenter sim;
    private SimVm web;

    @BeforeEach
    void start(@TempDir Path folder) {
        sim = SimulatedVCenter.start(folder);
        web = sim.addVm("web01");
        web.addDisk(1 << 20);
    }

    @AfterEach
    void stop() {
        sim.close();
    }

    private VCenter login(VCenterLimits limits) {
        return VCenter.login(sim.spec(limits), heard);
    }

    /** Fails to log in within the call's limit, told in words. */
    private VSphereException loginFails(Trouble trouble, String... words) {
        sim.faults().clear();
        sim.faults().always("RetrieveServiceContent", trouble);
        long begun = System.nanoTime();
        VSphereException e =
                assertThrows(VSphereException.class, () -> login(SHORT).close());
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        assertTrue(took.compareTo(Duration.ofSeconds(8)) < 0, "took " + took + ": " + e.getMessage());
        for (String word : words) {
            assertTrue(e.getMessage().contains(word), e.getMessage());
        }
        return e;
    }

    @Test
    @DisplayName("V2: every call ends, body included, and says how far the answer came")
    void everyCallEnds() {
        assertInstanceOf(
                VSphereException.NoAnswer.class,
                loginFails(new Trouble.StalledBody(100), "RetrieveServiceContent", "within 1500 ms", "100 bytes"));
        assertInstanceOf(
                VSphereException.NoAnswer.class, loginFails(new Trouble.NoAnswer(), "within 1500 ms", "nothing came"));
        assertInstanceOf(
                VSphereException.NoAnswer.class,
                loginFails(new Trouble.SlowHeaders(Duration.ofSeconds(1)), "within 1500 ms"));
        loginFails(new Trouble.HalfClosed(100), "RetrieveServiceContent");
        assertTrue(heard.waits.getFirst().startsWith("the answer of 127.0.0.1"), heard.waits.toString());
        assertTrue(heard.waits.getFirst().endsWith("/ 1500"), "announced with its limit: " + heard.waits);
    }

    @Test
    @DisplayName("V3: a document type declaration is refused, so is what is no answer or too long")
    void whatIsNoAnswerIsRefused() {
        assertInstanceOf(
                VSphereException.NotVSphere.class,
                loginFails(new Trouble.Doctype("<!DOCTYPE x [<!ENTITY a \"b\">]>"), "document type declaration"));
        assertInstanceOf(
                VSphereException.NotVSphere.class,
                loginFails(new Trouble.Doctype("<!DOCTYPE x SYSTEM \"file:///etc/hostname\">"), "document type"));
        assertInstanceOf(
                VSphereException.NotVSphere.class,
                loginFails(new Trouble.Rewritten(_ -> "<html><body>Welcome</body></html>"), "SOAP envelope", "<html>"));
        assertInstanceOf(
                VSphereException.NotVSphere.class,
                loginFails(new Trouble.Rewritten(text -> text.substring(0, 200)), "not well-formed"));
        assertInstanceOf(VSphereException.NotVSphere.class, loginFails(new Trouble.HttpStatus(503, "later"), "503"));
        assertInstanceOf(
                VSphereException.NotVSphere.class,
                loginFails(
                        new Trouble.Rewritten(text -> text.replace("<rootFolder", "<a>".repeat(5000) + "<rootFolder")),
                        "nested deeper"));
    }

    @Test
    @DisplayName("V3: an answer beyond the cap is given up")
    void anAnswerHasACap() {
        sim.faults().always("RetrieveServiceContent", new Trouble.Oversized(70L << 20));
        var e = assertThrows(
                VSphereException.NotVSphere.class, () -> login(PATIENT).close());
        assertTrue(e.getMessage().contains("longer than 67108864 bytes"), e.getMessage());
    }

    @Test
    @DisplayName("V3: elements, types and constants of a newer server are normal")
    void aNewerServerIsNormal() {
        sim.faults().strange(true);
        web.encrypted("key-1");
        try (VCenter vc = login(PATIENT)) {
            VmRef vm = vc.find("/DC0/vm/web01");
            VmConfiguration configuration = vc.configuration(vm);
            assertEquals(1, configuration.disks().size());
            assertEquals("poweredOn", configuration.powerState());
            assertTrue(configuration.encrypted(), configuration.toJson().toString());
            VmSnapshot snapshot = VmSnapshot.take(vc, vm, label(), VmSnapshot.Quiesce.NO);
            snapshot.remove();
            sim.faults().once("CurrentTime", new Trouble.Fails(new SimFault("QuantumFault", "a fault of tomorrow")));
            var e = assertThrows(VSphereException.Fault.class, vc::keepAlive);
            assertEquals("QuantumFault", e.name());
            sim.faults().once("CreateSnapshot_Task", Trouble.taskFault("GravityFault"));
            var task = assertThrows(
                    VSphereException.Fault.class, () -> VmSnapshot.take(vc, vm, label(), VmSnapshot.Quiesce.NO));
            assertEquals("GravityFault", task.name());
        }
    }

    @Test
    @DisplayName("V4, V5: NotAuthenticated as a fault and in missingSet: one login, one more try")
    void aLostSessionIsRenewedOnce() {
        try (VCenter vc = login(PATIENT)) {
            VmRef vm = vc.find("web01");
            assertEquals(1, sim.log().count("Login"));
            sim.expireSessions();
            vc.keepAlive();
            assertEquals(2, sim.log().count("Login"));

            sim.faults().lostSessionIsMissing(true);
            sim.expireSessions();
            assertEquals("web01", vc.configuration(vm).name());
            assertEquals(3, sim.log().count("Login"));

            // A task, too: what was refused for want of a session has not begun.
            sim.expireSessions();
            VmSnapshot.take(vc, vm, label(), VmSnapshot.Quiesce.NO).remove();
            assertEquals(1, sim.tasksStarted("CreateSnapshot_Task"));
            assertEquals(4, sim.log().count("Login"));

            // Two in a row are no accident.
            sim.faults().always("CurrentTime", Trouble.fault("NotAuthenticated"));
            assertThrows(VSphereException.LoginRefused.class, vc::keepAlive);
            assertEquals(5, sim.log().count("Login"));
        }
    }

    @Test
    @DisplayName("V5: many threads that lose the session log in once")
    void reloginIsSerialised() throws Exception {
        try (VCenter vc = login(PATIENT)) {
            sim.expireSessions();
            CountDownLatch together = new CountDownLatch(1);
            ExecutorService threads = Executors.newFixedThreadPool(6);
            try {
                List<Future<?>> all = new ArrayList<>();
                for (int i = 0; i < 6; i++) {
                    all.add(threads.submit(() -> {
                        assertTrue(together.await(20, TimeUnit.SECONDS));
                        vc.keepAlive();
                        return "";
                    }));
                }
                together.countDown();
                for (Future<?> one : all) {
                    one.get(60, TimeUnit.SECONDS);
                }
            } finally {
                threads.shutdownNow();
            }
            assertEquals(2, sim.log().count("Login"), "one at the beginning, one for all threads");
        }
    }

    @Test
    @DisplayName("V5: the answer to CreateSnapshot_Task is lost: it is looked for, not asked for again")
    void aSnapshotWhoseAnswerWasLostIsFound() {
        try (VCenter vc = login(PATIENT)) {
            VmRef vm = vc.find("web01");
            sim.faults().once("CreateSnapshot_Task", Trouble.lostAnswer());
            sim.faults().once("CreateSnapshot_Task", new Trouble.TaskRuns(Duration.ofMillis(700)));
            VmSnapshot snapshot = VmSnapshot.take(vc, vm, label(), VmSnapshot.Quiesce.NO);
            assertEquals(1, sim.log().count("CreateSnapshot_Task"), "asked once only");
            assertEquals(1, web.snapshots().size());
            assertEquals(web.snapshots().getFirst().moref(), snapshot.moref());
            assertTrue(heard.notes.getFirst().contains("was lost"), heard.notes.toString());

            sim.faults().once("RemoveSnapshot_Task", Trouble.lostAnswer());
            snapshot.remove();
            assertEquals(1, sim.log().count("RemoveSnapshot_Task"));
            assertEquals(0, web.snapshots().size());
        }
    }

    @Test
    @DisplayName("V5: a snapshot call that was cut off before it arrived is made once more, after a look")
    void aSnapshotThatNeverHappenedIsTakenOnce() {
        try (VCenter vc = login(PATIENT)) {
            VmRef vm = vc.find("web01");
            sim.faults().once("CreateSnapshot_Task", new Trouble.CutBefore());
            VmSnapshot.take(vc, vm, label(), VmSnapshot.Quiesce.NO);
            assertEquals(1, sim.tasksStarted("CreateSnapshot_Task"));
            assertEquals(1, web.snapshots().size());
        }
    }

    @Test
    @DisplayName("V5: what changes the VM is not repeated by the fence; what only reads is")
    void onlyReadingIsRepeated() {
        try (VCenter vc = login(PATIENT)) {
            VmRef vm = vc.find("web01");
            sim.faults().once("ReconfigVM_Task", Trouble.lostAnswer());
            assertThrows(VSphereException.Unreachable.class, () -> vc.enableChangeTracking(vm));
            assertEquals(1, sim.tasksStarted("ReconfigVM_Task"));

            int before = sim.log().count("CurrentTime");
            sim.faults().once("CurrentTime", Trouble.lostAnswer());
            vc.keepAlive();
            assertEquals(before + 2, sim.log().count("CurrentTime"));
            sim.faults().times(2, "CurrentTime", Trouble.fault("HostCommunication"));
            vc.keepAlive();
            assertEquals(before + 5, sim.log().count("CurrentTime"));
            sim.faults().always("CurrentTime", Trouble.fault("SystemError"));
            var e = assertThrows(VSphereException.Fault.class, vc::keepAlive);
            assertEquals("SystemError", e.name());
        }
    }

    @Test
    @DisplayName(
            "V5: a kept connection that closes is no failure for what only reads, and a server that comes back is found")
    void aClosedConnectionIsReplaced() {
        try (VCenter vc = login(PATIENT)) {
            sim.faults().once("CurrentTime", new Trouble.CutBefore());
            vc.keepAlive();
            sim.cutConnections();
            vc.keepAlive();
            sim.restart();
            vc.keepAlive();
            assertEquals(2, sim.log().count("Login"), "the restart forgot the session");
        }
    }

    @Test
    @DisplayName("the session is used before it expires")
    void theSessionStaysAlive() throws Exception {
        sim.sessionIdle(Duration.ofMillis(1500));
        VCenterLimits often = new VCenterLimits(
                PATIENT.connect(),
                PATIENT.call(),
                PATIENT.task(),
                PATIENT.removal(),
                PATIENT.retryFor(),
                Duration.ofMillis(200));
        try (VCenter vc = login(often)) {
            Thread.sleep(2500);
            vc.keepAlive();
            assertEquals(1, sim.log().count("Login"));
        }
        assertEquals(1, sim.log().count("Logout"));
        assertEquals(0, sim.openSessions());
    }

    @Test
    @DisplayName("V9: the password is in no log line, not at TRACE, and in no message")
    void thePasswordIsNotLogged() {
        String password = sim.settings().password();
        List<String> lines = new ArrayList<>();
        Handler collector = new Handler() {
            @Override
            public synchronized void publish(LogRecord record) {
                lines.add(record.getMessage() + " " + java.util.Arrays.toString(record.getParameters()) + " "
                        + record.getThrown());
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        collector.setLevel(Level.ALL);
        Logger ours = Logger.getLogger("io.migratekit");
        Logger stubs = Logger.getLogger("com.vmware");
        for (Logger logger : List.of(ours, stubs)) {
            logger.setLevel(Level.ALL);
            logger.addHandler(collector);
        }
        try {
            try (VCenter vc = login(PATIENT)) {
                vc.keepAlive();
            }
            sim.faults().always("Login", Trouble.fault("InvalidLogin"));
            var e = assertThrows(
                    VSphereException.LoginRefused.class, () -> login(PATIENT).close());
            assertTrue(e.getMessage().contains(sim.settings().username()), e.getMessage());
            assertTrue(e.getMessage().contains("InvalidLogin"), e.getMessage());
            lines.add(e.getMessage());
            lines.addAll(heard.waits);
        } finally {
            for (Logger logger : List.of(ours, stubs)) {
                logger.removeHandler(collector);
                logger.setLevel(null);
            }
        }
        assertTrue(lines.stream().anyMatch(line -> line.contains("Login")), "something was logged: " + lines);
        assertTrue(lines.stream().noneMatch(line -> line.contains(password)), "the password is in a log line");
    }

    @Test
    void whatIsNotThereIsSaidWithARemedy() {
        web.snapshots();
        try (VCenter vc = login(PATIENT)) {
            for (String wanted :
                    List.of("/DC0/vm/nobody", "nobody", "vm-99999", "11111111-2222-3333-4444-555555555555")) {
                var e = assertThrows(VSphereException.NotFound.class, () -> vc.find(wanted));
                assertTrue(e.getMessage().contains("vmware list"), e.getMessage());
            }
            sim.addVm("DC1", "a/b", "ds2", "web01");
            var twice = assertThrows(VSphereException.BadSpec.class, () -> vc.find("web01"));
            assertTrue(twice.getMessage().contains("/DC1/vm/a/b/web01"), twice.getMessage());
            assertEquals("/DC1/vm/a/b/web01", vc.find("/DC1/vm/a/b/web01").path());
            assertEquals(2, vc.list().size());
        }
    }

    @Test
    @DisplayName("a login that is refused in the middle is not tried again and again: that would lock the account")
    void aRefusedReloginIsTheLast() {
        try (VCenter vc = login(PATIENT)) {
            sim.expireSessions();
            sim.faults().always("Login", Trouble.fault("InvalidLogin"));
            for (int i = 0; i < 3; i++) {
                assertThrows(VSphereException.LoginRefused.class, vc::keepAlive);
            }
            assertEquals(2, sim.log().count("Login"));
        }
    }

    @Test
    void aListInPagesIsWhole(@TempDir Path folder) {
        try (SimulatedVCenter small = SimulatedVCenter.start(folder, Settings.DEFAULT.paging(2))) {
            for (int i = 0; i < 7; i++) {
                small.addVm("vm" + i);
            }
            try (VCenter vc = VCenter.login(small.spec(PATIENT), heard)) {
                assertEquals(7, vc.list().size());
                assertTrue(small.log().count("ContinueRetrievePropertiesEx") >= 3, "in pages");
                assertEquals("/DC0/vm/vm6", vc.find("vm6").path());
            }
        }
    }

    @Test
    void anInterruptEndsAWait() throws Exception {
        try (VCenter vc = login(PATIENT)) {
            sim.faults().always("CurrentTime", new Trouble.NoAnswer());
            Thread me = Thread.currentThread();
            Thread.ofPlatform().daemon().start(() -> {
                try {
                    Thread.sleep(300);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                me.interrupt();
            });
            long begun = System.nanoTime();
            assertThrows(VSphereException.Cancelled.class, vc::keepAlive);
            assertTrue(System.nanoTime() - begun < 5e9, "at once");
            assertTrue(Thread.interrupted(), "and the thread knows it");
        }
    }

    private static VmSnapshot.Label label() {
        return new VmSnapshot.Label(
                "job-1", "host-a:/var/lib/migratekit", Instant.now().plusSeconds(3600));
    }
}
