package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobIdentity;
import io.migratekit.agent.job.JobRun;
import io.migratekit.agent.job.JobStart;
import io.migratekit.agent.job.JobStore;
import io.migratekit.nbd.fixture.SilentServer;
import io.migratekit.nbd.fixture.SmallDisk;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VCenterLimits;
import io.migratekit.vmware.VCenterListener;
import io.migratekit.vmware.VddkStandIn;
import io.migratekit.vmware.VmSnapshot;
import io.migratekit.vmware.sim.SimVm;
import io.migratekit.vmware.sim.SimulatedVCenter;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does {@code doctor} name what is wrong between this machine and a VM's disks, with cause, remedy and code, in time? */
class DoctorSourceTest {
    /** Far more than any of it takes, and less than one of the limits that people wait for today. */
    private static final Duration LIMIT = Duration.ofSeconds(6);

    private SimulatedVCenter sim;
    private SimVm web;
    private Path passwordFile;
    private Path folder;
    /** Where the ESXi host is asked for disks. */
    private ServerSocket esxi;

    private String plugin;

    @BeforeEach
    void start(@TempDir Path directory) throws IOException {
        folder = directory;
        Path root = Files.createDirectory(directory.resolve("sim"));
        sim = SimulatedVCenter.start(root).hostName("127.0.0.1");
        web = sim.addVm("web01").changeTracking(true);
        web.addDisk(1 << 20);
        passwordFile =
                Files.writeString(directory.resolve("password"), sim.settings().password() + "\n");
        esxi = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        plugin =
                String.join(" ", VddkStandIn.in(root, sim.settings().password()).plugin()) + " nfchostport="
                        + esxi.getLocalPort();
    }

    @AfterEach
    void stop() throws IOException {
        esxi.close();
        sim.close();
    }

    private List<String> words(String endpoint) {
        return new ArrayList<>(List.of(
                "--vmware-endpoint",
                endpoint,
                "--vmware-username",
                sim.settings().username(),
                "--vmware-password-file",
                passwordFile.toString(),
                "--vmware-path",
                "web01",
                "--state-dir",
                folder.resolve("state").toString(),
                "--timeout",
                "1s",
                "--call-timeout",
                "1s"));
    }

    private Doctored doctor(String... more) {
        List<String> words = words(sim.endpoint().toString());
        words.addAll(List.of("--vmware-thumbprint", sim.sha1().toString()));
        if (!List.of(more).contains("--vddk-plugin") && !List.of(more).contains("--nbdkit")) {
            words.addAll(List.of("--vddk-plugin", plugin));
        }
        Doctored found = Doctored.of(words, more);
        assertFalse(found.run().out().contains(sim.settings().password()), "the password is shown");
        assertEquals(0, sim.openSessions(), "it logged out");
        return found;
    }

    @Test
    void aHealthySourceIsSaidInOneLine() throws IOException {
        doctor().isWell(LIMIT, "login", "privileges", "change tracking", "esxi port", "nfc limits", "nbdkit");
        assertEquals(List.of(), web.snapshots(), "nothing was changed");
        assertFalse(Files.exists(folder.resolve("state")), "nothing was changed here");
        List<String> words = words(sim.endpoint().toString());
        words.addAll(List.of("--vmware-thumbprint", sim.sha1().toString(), "--vddk-plugin", plugin));
        words.addFirst("doctor");
        Run text = Run.migratekit(words.toArray(String[]::new));
        assertEquals(2, text.out().lines().count(), text.out());
        assertTrue(text.out().startsWith("all clear: "), text.out());
        assertTrue(text.out().contains("nothing names it: a tunnel, a hub or an export"), text.out());
        words.add("-v");
        Run every = Run.migratekit(words.toArray(String[]::new));
        assertTrue(every.out().contains("  ok    privileges"), every.out());
    }

