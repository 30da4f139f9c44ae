package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.ScriptedNbd;
import io.migratekit.nbd.fixture.SilentServer;
import io.migratekit.nbd.fixture.TlsFiles;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.QemuNbd.Format;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Does {@code doctor} name what is wrong between this machine and an export, directly and through a real sshd, with cause,
 * remedy and code, in time? Only road and export are named, so that only they are looked at.
 */
class DoctorRoadTest {
    /** With --timeout 1s each wait ends after a second, and those for further clients after another one. */
    private static final Duration LIMIT = Duration.ofSeconds(6);

    @TempDir
    private static Path shared;

    private static LoopbackSshd sshd;

    @TempDir
    private Path folder;

    @BeforeAll
    static void startSshd() throws IOException {
        sshd = LoopbackSshd.start(Files.createDirectory(shared.resolve("ssh")));
    }

    @AfterAll
    static void stopSshd() {
        sshd.close();
    }

    private static List<String> keys() {
        return List.of(
                "--ssh-key",
                sshd.userKey().toString(),
                "--ssh-known-hosts",
                sshd.knownHosts().toString());
    }

    /** The words that lead through the sshd, in front of an export as it is seen there. */
    private static List<String> through(String host, List<String> keys) {
        List<String> words = new ArrayList<>(List.of("--ssh", host));
        words.addAll(keys);
        return words;
    }

    private static List<String> through() {
        return through("127.0.0.1:" + sshd.port(), keys());
    }

    private Doctored doctor(String export, List<String> road, String... more) {
        List<String> words = new ArrayList<>(List.of("--timeout", "1s", "--nbd-target", export));
        words.addAll(List.of("--state-dir", folder.resolve("state").toString()));
        words.addAll(road);
        return Doctored.of(words, more);
    }

    /** The same is found directly and through SSH. */
    private void both(String export, String check, int code, String evidence, String remedy, String... more) {
        for (List<String> road : List.of(List.<String>of(), through())) {
            doctor(export, road, more).fails(check, code, evidence, remedy, LIMIT);
        }
    }

    private void bothWarn(String export, String check, String evidence, String remedy, String... more) {
        for (List<String> road : List.of(List.<String>of(), through())) {
            doctor(export, road, more).warns(check, evidence, remedy, LIMIT);
        }
    }

    private QemuNbd.Builder qemu(int slots) throws IOException {
        return QemuNbd.of(new NbdImages(folder, 5).qcow2("disk.qcow2", 1 << 20), Format.QCOW2, slots)
                .exportName("disk")
                .loopbackPort(0);
    }

    private static NbdConnection hold(String uri) {
        return NbdConnection.open(NbdUri.parse(uri), ConnectSpec.of("hold"));
    }

    @Test
    void aHealthyRoadIsSaidInOneLine() throws IOException {
        try (QemuNbd server = qemu(6).start()) {
            doctor(server.uri(), List.of()).isWell(LIMIT, "nbd greeting", "slots", "multi-conn", "writable", "latency");
            Doctored road = doctor(server.uri(), through());
            road.isWell(
                    LIMIT, "ssh host key", "forward", "listening", "slots", "block status", "round trip", "keepalive");
            assertEquals("[\"the source\"]", road.report().get("skipped").toString());
            assertFalse(Files.exists(folder.resolve("state")), "nothing was changed here");
            List<String> words = new ArrayList<>(List.of("doctor", "--nbd-target", server.uri()));
            words.addAll(through());
            Run text = Run.migratekit(words.toArray(String[]::new));
            assertEquals(2, text.out().lines().count(), text.out());
            assertTrue(text.out().startsWith("all clear: "), text.out());
        }
    }

    @Test
    void theSshServerIsNotReachedOrNotTrusted() throws IOException {
        String export = "nbd://127.0.0.1:10809/";
        doctor(export, through("no-such-host.invalid", keys()))
                .fails("ssh address", 20, "no-such-host.invalid", "check name, port", LIMIT)
                .leavesOut("ssh address", "ssh connection", "ssh authentication", "forward", "nbd greeting", "slots");
        doctor(export, through("127.0.0.1:1", keys()))
                .fails("ssh connection", 20, "127.0.0.1:1", "sshd runs there", LIMIT)
                .leavesOut("ssh connection", "ssh host key", "listening", "size");
        try (SilentServer web = SilentServer.onLoopback(SilentServer.Manner.HTTP);
                SilentServer silent = SilentServer.onLoopback(SilentServer.Manner.SILENT)) {
            doctor(export, through("127.0.0.1:" + web.port(), keys()))
                    .fails("ssh version", 20, "", "", LIMIT)
                    .leavesOut("ssh version", "ssh host key", "nbd greeting");
            doctor(export, through("127.0.0.1:" + silent.port(), keys()))
                    .fails("ssh version", 20, "within 1", "is sshd stopped?", LIMIT);
        }
        Path empty = Files.createFile(folder.resolve("empty"));
        doctor(
                        export,
                        through(
                                "127.0.0.1:" + sshd.port(),
                                List.of("--ssh-key", "" + sshd.userKey(), "--ssh-known-hosts", "" + empty)))
                .fails("ssh host key", 20, "not known", "--ssh-fingerprint", LIMIT)
                .leavesOut("ssh host key", "ssh authentication", "forward");
    }

