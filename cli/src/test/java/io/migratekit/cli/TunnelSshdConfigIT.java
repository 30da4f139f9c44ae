package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.HostKeys;
import io.migratekit.tunnel.SshKeys;
import io.migratekit.tunnel.SshTarget;
import io.migratekit.tunnel.SshTunnel;
import io.migratekit.tunnel.TunnelException;
import io.migratekit.tunnel.TunnelSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a real sshd with the lines that {@code hub sshd-config} prints allow what a tunnel needs, and nothing else? */
class TunnelSshdConfigIT {
    @TempDir
    private Path folder;

    @Test
    void whatIsListedCanBeReachedAndNothingElse() throws Exception {
        int back = LoopbackSshd.freePort();
        try (Nbdkit listed = Nbdkit.plugin("memory", "1M").loopbackPort(0).start();
                Nbdkit other = Nbdkit.plugin("memory", "1M").loopbackPort(0).start();
                Nbdkit socket = Nbdkit.plugin("memory", "1M")
                        .unixSocket(folder.resolve("disk.sock"))
                        .start();
                LoopbackSshd sshd = sshd("--ports", "1," + port(listed), "--reverse-port", Integer.toString(back))) {
            assertEquals(0, check(sshd, port(listed)).code());
            assertEquals(20, check(sshd, port(other)).code());
            Run unix = check(sshd, "unix:" + folder.resolve("disk.sock"));
            assertTrue(unix.code() != 0, socket.uri() + unix.out());
            openReverse(sshd, back);
            int elsewhere = LoopbackSshd.freePort();
            assertInstanceOf(
                    TunnelException.ForwardRefused.class,
                    assertThrows(TunnelException.class, () -> openReverse(sshd, elsewhere)));
            Run shell = Run.program(
                    "ssh",
                    "-F/dev/null",
                    "-i" + sshd.userKey(),
                    "-oUserKnownHostsFile=" + sshd.knownHosts(),
                    "-oBatchMode=yes",
                    "-p" + sshd.port(),
                    "127.0.0.1",
                    "echo",
                    "inside");
            assertTrue(shell.code() != 0, shell.out());
            assertEquals("", shell.out(), "no command may be run");
        }
    }

    @Test
    void socketsInsteadOfPorts() throws Exception {
        try (Nbdkit socket = Nbdkit.plugin("memory", "1M")
                        .unixSocket(folder.resolve("disk.sock"))
                        .start();
                LoopbackSshd sshd = sshd("--sockets", "--reverse-port", "0")) {
            Run unix = check(sshd, "unix:" + folder.resolve("disk.sock"));
            assertEquals(0, unix.code(), socket.uri() + unix.out());
            int back = LoopbackSshd.freePort();
            assertThrows(TunnelException.ForwardRefused.class, () -> openReverse(sshd, back));
        }
    }

    @Test
    void theLineForTheKeyIsAFenceOfItsOwn() throws Exception {
        try (Nbdkit listed = Nbdkit.plugin("memory", "1M").loopbackPort(0).start();
                Nbdkit other = Nbdkit.plugin("memory", "1M").loopbackPort(0).start();
                LoopbackSshd sshd = LoopbackSshd.start(Files.createDirectory(folder.resolve("ssh")))) {
            Path keys = folder.resolve("ssh").resolve("authorized_keys");
            Run printed = Run.migratekit("hub", "sshd-config", "--ports", port(listed), "--key", keys.toString());
            assertEquals(0, printed.code(), printed.err());
            String inTheText = Run.migratekit("hub", "sshd-config", "--ports", port(listed))
                    .out();
            String fence = printed.out().substring(0, printed.out().indexOf(" ssh-"));
            assertTrue(inTheText.contains("#   " + fence + " ssh-ed25519 AAAA..."), inTheText);
            Files.writeString(keys, printed.out());
            assertEquals(0, check(sshd, port(listed)).code());
            assertEquals(20, check(sshd, port(other)).code());
        }
    }

    @Test
    void whatIsNoPublicKeyIsRefused() throws Exception {
        for (String text : List.of(
                "",
                "ssh-ed25519",
                "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n",
                "ssh-ed25519 AAAAC3Nz\nssh-ed25519 AAAAC3Nz\n",
                "restrict ssh-ed25519 AAAAC3Nz")) {
            Path file = Files.writeString(folder.resolve("key"), text);
            Run run = Run.migratekit("hub", "sshd-config", "--key", file.toString());
            assertEquals(2, run.code(), text);
            assertEquals("", run.out());
            assertTrue(run.err().contains(text.contains("PRIVATE") ? "private half" : "not the one line"), run.err());
        }
        assertEquals(
                2,
                Run.migratekit("hub", "sshd-config", "--key", folder.resolve("none") + "")
                        .code());
    }

    @Test
    void mistakesAreExplained() {
        for (List<String> words : List.of(
                List.of("--ports", "0"),
                List.of("--ports", "5-4"),
                List.of("--ports", "1-65535"),
                List.of("--ports", "ssh"),
                List.of("--reverse-port", "70000"),
                List.of("--user", "a b"))) {
            List<String> line = new ArrayList<>(List.of("hub", "sshd-config"));
            line.addAll(words);
            assertEquals(2, Run.migratekit(line.toArray(String[]::new)).code(), words.toString());
        }
        assertEquals(2, Run.migratekit("hub").code());
        String usual = Run.migratekit("hub", "sshd-config").out();
        assertTrue(usual.contains("PermitOpen 127.0.0.1:9080 127.0.0.1:10809 127.0.0.1:10810 "), usual);
        assertTrue(usual.contains(" 127.0.0.1:10908\n"), usual);
    }

    /** With the printed lines as a drop-in, which sshd has to understand to start at all. */
    private LoopbackSshd sshd(String... words) throws IOException {
        List<String> line = new ArrayList<>(List.of("hub", "sshd-config", "--user", System.getProperty("user.name")));
        line.addAll(List.of(words));
        Run printed = Run.migratekit(line.toArray(String[]::new));
        assertEquals(0, printed.code(), printed.err());
        Path dropIn = Files.writeString(folder.resolve("drop-in.conf"), printed.out());
        return LoopbackSshd.start(Files.createDirectory(folder.resolve("ssh")), "Include " + dropIn);
    }

    private static void openReverse(LoopbackSshd sshd, int port) {
        TunnelSpec spec = TunnelSpec.of(
                        "reverse",
                        SshTarget.parse("127.0.0.1:" + sshd.port()),
                        SshKeys.of(sshd.userKey()),
                        new HostKeys.KnownHosts(List.of(sshd.knownHosts())))
                .withForwards(new Forward.ReverseTcp("127.0.0.1", port, Forward.loopback(9)));
        SshTunnel.open(spec).close();
    }

    private static Run check(LoopbackSshd sshd, String to) {
        return Run.migratekit(
                "tunnel",
                "check",
                "127.0.0.1:" + sshd.port(),
                "--timeout",
                "3s",
                "--ssh-key",
                sshd.userKey().toString(),
                "--ssh-known-hosts",
                sshd.knownHosts().toString(),
                "--forward",
                to);
    }

    private static String port(Nbdkit server) {
        return server.uri().replaceAll("nbd://[^/]+:([0-9]+).*", "$1");
    }
}