    @Test
    void theServerIsNotThere() throws IOException {
        Doctored.of(words("no-such-host.invalid"), "--vddk-plugin", plugin)
                .fails("vcenter address", 10, "has no address", "--vmware-endpoint", LIMIT)
                .leavesOut("vcenter address", "vcenter port", "login", "vm", "privileges", "esxi port");
        try (SilentServer silent = SilentServer.onLoopback(SilentServer.Manner.SILENT)) {
            Doctored.of(words("127.0.0.1:" + silent.port()), "--vddk-plugin", plugin)
                    .fails("certificate", 10, "did not show a certificate within 1", "services run there", LIMIT)
                    .leavesOut("certificate", "login", "change tracking");
        }
        sim.stop();
        doctor().fails("vcenter port", 10, "cannot connect to 127.0.0.1", "TCP 443", LIMIT)
                .leavesOut("vcenter port", "certificate", "login", "disks");
        sim.startAgain();
        sim.faults().always("RetrieveServiceContent", new Trouble.NoAnswer());
        doctor().fails("login", 10, "did not answer RetrieveServiceContent", "services run there", LIMIT)
                .leavesOut("login", "vm", "vcenter clock");
    }

    @Test
    void itIsNotTheOneThatWeTrust() {
        String before = sim.sha1().toString();
        sim.changeCertificate();
        List<String> words = words(sim.endpoint().toString());
        words.addAll(List.of("--vddk-plugin", plugin));
        Doctored.of(words, "--vmware-thumbprint", before)
                .fails("certificate", 11, sim.sha256().toString(), "migratekit vmware thumbprint", LIMIT)
                .leavesOut("certificate", "login", "vm");
        Doctored.of(words, "--vmware-thumbprint", "ab".repeat(32))
                .fails("certificate", 11, "another one than pinned", "--vmware-thumbprint", LIMIT);
        // No authority of this machine vouches for it.
        Doctored.of(words).fails("certificate", 11, "", "--vmware-ca-file", LIMIT);
        Doctored.of(words, "--vmware-ca-file", sim.certificateFile().toString())
                .isWell(LIMIT, "certificate", "certificate expiry");
        sim.changeCertificate("localhost", true, Instant.now().plus(Duration.ofDays(3)));
        doctor().warns("certificate expiry", "expires soon", "renew it there", LIMIT);
        sim.changeCertificate("localhost", true, Instant.now().minus(Duration.ofDays(3)));
        doctor().warns("certificate expiry", "it is pinned", "renew it there", LIMIT);
    }

    @Test
    void weAreNotLetInOrMayNotEnough() {
        sim.faults().once("Login", Trouble.fault("InvalidLogin"));
        doctor().fails("login", 11, "refuses the login", "lock an account", LIMIT)
                .leavesOut("login", "vm", "privileges");
        doctor().isWell(LIMIT, "login");
        // Only who switches change tracking on needs this one.
        sim.lacking("VirtualMachine.Config.ChangeTracking");
        doctor().isWell(LIMIT, "privileges");
        sim.lacking("VirtualMachine.State.CreateSnapshot").lacking("Datastore.Browse");
        doctor().fails(
                        "privileges",
                        12,
                        "lacks VirtualMachine.State.CreateSnapshot on /DC0/vm/web01",
                        "user's role",
                        LIMIT);
        assertTrue(doctor().report().toString().contains("Datastore.Browse on the datastore ds1"));
    }

    @Test
    void theVmCannotBeBackedUp() throws IOException {
        sim.addVm("lost").connectionState("disconnected").changeTracking(true).addDisk(1 << 20);
        other("lost").fails("vm state", 12, "the VM is disconnected", "bring the ESXi host back", LIMIT);
        sim.addVm("apart").changeTracking(true).addDisk(1 << 20).mode("independent_persistent");
        other("apart").fails("disks", 12, "snapshots leave independent disks out", "--skip-disk", LIMIT);
        other("nobody")
                .fails("vm", 12, "nobody", "migratekit vmware list", LIMIT)
                .leavesOut("vm", "privileges", "disks", "esxi port");
        Doctored folder = doctor("--source", "folder");
        folder.fails("disks", 12, "the VM is not powered off", "another --source", LIMIT);
        assertFalse(folder.report().toString().contains("esxi port"), "this road does not go there");
    }

