package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.cli.CopyLab.Servers;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With an encrypted key that opens the door: is it, or its passphrase, ever to be seen anywhere? */
class SecretsIT {
    private static final int MIB = 1 << 20;
    private static final String CANARY = "canary-passphrase-that-fits";

    @TempDir
    private Path folder;

    private Path key;
    private Path passphrase;
    /** What must not be seen: the passphrase, and the lines of the key with and without it. */
    private final List<String> secrets = new ArrayList<>(List.of(CANARY));

    @BeforeEach
    void makeKey() throws IOException {
        key = folder.resolve("key");
        Tool.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key.toString());
        secrets.addAll(linesOfKey());
        Tool.run("ssh-keygen", "-q", "-p", "-P", "", "-N", CANARY, "-f", key.toString());
        secrets.addAll(linesOfKey());
        passphrase = Files.writeString(folder.resolve("passphrase"), CANARY + "\n");
    }

    private List<String> linesOfKey() throws IOException {
        return Files.readAllLines(key).stream()
                .filter(line -> line.length() > 20 && !line.startsWith("-----"))
                // The beginning is the same for all keys of its kind.
                .filter(line -> !line.startsWith("b3BlbnNzaC1rZXktdjEA"))
                .toList();
    }

    private LoopbackSshd sshd() throws IOException {
        LoopbackSshd sshd = LoopbackSshd.start(Files.createDirectory(folder.resolve("sshd")));
        Files.writeString(
                folder.resolve("sshd/authorized_keys"),
                Files.readString(Path.of(key + ".pub")),
                StandardOpenOption.APPEND);
        return sshd;
    }

    @Test
    void aCopyThroughSshTellsNone() throws Exception {
        try (LoopbackSshd sshd = sshd();
                CopyLab lab = new CopyLab(folder, 3, Servers.HEALTHY, 16L * MIB, new ByteRange(0, 8 * MIB));
                CopyProcess copy = lab.copy(
                        "--debug",
                        "--rate",
                        "4M",
                        "--ssh",
                        System.getProperty("user.name") + "@127.0.0.1:" + sshd.port(),
                        "--ssh-key",
                        key.toString(),
                        "--ssh-passphrase-file",
                        passphrase.toString(),
                        "--ssh-known-hosts",
                        sshd.knownHosts().toString())) {
            lab.awaitTraffic(copy);
            String seen = ofProcess(copy.pid())
                    + lab.ask("status", "--json").out()
                    + lab.ask("why").out();
            copy.signal("USR1");
            copy.signal("QUIT");
            Run run = copy.end(Duration.ofSeconds(60));
            assertEquals(0, run.code(), run.err());
            assertTrue(run.out().contains("Full thread dump"), run.out());
            assertTrue(run.err().contains("tunnel=target up"), run.err());
            assertNothingSecret(seen + run.out() + run.err() + filesBelow(lab.state()));
        }
    }

    @Test
    void aTunnelThatRunsTellsNone() throws Exception {
        try (LoopbackSshd sshd = sshd();
                ServiceProcess service = ServiceProcess.start(folder, sshd, key, passphrase)) {
            String seen = ofProcess(service.pid()) + service.client().status("hub");
            Tool.run("kill", "-QUIT", Long.toString(service.pid()));
            Waiting.until(
                    "it shows its threads",
                    Duration.ofSeconds(10),
                    () -> service.log().contains("JNI global refs"));
            assertTrue(service.log().contains("tunnel=hub up"), service.log());
            assertNothingSecret(seen + service.log() + filesBelow(service.sockets()));
        }
    }

    /** What every user of the machine, or at least root, can see of a process. */
    private static String ofProcess(long pid) throws IOException {
        String environment = Files.readString(Path.of("/proc/" + pid + "/environ"), StandardCharsets.ISO_8859_1);
        String words = Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
        assertTrue(environment.contains("PATH="), environment);
        assertTrue(words.contains("java"), words);
        return environment + words;
    }

    private static String filesBelow(Path folder) throws IOException {
        StringBuilder all = new StringBuilder();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                all.append(Files.readString(file, StandardCharsets.ISO_8859_1));
            }
        }
        return all.toString();
    }

    private void assertNothingSecret(String all) {
        assertTrue(secrets.size() > 6, "what is to be looked for is missing");
        for (String secret : secrets) {
            assertFalse(all.contains(secret), "a secret was told");
        }
    }
}
