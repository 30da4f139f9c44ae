package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.SshForward;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.QemuNbd.Format;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What does the user see of the hang that this project comes from? A qemu-nbd that serves one client,
 * a client that holds the slot, and a second one, directly and through a real {@code ssh -L}.
 */
class HangIT {
    private static final Duration LIMIT = Duration.ofSeconds(1);

    @TempDir
    private Path folder;

    @Test
    void secondClientIsToldWhatIsWrongAndHowToCureIt() throws IOException {
        try (QemuNbd server = qemu(1);
                NbdConnection first = hold(server.uri())) {
            assertExplained(server.uri());
            assertTrue(first.info().sizeBytes() > 0, "the first client was not disturbed");
        }
    }

    @Test
    void soIsOneBehindATunnel() throws IOException {
        try (QemuNbd server = qemu(1);
                LoopbackSshd sshd = LoopbackSshd.start(Files.createDirectory(folder.resolve("ssh")));
                SshForward tunnel = sshd.forwardToPort(port(server.uri()));
                NbdConnection first = hold(tunnel.uri("disk"))) {
            assertExplained(tunnel.uri("disk"));
            assertTrue(first.info().sizeBytes() > 0, "the first client was not disturbed");
        }
    }

    @Test
    void withSlotsForSeveralAllSucceed() throws IOException {
        try (QemuNbd server = qemu(4);
                LoopbackSshd sshd = LoopbackSshd.start(Files.createDirectory(folder.resolve("ssh")));
                SshForward tunnel = sshd.forwardToPort(port(server.uri()));
                NbdConnection _ = hold(server.uri())) {
            for (String uri : List.of(server.uri(), tunnel.uri("disk"))) {
                for (String command : List.of("probe", "map", "info")) {
                    Run run = Run.migratekit(command, uri);
                    assertEquals(0, run.code(), run.err());
                }
                Run probe = Run.migratekit("probe", uri);
                assertTrue(probe.out().contains("verdict: healthy"), probe.out());
            }
        }
    }

    @Test
    void probeWarnsOfAHealthyServerWithASingleSlot() throws IOException {
        try (QemuNbd server = qemu(1)) {
            Run text = Run.migratekit("probe", "--timeout", "1s", server.uri());
            assertEquals(0, text.code(), text.err());
            for (String words : List.of(
                    "warn  second connection",
                    "greeted after the first had left",
                    "serves one client at a time",
                    "--shared=N")) {
                assertTrue(text.out().contains(words), text.out());
            }
            Run json = Run.migratekit("probe", "--json", "--timeout", "1s", server.uri());
            assertEquals(0, json.code(), json.err());
            assertTrue(json.out().contains("\"verdict\": \"warn\""), json.out());
        }
    }

    @Test
    void probeNamesTheStepAtWhichAServerFreezes() throws IOException {
        try (Nbdkit server = Nbdkit.plugin("memory", "1M")
                .filter("delay")
                .parameter("rdelay=60")
                .start()) {
            Run run = Run.migratekit("probe", "--timeout", "1s", server.uri());
            assertEquals(32, run.code(), run.err());
            assertTrue(
                    run.out().contains("fail  reads") && run.out().contains("no data of a read within 1 s"), run.out());
            assertInTime(run);
        }
        try (QemuNbd server = qemu(4)) {
            try (Frozen _ = Frozen.process(server.process().pid())) {
                Run run = Run.migratekit("probe", "--timeout", "1s", server.uri());
                assertEquals(31, run.code(), run.err());
                assertTrue(run.out().contains("fail  greeting"), run.out());
                assertInTime(run);
            }
        }
    }

    private void assertExplained(String uri) {
        for (String command : List.of("probe", "map", "info")) {
            Run run = Run.migratekit(command, "--timeout", "1s", uri);
            assertEquals(31, run.code(), run.err());
            assertInTime(run);
            String said = command.equals("probe") ? run.out() : run.err();
            for (String words : List.of("no NBD greeting within 1 s", "MAGIC.RECV_MAGIC", "--shared=N")) {
                assertTrue(said.contains(words), command + ": " + said);
            }
        }
    }

    private static void assertInTime(Run run) {
        assertTrue(run.took().compareTo(LIMIT.plusSeconds(1)) < 0, run.took() + " " + run.err());
    }

    private QemuNbd qemu(int shared) throws IOException {
        return QemuNbd.of(new NbdImages(folder, 5).qcow2("disk.qcow2", 1 << 20), Format.QCOW2, shared)
                .exportName("disk")
                .loopbackPort(0)
                .start();
    }

    private static NbdConnection hold(String uri) {
        return NbdConnection.open(NbdUri.parse(uri), ConnectSpec.of("holder"));
    }

    private static int port(String uri) {
        return ((NbdUri.Tcp) NbdUri.parse(uri).transport()).port();
    }
}