    @Test
    void thereIsNoDiskToBeCopied() {
        doctor("--skip-disk", "2000").fails("disks", 2, "has no disk to be copied", "--skip-disk", LIMIT);
        doctor("--skip-disk", "9999").warns("vm", "has no disk [9999]", "migratekit vmware list", LIMIT);
    }

    @Test
    void aPluginThatDoesNotLoad() throws IOException {
        Path half = Files.writeString(folder.resolve("half.so"), "not a library");
        doctor("--vddk-plugin", half + " nfchostport=" + esxi.getLocalPort())
                .fails("nbdkit", 63, "cannot load its plugin", "--vddk-plugin", LIMIT);
    }

    @Test
    void theStateHasNoRoom() throws IOException {
        try (SmallDisk small = SmallDisk.at(folder.resolve("small"), "512k")) {
            List<String> words = words(sim.endpoint().toString());
            words.set(
                    words.indexOf(folder.resolve("state").toString()),
                    small.path().toString());
            words.addAll(List.of(
                    "--vddk-plugin", plugin, "--vmware-thumbprint", sim.sha1().toString()));
            Doctored.of(words).fails("state directory", 63, "has only", "make room there", LIMIT);
        }
    }

    /** curl is more particular than we are about whom it reads from, and a datastore may keep its files to itself. */
    @Test
    void theFilesAreNotGivenByHttps() {
        web.poweredOff();
        doctor("--source", "folder").isWell(LIMIT, "disk files");
        sim.faults().always("GET /folder", new Trouble.HttpStatus(403, "no"));
        sim.faults().always("HEAD /folder", new Trouble.HttpStatus(403, "no"));
        doctor("--source", "folder").fails("disk files", 12, "Datastore.Browse", "as the same user", LIMIT);
        sim.faults().clear();
        sim.changeCertificate("vcenter.example", false, Instant.now().plus(Duration.ofDays(30)));
        doctor("--source", "folder").fails("disk files", 12, "does not carry the name", "as the same user", LIMIT);
        doctor().isWell(LIMIT, "certificate");
    }

    private Doctored other(String vm) {
        List<String> words = words(sim.endpoint().toString());
        words.set(words.indexOf("web01"), vm);
        words.addAll(List.of(
                "--vddk-plugin", plugin, "--vmware-thumbprint", sim.sha1().toString()));
        return Doctored.of(words);
    }

    @Test
    void snapshotsAndTracking() {
        web.changeTracking(false);
        doctor().warns("change tracking", "every backup copies everything", "migratekit vmware enable-cbt", LIMIT);
        web.changeTracking(true).consolidationNeeded(true);
        doctor().warns("consolidation", "need consolidation", "consolidate the VM's disks", LIMIT);
        web.consolidationNeeded(false);
        var foreign = web.addSnapshot("before the update", "");
        doctor().warns("other snapshots", "'before the update'", "remove them in vSphere", LIMIT);
        web.removeSnapshot(foreign);
        take("theirs", Instant.now().plusSeconds(3600));
        doctor("--job-id", "theirs")
                .fails("our snapshots", 62, "is frozen by the backup theirs of elsewhere", "wait for the end", LIMIT);
        web.removeSnapshot(web.snapshots().getFirst());
        take("dead", Instant.now().minusSeconds(60));
        doctor().warns("our snapshots", "has left snapshot-", "--remove-expired", LIMIT);
        assertEquals(1, web.snapshots().size(), "nothing was changed");
    }

