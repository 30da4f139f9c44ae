package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.SmallDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What becomes of a restore when something breaks on its way? It ends in time, says what broke, and goes on later. */
@Execution(ExecutionMode.CONCURRENT)
@Tag("long")
class RestoreTroubleIT {
    private static final Duration BOUND = Duration.ofSeconds(45);

    @TempDir
    private Path folder;

    private static void goesOn(HubTrouble hubs, Path to) {
        try (CopyProcess restore = hubs.restore(to, List.of("--timeout", "20s"), List.of("--json"))) {
            Run run = restore.end(MigrateLab.LIMIT);
            assertEquals(0, run.code(), run::toString);
        }
        hubs.assertRestored(to);
    }

    @Test
    void aFullFileSystemIsNamedAndItGoesOnWithRoom() throws IOException {
        try (SmallDisk small = SmallDisk.at(folder.resolve("small"), "4m");
                HubTrouble hubs = new HubTrouble(folder)) {
            Path to = small.path().resolve("to");
            try (CopyProcess restore = hubs.restore(to, HubTrouble.IMPATIENT, List.of())) {
                Run run = restore.end(BOUND);
                assertEquals(63, run.code(), run::toString);
                assertTrue(run.err().contains("no space left for"), run::err);
            }
            small.resize("64m");
            goesOn(hubs, to);
        }
    }

    @Test
    void aHubThatFreezesIsNamedInTime() throws IOException {
        try (HubTrouble hubs = new HubTrouble(folder)) {
            Path to = folder.resolve("to");
            try (CopyProcess restore = hubs.restore(to, HubTrouble.IMPATIENT, HubTrouble.SLOW)) {
                HubTrouble.awaitMoving(hubs.first(), restore);
                try (Frozen _ = HubTrouble.freeze(hubs.first())) {
                    Run run = restore.end(BOUND);
                    assertEquals(60, run.code(), run::toString);
                    assertTrue(run.err().contains("stalled in source-"), run::err);
                }
            }
            goesOn(hubs, to);
        }
    }

    @Test
    void aHubThatIsKilledIsNamedAndOneThatComesBackIsForgiven() throws IOException {
        try (HubTrouble hubs = new HubTrouble(folder)) {
            Path to = folder.resolve("to");
            try (CopyProcess restore = hubs.restore(to, HubTrouble.IMPATIENT, HubTrouble.SLOW)) {
                HubTrouble.awaitMoving(hubs.first(), restore);
                hubs.first().kill();
                Run run = restore.end(BOUND);
                assertEquals(10, run.code(), run::toString);
            }
            hubs.first().startAgain();
            goesOn(hubs, to);
            Path other = folder.resolve("other");
            List<String> patient = List.of("--timeout", "20s", "--retry-for", "60s");
            try (CopyProcess restore = hubs.restore(other, patient, HubTrouble.SLOW)) {
                HubTrouble.awaitMoving(hubs.first(), restore);
                hubs.first().kill();
                HubTrouble.sleep(1500);
                hubs.first().startAgain();
                Run run = restore.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
            }
            hubs.assertRestored(other);
        }
    }

    @Test
    void whoeverEndsItItGoesOn() throws IOException {
        try (HubTrouble hubs = new HubTrouble(folder)) {
            Path to = folder.resolve("to");
            for (String signal : List.of("INT", "TERM", "KILL")) {
                try (CopyProcess restore = hubs.restore(to, List.of("--timeout", "20s"), HubTrouble.SLOW)) {
                    HubTrouble.awaitMoving(hubs.first(), restore);
                    restore.signal(signal);
                    Run run = restore.end(BOUND);
                    assertEquals(signal.equals("INT") ? 130 : signal.equals("TERM") ? 143 : 137, run.code(), run::err);
                    if (!signal.equals("KILL")) {
                        assertTrue(run.err().contains("run the same command again to go on"), run::err);
                    }
                }
            }
            goesOn(hubs, to);
        }
    }

    @Test
    void aTunnelThatIsCutIsForgivenAndOneThatFreezesIsNamed() throws IOException {
        try (HubTrouble hubs = new HubTrouble(folder);
                LoopbackSshd sshd = LoopbackSshd.start(Files.createDirectories(folder.resolve("sshd")))) {
            List<String> road = List.of(
                    "--ssh",
                    System.getProperty("user.name") + "@127.0.0.1:" + sshd.port(),
                    "--ssh-key",
                    sshd.userKey().toString(),
                    "--ssh-known-hosts",
                    sshd.knownHosts().toString());
            List<String> slow = new ArrayList<>(road);
            slow.addAll(HubTrouble.SLOW);
            Path cut = folder.resolve("cut");
            try (CopyProcess restore = hubs.restore(cut, List.of("--timeout", "20s"), slow)) {
                for (int i = 0; i < 2; i++) {
                    HubTrouble.awaitMoving(hubs.first(), restore);
                    CopyLab.breakRoad(sshd);
                }
                Run run = restore.end(MigrateLab.LIMIT);
                assertEquals(0, run.code(), run::toString);
            }
            hubs.assertRestored(cut);
            Path to = folder.resolve("to");
            try (CopyProcess restore = hubs.restore(to, HubTrouble.IMPATIENT, slow)) {
                HubTrouble.awaitMoving(hubs.first(), restore);
                try (Frozen _ = Frozen.processes(sshd.sessions());
                        Frozen _ = sshd.freeze()) {
                    Run run = restore.end(BOUND);
                    assertEquals(20, run.code(), run::toString);
                    assertTrue(run.err().contains("nothing was heard for"), run::err);
                }
            }
            goesOn(hubs, to);
        }
    }
}
