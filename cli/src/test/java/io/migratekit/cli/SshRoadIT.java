package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.cli.CopyLab.Servers;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Do commands reach an export behind an SSH server, and survive what happens to the road there? */
class SshRoadIT {
    private static final int MIB = 1 << 20;
    private static final int KILLS = 20;
    private static final String PROGRAM = Path.of("..", "bin", "migratekit").toString();

    @TempDir
    private Path folder;

    private CopyLab lab(int dataBytes) throws IOException {
        return new CopyLab(folder, 5, Servers.HEALTHY, 2L * dataBytes, new ByteRange(0, dataBytes));
    }

    private LoopbackSshd sshd() throws IOException {
        return LoopbackSshd.start(Files.createDirectories(folder.resolve("sshd")));
    }

    private static List<String> through(LoopbackSshd sshd) {
        return List.of(
                "--ssh",
                System.getProperty("user.name") + "@127.0.0.1:" + sshd.port(),
                "--ssh-key",
                sshd.userKey().toString(),
                "--ssh-known-hosts",
                sshd.knownHosts().toString());
    }

    private static String[] words(List<String> first, String... more) {
        List<String> all = new ArrayList<>(first);
        all.addAll(List.of(more));
        return all.toArray(new String[0]);
    }

    @Test
    void mapAndInfoSeeTheSameThroughIt() throws IOException {
        try (CopyLab lab = lab(4 * MIB);
                LoopbackSshd sshd = sshd()) {
            String uri = lab.targetRoad().uri("disk");
            for (String command : List.of("map", "info")) {
                Run direct = Run.migratekit(command, uri);
                Run far = Run.migratekit(words(List.of(command), words(through(sshd), uri)));
                assertEquals(0, far.code(), far.err());
                assertEquals(
                        direct.out(),
                        far.out().replaceAll(" \\(through ssh://[^)]*\\)", ""),
                        () -> command + ": " + far.err());
            }
        }
    }

    @Test
    void aCopySurvivesThatItsRoadIsCutAgainAndAgain() throws Exception {
        try (CopyLab lab = lab(96 * MIB);
                LoopbackSshd sshd = sshd()) {
            String[] options = words(through(sshd), "--rate", "1M", "--checkpoint-every", "2M", "--retry-for", "90s");
            try (CopyProcess copy = lab.copy(options)) {
                for (int i = 0; i < KILLS; i++) {
                    lab.awaitTraffic(copy);
                    CopyLab.breakRoad(sshd);
                }
                lab.awaitTraffic(copy);
                assertEquals(0, lab.ask("rate", "200M").code());
                Run run = copy.end(Duration.ofSeconds(60));
                assertEquals(0, run.code(), run.err());
            }
            assertEquals(0, lab.compare().exitStatus());
            // The job is about the address as it is seen from there, so that another tunnel continues it.
            Run again = lab.copy(words(through(sshd))).end(Duration.ofSeconds(20));
            assertEquals(0, again.code(), again.err());
            assertTrue(again.err().contains("was finished before"), again.err());
        }
    }

    @Test
    void aFrozenSshServerIsToldFromAFrozenExport() throws IOException {
        try (CopyLab lab = lab(48 * MIB);
                LoopbackSshd sshd = sshd()) {
            String[] options =
                    words(through(sshd), "--rate", "6M", "--timeout", "2s", "--stall-after", "4s", "--retry-for", "8s");
            try (CopyProcess copy = lab.copy(options)) {
                copy.awaitSaid("tunnel=target up", Duration.ofSeconds(20));
                sleep();
                try (Frozen _ = Frozen.processes(sshd.sessions());
                        Frozen _ = sshd.freeze()) {
                    Run run = copy.end(Duration.ofSeconds(60));
                    assertEquals(20, run.code(), run.err());
                    assertTrue(run.err().contains("stalled in tunnel"), run.err());
                    assertTrue(run.err().contains("ssh://"), run.err());
                }
            }
        }
    }

    @Test
    void withoutAPlaceForItsNearEndThereIsNoRoad() throws IOException {
        try (LoopbackSshd sshd = sshd()) {
            String missing = folder.resolve("missing").toString();
            List<String> line = new ArrayList<>(List.of("env", "TMPDIR=" + missing, PROGRAM, "map"));
            line.addAll(through(sshd));
            line.add("nbd://127.0.0.1:1/disk");
            Run run = Run.program(line.toArray(String[]::new));
            assertEquals(63, run.code(), run.err());
            assertTrue(run.err().contains("no folder can be made in " + missing), run.err());
        }
    }

    private static void sleep() {
        try {
            Thread.sleep(1500);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void failuresOfTheRoadAreNamed() throws IOException {
        try (CopyLab lab = lab(4 * MIB);
                LoopbackSshd sshd = sshd()) {
            String uri = lab.targetRoad().uri("disk");
            List<String> unknown = new ArrayList<>(through(sshd));
            unknown.set(5, folder.resolve("no-such-file").toString());
            Run run = Run.migratekit(words(List.of("map"), words(unknown, uri)));
            assertEquals(20, run.code(), run.err());
            assertTrue(run.err().contains("the host key of this server is not known"), run.err());
            assertFalse(run.err().contains("unexpected failure"), run.err());

            Run nothing = Run.migratekit(words(List.of("map"), words(through(sshd), "nbd://127.0.0.1:1/disk")));
            assertEquals(30, nothing.code(), nothing.err());
            assertTrue(nothing.err().contains("Connection refused"), nothing.err());
        }
    }

    @Test
    void optionsOfSshWithoutItAreAMistake() {
        Run run = Run.migratekit("map", "--ssh-key", "/nowhere", "nbd://127.0.0.1:1/");
        assertEquals(2, run.code(), run.err());
        assertTrue(run.err().contains("means nothing without --ssh"), run.err());
    }
}