    @Test
    void ourKeyIsNotGoodEnough() throws IOException {
        String secret = "canary-passphrase-of-the-test";
        Path stranger = folder.resolve("stranger");
        Tool.run("ssh-keygen", "-q", "-t", "ed25519", "-N", secret, "-f", stranger.toString());
        Path wrong = Files.writeString(folder.resolve("wrong"), "not it\n");
        Path right = Files.writeString(folder.resolve("right"), secret + "\n");
        Doctored closed = doctor("nbd://127.0.0.1:10809/", through("127.0.0.1:" + sshd.port(), key(stranger, wrong)));
        closed.fails("ssh private key", 20, "does not open", "--ssh-passphrase-file", LIMIT)
                .leavesOut("ssh private key", "ssh authentication", "forward", "nbd greeting");
        Doctored unknown = doctor("nbd://127.0.0.1:10809/", through("127.0.0.1:" + sshd.port(), key(stranger, right)));
        unknown.fails("ssh authentication", 20, "", "authorized_keys", LIMIT)
                .leavesOut("ssh authentication", "forward", "listening");
        assertFalse((closed.run().out() + unknown.run().out()).contains(secret), "a passphrase was printed");
    }

    private static List<String> key(Path key, Path passphrase) {
        return List.of(
                "--ssh-key",
                key.toString(),
                "--ssh-passphrase-file",
                passphrase.toString(),
                "--ssh-known-hosts",
                sshd.knownHosts().toString());
    }

    @Test
    void theForwardIsForbiddenOrNobodyListens() throws IOException {
        doctor("nbd://127.0.0.1:1/disk", through())
                .fails("listening", 30, "nothing listens there", "start the export on the hub", LIMIT)
                .leavesOut("listening", "nbd greeting", "export", "slots");
        doctor("nbd://127.0.0.1:1/disk", List.of())
                .fails("nbd connection", 30, "127.0.0.1:1", "start the server", LIMIT)
                .leavesOut("nbd connection", "nbd greeting", "slots");
        try (LoopbackSshd strict =
                        LoopbackSshd.start(Files.createDirectory(folder.resolve("strict")), "PermitOpen 127.0.0.1:1");
                QemuNbd server = qemu(6).start()) {
            List<String> keys =
                    List.of("--ssh-key", "" + strict.userKey(), "--ssh-known-hosts", "" + strict.knownHosts());
            doctor(server.uri(), through("127.0.0.1:" + strict.port(), keys))
                    .fails("forward", 20, "PermitOpen", "migratekit hub sshd-config", LIMIT)
                    .leavesOut("forward", "listening", "nbd greeting");
        }
        doctor("nbd://127.0.0.1:10809/", List.of("--tunnel", "nobody-runs-this"))
                .fails("tunnel service", 20, "nobody-runs-this", "migratekit tunnel status", LIMIT)
                .leavesOut("tunnel service", "forward", "nbd greeting");
    }

    /** What people met first: qemu-nbd serves one client, and the next one gets a connection and then silence. */
    @Test
    void theServerHasFewerSlotsThanTheJobPlans() throws IOException {
        try (QemuNbd one = qemu(1).start()) {
            for (List<String> road : List.of(List.<String>of(), through())) {
                doctor(one.uri(), road)
                        .fails("slots", 31, "gets a connection and then silence; the job plans 4", "--shared=5", LIMIT)
                        .leavesOut("slots", "multi-conn");
                doctor(one.uri(), road, "--connections", "1").isWell(LIMIT, "nbd greeting", "writable");
            }
            Run text = Run.migratekit("doctor", "--timeout", "1s", "--nbd-target", one.uri());
            assertEquals(31, text.code(), text::toString);
            for (String words : List.of(
                    "fail  slots [" + one.uri()
                            + "]: Are as many clients served at once as the job plans?\n      the server",
                    "\n      remedy: give the server more client slots (start qemu-nbd with --shared=5)",
                    "\nnot asked, since slots failed: multi-conn\n1 check failed, 0 warnings, ",
                    "; exit code 31: the NBD server accepts the connection but sends no greeting")) {
                assertTrue(text.out().contains(words), text.out());
            }
            try (NbdConnection _ = hold(one.uri())) {
                both(one.uri(), "nbd greeting", 31, "no NBD greeting within 1 s", "--shared=N");
            }
        }
    }

