package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.hub.HubAddress;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.nbd.fixture.Hidden;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.SilentServer;
import io.migratekit.vmware.sim.SimVm;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Does {@code doctor} see the whole way from a vCenter to a real hub's disk, or to exports, and name what is wrong at its
 * end, with cause, remedy and code, in time?
 */
class DoctorHubIT {
    private static final long MIB = 1 << 20;
    private static final Duration LIMIT = Duration.ofSeconds(8);

    @TempDir
    private Path folder;

    private HubLab lab;
    private LoopbackSshd sshd;
    private ServerSocket esxi;

    @BeforeEach
    void start() throws IOException {
        lab = new HubLab(folder, 3 * MIB, MIB);
        sshd = LoopbackSshd.start(Files.createDirectory(folder.resolve("ssh")));
        esxi = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        lab.source().vcenter().hostName("127.0.0.1");
    }

    @AfterEach
    void stop() throws IOException {
        esxi.close();
        sshd.close();
        lab.close();
    }

    private List<String> road() {
        return List.of(
                "--ssh",
                "127.0.0.1:" + sshd.port(),
                "--ssh-key",
                sshd.userKey().toString(),
                "--ssh-known-hosts",
                sshd.knownHosts().toString());
    }

    private List<String> source() throws IOException {
        MigrateLab source = lab.source();
        List<String> words = new ArrayList<>(source.source());
        words.addAll(source.trust());
        words.addAll(source.password());
        words.addAll(List.of(
                "--vddk-plugin",
                String.join(" ", source.standIn().plugin()) + " nfchostport=" + esxi.getLocalPort(),
                "--state-dir",
                source.state().toString(),
                "--timeout",
                "2s"));
        return words;
    }

    private Doctored doctor(List<String> target, String... more) throws IOException {
        return doctor(target, List.of(more));
    }

    private Doctored doctor(List<String> target, List<String> more) throws IOException {
        List<String> words = source();
        words.addAll(target);
        words.addAll(more);
        return Doctored.of(words);
    }

    private Path token(String name, String... more) throws IOException {
        List<String> words = new ArrayList<>(List.of(
                "hub",
                "token",
                "add",
                name,
                "--repository",
                lab.hub().repository().toString()));
        words.addAll(List.of(more));
        Run run = Run.migratekit(words.toArray(String[]::new));
        assertEquals(0, run.code(), run::toString);
        return Files.writeString(folder.resolve(name + ".token"), run.out());
    }

    private HubClient client() {
        return new HubClient(
                HubAddress.parse("unix:" + lab.hub().socket()),
                null,
                new HubClient.Limits(Duration.ofSeconds(5), Duration.ZERO),
                HubClient.Listener.NOBODY);
    }

    @Test
    void theWholeWayIsWell() throws IOException {
        doctor(lab.hub().to()).isWell(LIMIT, "login", "hub", "hub token", "hub lease", "hub space", "hub version");
        Path token = token("all", "--vm", "*");
        List<String> hub = List.of("--hub", lab.hub().url(), "--hub-token-file", token.toString());
        Doctored far = doctor(hub, road());
        far.isWell(LIMIT, "ssh authentication", "hub", "hub clock", "hub records", "hub alarms", "esxi port");
        assertFalse(far.run().out().contains(Files.readString(token).strip()), "the token is shown");
        doctor(lab.source().toTargets()).isWell(LIMIT, "targets", "size", "slots", "writable");
        doctor(lab.source().toTargets(), road()).isWell(LIMIT, "listening", "size", "slots");
        assertEquals(List.of(), lab.source().vm().snapshots(), "no snapshot was taken");
        try (HubClient client = client()) {
            assertEquals(List.of(), client.backups(Optional.empty()), "no layer was opened");
        }
    }

