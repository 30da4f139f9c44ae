package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.SilentServer;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.QemuNbd.Format;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does {@code tunnel check} name the hop at which a road through a real sshd is broken, and what to do? */
class TunnelCheckIT {
    private static final Duration LIMIT = Duration.ofSeconds(2);
    private static final String CANARY = "canary-passphrase-of-the-test";

    @TempDir
    private Path folder;

    private LoopbackSshd sshd;

    @BeforeEach
    void startSshd() throws IOException {
        sshd = LoopbackSshd.start(Files.createDirectory(folder.resolve("ssh")));
    }

    @AfterEach
    void stopSshd() {
        sshd.close();
    }

    @Test
    void theWholeRoadIsOpen() throws IOException {
        try (QemuNbd server = qemu(4).loopbackPort(0).start()) {
            Run run = check(nbdPort(server), "--json");
            assertEquals(0, run.code(), run.err() + run.out());
            var json = JsonParser.parseString(run.out()).getAsJsonObject();
            assertEquals("ok", json.get("verdict").getAsString());
            assertEquals(
                    List.of(
                            "resolve",
                            "connect",
                            "ssh version",
                            "host key",
                            "authentication",
                            "forward",
                            "listening",
                            "nbd greeting",
                            "second greeting"),
                    json.getAsJsonArray("steps").asList().stream()
                            .map(step -> step.getAsJsonObject().get("step").getAsString())
                            .toList());
            assertTrue(run.out().contains("SSH-2.0-OpenSSH"), run.out());
            assertTrue(run.out().contains("SHA256:"), run.out());
            assertEquals("", run.err());
        }
    }

    @Test
    void aUnixSocketIsReachedToo() throws IOException {
        Path socket = folder.resolve("disk.sock");
        try (QemuNbd _ = qemu(4).unixSocket(socket).start()) {
            Run run = check("unix:" + socket);
            assertEquals(0, run.code(), run.err() + run.out());
        }
        assertBroken(30, "fail  listening", "unix:" + folder.resolve("nowhere.sock"), "no such socket");
    }

    @Test
    void aSingleSlotIsAWarning() throws IOException {
        try (QemuNbd server = qemu(1).loopbackPort(0).start()) {
            Run run = check(nbdPort(server));
            assertEquals(0, run.code(), run.err() + run.out());
            assertTrue(run.out().contains("warn  second greeting"), run.out());
            assertTrue(run.out().contains("--shared=N"), run.out());
        }
    }

    @Test
    void nothingListens() {
        assertBroken(30, "fail  listening", "127.0.0.1:1", "nothing listens there", "Start the export");
    }

    @Test
    void theForwardIsForbidden() throws IOException {
        sshd.close();
        sshd = LoopbackSshd.start(Files.createDirectory(folder.resolve("strict")), "PermitOpen 127.0.0.1:*");
        assertBroken(20, "fail  forward", "127.0.0.2:10809", "PermitOpen", "migratekit hub sshd-config");
        // Measured with OpenSSH 9.2: it can list no sockets, forbids them all, and does not say so.
        Path socket = folder.resolve("disk.sock");
        try (QemuNbd _ = qemu(4).unixSocket(socket).start()) {
            assertBroken(30, "fail  listening", "unix:" + socket, "any PermitOpen");
        }
    }

    @Test
    void nobodyGreets() throws IOException {
        try (SilentServer silent = SilentServer.onLoopback(SilentServer.Manner.SILENT)) {
            assertBroken(31, "fail  nbd greeting", "127.0.0.1:" + silent.port(), "no NBD greeting", "--shared=N");
        }
    }

    @Test
    void sshdIsFrozen() {
        try (Frozen _ = sshd.freeze()) {
            assertBroken(20, "fail  ssh version", "127.0.0.1:10809", "within 1 s");
        }
    }