    @Test
    void othersHoldTheSlots() throws IOException {
        try (QemuNbd five = qemu(5).start();
                NbdConnection _ = hold(five.uri());
                NbdConnection _ = hold(five.uri())) {
            both(five.uri(), "slots", 31, "only 3 clients were served at once", "end the clients that hold them");
            doctor(five.uri(), List.of(), "--connections", "3").isWell(LIMIT, "slots");
        }
    }

    @Test
    void nobodyGreetsOrItIsNoNbd() throws IOException {
        try (SilentServer silent = SilentServer.onLoopback(SilentServer.Manner.SILENT);
                SilentServer web = SilentServer.onLoopback(SilentServer.Manner.HTTP)) {
            both("nbd://127.0.0.1:" + silent.port(), "nbd greeting", 31, "no NBD greeting", "ss -tnp");
            both("nbd://127.0.0.1:" + web.port(), "nbd greeting", 30, "", "correct host and port");
        }
        try (QemuNbd server = qemu(6).start();
                Frozen _ = Frozen.process(server.process().pid())) {
            both(server.uri(), "nbd greeting", 31, "no NBD greeting", "is the server running and not stopped");
        }
    }

    @Test
    void theExportIsNotWhatIsNeeded() throws IOException {
        try (QemuNbd server = qemu(6).start()) {
            both(server.uri().replace("/disk", "/other"), "export", 30, "other", "info --list");
        }
        try (QemuNbd server = QemuNbd.of(new NbdImages(folder, 6).qcow2("ro.qcow2", 1 << 20), Format.QCOW2, 6)
                .loopbackPort(0)
                .readOnly()
                .start()) {
            both(server.uri(), "writable", 2, "read-only", "--read-only");
        }
        try (ScriptedNbd bare =
                ScriptedNbd.start(ScriptedNbd.Script.disk(1 << 20).offering())) {
            bothWarn(bare.uri(), "block status", "has to read everything", "base:allocation", "--connections", "1");
        }
        try (Nbdkit single = Nbdkit.plugin("memory", "1M")
                .filter("multi-conn")
                .parameter("multi-conn-mode=disable")
                .start()) {
            doctor(single.uri(), List.of()).warns("multi-conn", "through one instead of 4", "--shared=N", LIMIT);
        }
    }

    @Test
    void encryptionIsNotAgreedOn() throws IOException {
        Path keys = TlsFiles.psk(folder.resolve("keys"), "alice", 1);
        try (Nbdkit server = Nbdkit.plugin("memory", "1M")
                .loopbackPort(0)
                .tlsPsk(keys.resolve("keys.psk"))
                .start()) {
            String plain = server.uri().replace("nbds", "nbd").replaceAll("\\?.*", "");
            both(plain, "nbd encryption", 34, "", "compare the TLS settings");
        }
    }

    @Test
    void slowAnswersAndSilentOnes() throws IOException {
        try (Nbdkit slow = Nbdkit.plugin("memory", "1M")
                        .filter("delay")
                        .parameter("rdelay=42ms")
                        .start();
                Nbdkit silent = Nbdkit.plugin("memory", "1M")
                        .filter("delay")
                        .parameter("rdelay=60")
                        .start()) {
            doctor(slow.uri(), List.of()).warns("latency", "about 40 ms", "many requests in flight", LIMIT);
            Doctored found = doctor(silent.uri(), List.of());
            found.fails("latency", 32, "no data of a read within 1 s", "the disk below it", LIMIT);
        }
    }

    @Test
    void aServerThatEndsWithItsClientIsTold() throws IOException {
        try (QemuNbd once = qemu(1).persistent(false).start()) {
            doctor(once.uri(), List.of()).fails("slots", 31, "one client in its life", "--persistent", LIMIT);
        }
    }

    @Test
    void nothingNamedIsAMistake() {
        Run run = Run.migratekit("doctor", "--state-dir", folder.toString());
        assertEquals(2, run.code(), run::toString);
        assertTrue(run.err().contains("--nbd-target"), run.err());
        Doctored.of(List.of("--nbd-export-name", "{disk}", "--state-dir", folder.toString()))
                .warns("targets", "no VM is named", "--vmware-path", LIMIT);
        Run two = Run.migratekit("doctor", "--ssh", "h", "--tunnel", "t", "--nbd-target", "nbd://h/");
        assertEquals(2, two.code(), two::toString);
    }
}