    @Test
    void theHubIsNotThere() throws IOException {
        doctor(List.of("--hub", "http://127.0.0.1:1"))
                .fails("hub", 42, "cannot be reached", "migratekit hub serve", LIMIT)
                .leavesOut("hub", "hub token", "hub clock", "hub space", "hub lease");
        doctor(List.of("--hub", "http://127.0.0.1:1"), road())
                .fails("hub", 42, "nothing listens there", "migratekit hub serve", LIMIT);
        try (SilentServer silent = SilentServer.onLoopback(SilentServer.Manner.SILENT);
                SilentServer web = SilentServer.onLoopback(SilentServer.Manner.HTTP)) {
            doctor(List.of("--hub", "http://127.0.0.1:" + silent.port()))
                    .fails("hub", 42, "said nothing for 2 s", "correct --hub", LIMIT);
            doctor(List.of("--hub", "http://127.0.0.1:" + web.port()), road())
                    .fails("hub", 42, "is no migratekit hub", "correct --hub", LIMIT);
        }
        sshd.close();
        doctor(lab.hub().to(), road())
                .fails("ssh connection", 20, "127.0.0.1", "sshd runs there", LIMIT)
                .leavesOut("ssh connection", "hub", "hub space");
    }

    @Test
    void weAreNotLetInThere() throws IOException {
        List<String> far = new ArrayList<>(road());
        far.addAll(List.of("--hub", lab.hub().url()));
        doctor(far).fails("hub token", 41, "", "--hub-token-file", LIMIT).leavesOut("hub token", "hub space");
        Path other = token("other", "--vm", "some-other-vm");
        doctor(List.of("--hub", "http://192.0.2.1:9080", "--hub-token-file", other.toString()))
                .fails("hub", 2, "for everybody to read", "command line", LIMIT);
        doctor(far, List.of("--hub-token-file", other.toString()))
                .fails("hub token", 41, "", "migratekit hub token add", LIMIT);
    }

    /** Whoever may look only, or gets to the hub only, or has a hub that serves nothing, learns it before the VM is frozen. */
    @Test
    void nothingCouldBeWritten() throws IOException {
        Path reader = token("reader", "--read");
        doctor(List.of("--hub", lab.hub().url(), "--hub-token-file", reader.toString()), road())
                .fails("hub token", 41, "but not write", "migratekit hub token add", LIMIT);
        Path writer = token("all", "--vm", "*");
        int port = Integer.parseInt(lab.hub().url().replaceAll(".*:", ""));
        // This hub has sockets; what it would say of ports is as long as what it says here.
        try (RewritingRelay relay =
                RewritingRelay.to(port, text -> text.replace("\"mayWrite\":true", "\"ports\":\"21-22\""))) {
            List<String> hub =
                    List.of("--hub", "http://127.0.0.1:" + relay.port(), "--hub-token-file", writer.toString());
            doctor(hub, road()).isWell(LIMIT, "hub exports");
            sshd.close();
            sshd = LoopbackSshd.start(
                    Files.createDirectory(folder.resolve("strict")), "PermitOpen 127.0.0.1:" + relay.port());
            doctor(hub, road()).fails("hub exports", 20, "PermitOpen", "migratekit hub sshd-config", LIMIT);
            try (ServiceProcess service = ServiceProcess.start(folder, sshd)) {
                throughService(service, hub).fails("hub exports", 20, "PermitOpen", "hub sshd-config", LIMIT);
            }
        }
    }

    @Test
    void theBackupDoesNotFitOrIsNotAlone() throws IOException {
        SimVm vm = lab.source().vm();
        vm.committed(1L << 50);
        doctor(lab.hub().to()).fails("hub space", 40, "and the VM takes 1 PiB", "migratekit hub prune", LIMIT);
        vm.committed(MIB);
        doctor(lab.hub().to()).isWell(LIMIT, "hub space");
        JsonObject start = new JsonObject();
        start.addProperty("id", "other-1");
        try (HubClient client = client()) {
            open(client, start);
            doctor(lab.hub().to())
                    .fails("hub lease", 62, "backup other-1 of this VM", "migratekit hub abandon other-1", LIMIT);
            doctor(lab.hub().to(), List.of("--job-id", "other-1")).isWell(LIMIT, "hub lease");
            client.abandon("other-1");
        }
    }