    @Test
    void theHostKeyIsUnknownOrAnother() throws IOException {
        Path empty = Files.createFile(folder.resolve("empty"));
        Run unknown =
                migratekit("127.0.0.1:1", "--ssh-key", sshd.userKey().toString(), "--ssh-known-hosts", "" + empty);
        assertBroken(20, "fail  host key", unknown, "not known", "--ssh-fingerprint");
        Run other = migratekit(
                "127.0.0.1:1", "--ssh-key", sshd.userKey().toString(), "--ssh-fingerprint", "SHA256:" + "A".repeat(43));
        assertBroken(20, "fail  host key", other, "another host key");
    }

    @Test
    void theKeyDoesNotOpen() throws IOException {
        Path stranger = folder.resolve("stranger");
        Tool.run("ssh-keygen", "-q", "-t", "ed25519", "-N", CANARY, "-f", stranger.toString());
        Path wrong = Files.writeString(folder.resolve("wrong"), "not " + CANARY + "\n");
        Path right = Files.writeString(folder.resolve("right"), CANARY + "\n");
        List<Run> runs = new ArrayList<>();
        runs.add(withKey(stranger, wrong));
        assertBroken(20, "fail  private key", runs.getLast(), "does not open");
        runs.add(withKey(stranger, right));
        assertBroken(20, "fail  authentication", runs.getLast(), "authorized_keys");
        for (Run run : runs) {
            assertFalse((run.out() + run.err()).contains(CANARY), "a passphrase was printed");
            for (String line : Files.readAllLines(stranger)) {
                assertFalse((run.out() + run.err()).contains(line), "a private key was printed");
            }
        }
    }

    @Test
    void mistakesAreExplained() {
        for (String to : List.of("nowhere", ":1", "unix:relative", "h:99999", "h:0")) {
            Run run = check(to);
            assertEquals(2, run.code(), to + run.err());
        }
        assertEquals(2, Run.migratekit("tunnel").code());
        assertEquals(2, Run.migratekit("tunnel", "check", "h").code());
        Run pin = migratekit("127.0.0.1:1", "--ssh-fingerprint", "MD5:aa");
        assertEquals(2, pin.code());
        assertTrue(pin.err().contains("--ssh-fingerprint"), pin.err());
    }

    private Run withKey(Path key, Path passphrase) {
        return migratekit(
                "127.0.0.1:1",
                "-v",
                "--ssh-key",
                key.toString(),
                "--ssh-passphrase-file",
                passphrase.toString(),
                "--ssh-known-hosts",
                sshd.knownHosts().toString());
    }

    private void assertBroken(int code, String hop, String to, String... words) {
        assertBroken(code, hop, check(to), words);
    }

    private static void assertBroken(int code, String hop, Run run, String... words) {
        assertEquals(code, run.code(), run.err() + run.out());
        assertTrue(run.out().contains(hop), run.out());
        assertTrue(run.out().contains("remedy:  "), run.out());
        for (String word : words) {
            assertTrue(run.out().contains(word), run.out());
        }
        assertTrue(run.took().compareTo(LIMIT) < 0, run.took() + " " + run.out());
    }

    private Run check(String to, String... more) {
        List<String> words = new ArrayList<>(List.of(more));
        words.addAll(List.of(
                "--ssh-key",
                sshd.userKey().toString(),
                "--ssh-known-hosts",
                sshd.knownHosts().toString()));
        return migratekit(to, words.toArray(String[]::new));
    }

    private Run migratekit(String to, String... more) {
        List<String> words = new ArrayList<>(
                List.of("tunnel", "check", "127.0.0.1:" + sshd.port(), "--forward", to, "--timeout", "1s"));
        words.addAll(List.of(more));
        return Run.migratekit(words.toArray(String[]::new));
    }

    private QemuNbd.Builder qemu(int shared) throws IOException {
        return QemuNbd.of(new NbdImages(folder, 5).qcow2("disk.qcow2", 1 << 20), Format.QCOW2, shared)
                .exportName("disk");
    }

    private static String nbdPort(QemuNbd server) {
        String uri = server.uri();
        return uri.substring("nbd://".length(), uri.indexOf('/', "nbd://".length()));
    }
}