    private void take(String job, Instant expires) {
        try (VCenter vc = VCenter.login(sim.spec(VCenterLimits.DEFAULT), VCenterListener.NOBODY)) {
            VmSnapshot.take(
                    vc, vc.find("web01"), new VmSnapshot.Label(job, "elsewhere", expires), VmSnapshot.Quiesce.NO);
        }
    }

    @Test
    void theDisksCannotBeReadFromHere() throws IOException {
        doctor("--vddk-plugin", "vddk nfchostport=" + esxi.getLocalPort())
                .fails("nbdkit", 63, "Debian 12 has no package of it", "--vddk-plugin", LIMIT);
        doctor("--vddk-plugin", plugin, "--nbdkit", "/no/nbdkit").fails("nbdkit", 63, "/no/nbdkit", "--nbdkit", LIMIT);
        Path empty = Files.createDirectories(folder.resolve("vddk"));
        doctor("--vddk-libdir", empty.toString()).fails("vddk library", 63, "there is no folder", "lib64", LIMIT);
        Files.createDirectories(empty.resolve("lib64"));
        doctor("--vddk-libdir", empty.toString()).fails("vddk library", 63, "no libvixDiskLib.so", "Broadcom", LIMIT);
        Files.createFile(empty.resolve("lib64/libvixDiskLib.so.8"));
        doctor("--vddk-libdir", empty.toString()).isWell(LIMIT, "vddk library");
        sim.hostName("esx01.invalid");
        doctor().fails("esxi address", 10, "esx01.invalid has no address", "/etc/hosts", LIMIT)
                .leavesOut("esxi address", "esxi port");
        sim.hostName("127.0.0.1");
        esxi.close();
        doctor().fails("esxi port", 10, "port " + plugin.replaceAll(".*=", ""), "allow TCP 902", LIMIT);
    }

    @Test
    void theNumbersOfTheJobAreLookedAt() throws IOException {
        for (int i = 0; i < 12; i++) {
            web.addDisk(1 << 20);
        }
        doctor().isWell(LIMIT, "nfc limits");
        doctor("--disks-at-once", "13").warns("nfc limits", "13 at once take 52 MiB", "--disks-at-once", LIMIT);
        Path file = Files.createFile(folder.resolve("file"));
        List<String> words = words(sim.endpoint().toString());
        words.set(words.indexOf("--state-dir") + 1, file.resolve("jobs").toString());
        words.addAll(List.of(
                "--vddk-plugin", plugin, "--vmware-thumbprint", sim.sha1().toString()));
        Doctored.of(words).fails("state directory", 63, "is no folder", "--state-dir", LIMIT);
    }

    @Test
    void aJobThatRunsOrHasEndedIsTold() {
        JobStore store = new JobStore(folder.resolve("state"));
        JobIdentity identity = new JobIdentity("nbd://s/d", "nbd://t/d", 1 << 30, "all", 1 << 20, false, Map.of());
        try (JobRun run = assertInstanceOf(JobStart.Ready.class, store.open(new JobId("nightly"), identity))
                .run()) {
            Doctored busy = doctor("--job-id", "nightly");
            busy.fails("job", 62, "job nightly is running", "migratekit why", LIMIT);
            assertTrue(
                    busy.report().get("job").getAsString().startsWith("job nightly: running"), busy.report()::toString);
            run.finished("{}");
        }
        doctor("--job-id", "nightly").warns("job", "was finished before", "an id of its own", LIMIT);
        doctor("--job-id", "never").isWell(LIMIT, "job");
    }

    @Test
    void clocksThatDifferAreTold() {
        sim.faults()
                .always(
                        "CurrentTime",
                        new Trouble.Rewritten(xml -> xml.replaceAll(
                                "(<returnval[^>]*>)[^<]*<", "$1" + Instant.now().minusSeconds(600) + "<")));
        doctor().warns("vcenter clock", "is 10 min behind ours", "NTP", LIMIT);
    }
}