    /** What is told of the last backup is of no use for the next one, which will be a full one. */
    @Test
    void theNewestRestorePointIsDamaged() throws IOException {
        lab.source().guestWrites(new Random(7), 4);
        lab.backUpWell("first");
        JsonObject disk =
                lab.ask("show", "first").getAsJsonArray("disks").get(0).getAsJsonObject();
        lab.rot("first", disk, new Random(7));
        assertEquals(51, Run.migratekit(lab.hubWords("verify", "first")).code());
        doctor(lab.hub().to()).warns("hub space", "first is known to be damaged", "migratekit hub verify first", LIMIT);
    }

    @Test
    void theHubCannotReadItsRecords() throws IOException {
        lab.backUpWell("first");
        doctor(lab.hub().to()).isWell(LIMIT, "hub space", "hub records");
        lab.hub().kill();
        try (Stream<Path> files = Files.walk(lab.hub().repository())) {
            Path record = files.filter(file -> file.endsWith(Path.of("points", "first.json")))
                    .findFirst()
                    .orElseThrow();
            Files.writeString(record, "{");
        }
        lab.hub().startAgain();
        doctor(lab.hub().to()).fails("hub records", 40, "points/first.json", "restore the files", LIMIT);
    }

    private void open(HubClient client, JsonObject start) {
        Run list = Run.migratekit(Stream.of(
                        List.of("vmware", "list", "--json"),
                        lab.source().source().subList(0, 4),
                        lab.source().trust(),
                        lab.source().password())
                .flatMap(List::stream)
                .toArray(String[]::new));
        JsonObject vm = JsonParser.parseString(list.out())
                .getAsJsonObject()
                .getAsJsonArray("vms")
                .get(0)
                .getAsJsonObject();
        start.addProperty("vm", vm.get("instanceUuid").getAsString());
        start.addProperty("name", "web01");
        start.add("disks", JsonParser.parseString("[{\"key\":2000,\"capacityBytes\":3145728}]"));
        var _ = client.start(start);
    }

    @Test
    void theExportsDoNotFitTheDisks() throws IOException {
        lab.source().vm().disk(2000).resize(4 * MIB);
        for (List<String> road : List.of(List.<String>of(), road())) {
            doctor(lab.source().toTargets(), road)
                    .fails("size", 2, "the export has 3145728 (3M) bytes, the disk 4194304 (4M)", "qemu-img", LIMIT);
        }
        doctor(List.of("--nbd-target", lab.source().target(2000).uri().toString()))
                .fails("targets", 2, "2 disks cannot be written to one export", "--nbd-target DISK=URI", LIMIT);
    }

    /** An agent and a hub whose clocks or versions differ: the answers of the real hub, rewritten on their way. */
    @Test
    void clocksAndVersionsDiffer() throws IOException {
        Path token = token("all", "--vm", "*");
        int port = Integer.parseInt(lab.hub().url().replaceAll(".*:", ""));
        try (RewritingRelay relay =
                RewritingRelay.to(port, text -> text.replaceAll("\"now\":\"20[0-9]{2}", "\"now\":\"2001"))) {
            doctor(List.of("--hub", "http://127.0.0.1:" + relay.port(), "--hub-token-file", token.toString()))
                    .warns("hub clock", "more than a year behind ours", "NTP", LIMIT);
        }
        try (RewritingRelay relay = RewritingRelay.to(port, text -> text.replace("migratekit ", "migratekit-"))) {
            doctor(List.of("--hub", "http://127.0.0.1:" + relay.port(), "--hub-token-file", token.toString()))
                    .warns("hub version", "and this is migratekit", "one version", LIMIT);
        }
    }

    /** What a service has refused, only that service knows. */
    @Test
    void throughATunnelThatRunsAsAService() throws IOException {
        try (ServiceProcess service = ServiceProcess.start(folder, sshd)) {
            Doctored well = throughService(service, lab.source().toTargets());
            assertEquals(0, well.run().code(), well.report()::toString);
            assertTrue(
                    well.of("ok").containsAll(List.of("tunnel service", "nbd greeting", "slots")),
                    well.report()::toString);
            // The limits of the tunnel stand in the configuration, beside what only the service can read.
            Path config = Files.writeString(folder.resolve("tunnel.toml"), """
                    [tunnel.hub]
                    host = "127.0.0.1"
                    user = "hub"
                    keepalive = "2min"
                    misses = 3
                    """);
            List<String> patient = new ArrayList<>(lab.source().toTargets());
            patient.addAll(List.of("--config", config.toString()));
            throughService(service, patient).warns("keepalive", "noticed after 6 min", "shorter keepalive", LIMIT);
            Files.writeString(config, "[tunnel.hub]\nhost = \"h\"\nkey = \"credential:hub-key\"\n");
            assertEquals(0, throughService(service, patient).run().code());
            throughService(service, List.of()).isWell(LIMIT, "tunnel service");
            throughService(service, List.of("--nbd-target", "nbd://127.0.0.1:1/disk"))
                    .fails("nbd greeting", 30, "The tunnel says", "look into the log", LIMIT);
        }
    }

    private Doctored throughService(ServiceProcess service, List<String> target) {
        List<String> words = new ArrayList<>(target);
        words.addAll(List.of("--tunnel", "hub", "--timeout", "2s"));
        try (CopyProcess process = CopyProcess.start(folder, service.environment(), List.of(Doctored.line(words)))) {
            return Doctored.of(process.end(Duration.ofSeconds(30)));
        }
    }

    @Test
    void theHubHasNoProgramThatServes() throws IOException {
        Path place = Files.createDirectory(folder.resolve("bare"));
        try (HubProcess bare = HubProcess.start(place, Hidden.program("qemu-nbd"))) {
            doctor(bare.to()).fails("hub exports", 40, "qemu-nbd", "on the hub's host", LIMIT);
        }
    }

    /** What a process lacks belongs to it, so these are real ones. */
    @Test
    void aLibraryIsNotInstalled() throws IOException {
        List<String> words = source();
        words.addAll(lab.hub().to());
        for (String soname : List.of("libxxhash.so.0", "libnbd.so.0")) {
            try (CopyProcess process =
                    CopyProcess.start(folder, Hidden.library(soname), List.of(Doctored.line(words)))) {
                Doctored.of(process.end(Duration.ofSeconds(30)))
                        .fails("libraries", 63, soname, "install", Duration.ofSeconds(20));
            }
        }
        // Nor does a backup freeze the VM and find it out afterwards.
        MigrateLab from = lab.source();
        try (CopyProcess process = from.startWith(
                Hidden.library("libxxhash.so.0"),
                "hashless",
                List.of(from.trust(), from.password(), lab.hub().to()))) {
            Run run = process.end(Duration.ofSeconds(30));
            assertEquals(63, run.code(), run::toString);
            assertTrue(run.err().contains("libxxhash0"), run::toString);
        }
        assertEquals(List.of(), from.vm().history(), "a snapshot was taken");
    }

    /** The limit belongs to a process, so this one is a real one. */
    @Test
    void tooFewDescriptors() {
        withDescriptors(200)
                .warns(
                        "descriptor limit",
                        "200 are allowed: enough for one connection for each disk at once, which takes about 126",
                        "LimitNOFILE",
                        LIMIT);
        Doctored found = withDescriptors(110);
        assertTrue(found.of("fail").contains("descriptor limit"), found.report()::toString);
        assertEquals(63, found.run().code(), found.report()::toString);
    }

    private Doctored withDescriptors(int limit) {
        try (CopyProcess process = CopyProcess.start(
                folder,
                List.of("prlimit", "--nofile=" + limit + ":" + limit),
                List.of(Doctored.line(lab.source().toTargets(), "--connections", "4", "--timeout", "2s")))) {
            return Doctored.of(process.end(Duration.ofSeconds(30)));
        }
    }

    /** After a failure the job's own record is told as well. */
    @Test
    void aFailedJobIsTold() throws IOException {
        lab.source().standIn().fault("fail-open", "nbdkit: error: VixDiskLib_Open: The licence does not allow it");
        Run failed = lab.backUp("nightly", "--retry-for", "1s");
        assertEquals(12, failed.code(), failed::toString);
        lab.source().standIn().heal("fail-open");
        Doctored found = doctor(lab.hub().to(), List.of("--job-id", "nightly"));
        assertEquals(0, found.run().code(), found.report()::toString);
        assertTrue(found.report().get("job").getAsString().contains("job nightly: failed"), found.report()::toString);
    }
}
