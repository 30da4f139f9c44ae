package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.hub.repository.Repository;
import io.migratekit.hub.repository.RepositoryLimits;
import io.migratekit.hub.repository.SealDisk;
import io.migratekit.hub.repository.SealProgress;
import io.migratekit.hub.repository.SealRequest;
import io.migratekit.hub.repository.StartDisk;
import io.migratekit.hub.repository.StartRequest;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is damage of a repository told in words that help? A chain of three points of a disk that is written to in all of them. */
class HubDamageTest {
    private static final int DISK = 2000;
    private static final List<String> POINTS = List.of("one", "two", "three");

    @TempDir
    private Path folder;

    @BeforeEach
    void threePoints() {
        try (Repository repository =
                Repository.open(repository(), new RepositoryLimits(0, Duration.ZERO, Duration.ofMinutes(1)))) {
            for (String id : POINTS) {
                StartDisk disk = new StartDisk(DISK, null, 4 << 20, StartDisk.Wanted.AUTO);
                repository.start(new StartRequest(id, "id-of-web", "web", List.of(disk), null));
                String written = "write -P " + (POINTS.indexOf(id) + 1) + " 0 " + (id.equals("one") ? "4M" : "64k");
                qemuIo(written, repository.layerFile(id, DISK));
                SealDisk sealed = new SealDisk(DISK, null, null, null, null);
                SealRequest request = new SealRequest(Instant.now(), null, null, null, List.of(sealed));
                repository.seal(id, request, SealProgress.NOBODY);
            }
        }
    }

    private static void qemuIo(String command, Path layer) {
        Tool.run("qemu-io", "-f", "qcow2", "-c", command, layer.toString());
    }

    private Path repository() {
        return folder.resolve("repository");
    }

    private Path file(String name) {
        return repository().resolve("vms/id-of-web/disks/" + DISK).resolve(name);
    }

    private Run hub(String... words) {
        List<String> line = new ArrayList<>(List.of("hub"));
        line.addAll(List.of(words));
        line.addAll(List.of("--repository", repository().toString()));
        return Run.migratekit(line.toArray(String[]::new));
    }

    private Run restore(String id) {
        return hub("restore", id, "--to", folder.resolve("to-" + id).toString());
    }

    @Test
    void aLayerThatWasCutShortIsToldBrieflyAndOfAllThatReadsWrong() {
        Tool.run("truncate", "-s", "1M", file("0001.qcow2").toString());
        Run verified = hub("verify");
        assertEquals(51, verified.code(), verified::toString);
        List<String> lines = verified.out().lines().toList();
        for (String line : lines) {
            assertTrue(line.length() < 1000, line);
        }
        assertTrue(
                verified.out().matches("(?s).*qemu-img check: .*; and \\d\\d more lines \\(exit status.*"), lines + "");
        List<String> because =
                lines.stream().filter(line -> line.contains("because of it")).toList();
        assertTrue(because.size() > 2, lines::toString);
        because.forEach(line -> assertTrue(line.endsWith("because of it: one three two"), line));
        assertTrue(hub("verify", "--json").out().length() < 10_000);
        assertTrue(hub("show", "one").out().lines().allMatch(line -> line.length() < 1000));
    }

    @Test
    void aLayerThatIsMissingIsMarked() throws IOException {
        Files.delete(file("0001.qcow2"));
        List<String> chain = hub("chain", "web").out().lines().toList();
        assertTrue(chain.get(1).matches("  = 0001.qcow2 +0 B  MISSING  one"), chain::toString);
        assertFalse(chain.get(2).contains("MISSING"), chain::toString);
        assertEquals(51, hub("verify").code());
        Run restored = restore("two");
        assertEquals(51, restored.code(), restored::toString);
        assertTrue(
                restored.err().contains("there is no complete one of this VM of which no damage is known"),
                restored::err);
        assertTrue(restored.err().contains("is missing (layer="), restored::err);
        assertFalse(restored.err().contains("offset="), restored::err);
        assertFalse(restored.err().contains("is restored"), restored::err);
    }

    @Test
    void aRestoreNamesTheDiskThatIsDamagedAndThePointToTakeInstead() {
        Tool.run("chmod", "u+w", file("0003.qcow2").toString());
        qemuIo("write -P 9 0 512", file("0003.qcow2"));
        Run wrong = restore("three");
        assertEquals(50, wrong.code(), wrong::toString);
        String said = "restore: disk " + DISK + ": what is read from offset 0 on";
        assertTrue(wrong.err().contains(said), wrong::err);
        assertEquals(51, hub("verify").code());
        Run again = restore("three");
        assertEquals(50, again.code(), again::toString);
        assertTrue(again.err().contains("the newest of this VM of which no damage is known is two"), again::err);
        assertEquals(0, restore("two").code());
    }

    @Test
    void hashesThatAreMissingAreDamageInTheFolderAndAtTheHub() throws IOException {
        Files.delete(file("0002.hashes"));
        Run restored = restore("two");
        assertEquals(51, restored.code(), restored::toString);
        assertTrue(restored.err().contains("its hashes are missing: "), restored::err);
        try (HubHere hub = new HubHere(repository(), folder)) {
            String to = folder.resolve("to-hub").toString();
            Run asked = Run.migratekit("hub", "restore", "two", "--to", to, "--hub", hub.address());
            assertEquals(51, asked.code(), asked::toString);
            assertTrue(asked.err().contains("its hashes are missing: "), asked::err);
            assertEquals(
                    0,
                    Run.migratekit("hub", "restore", "three", "--to", to, "--hub", hub.address())
                            .code());
        }
    }

    @Test
    void aFileIsNoFolder() throws IOException {
        String file = Files.writeString(folder.resolve("file"), "x").toString();
        for (Run run : List.of(
                hub("restore", "one", "--to", file),
                Run.migratekit("hub", "list", "--repository", file),
                Run.migratekit("hub", "serve", "--repository", file, "--listen", "unix:" + folder.resolve("door")))) {
            assertEquals(2, run.code(), run::toString);
            assertTrue(run.err().contains(file + " is a file, not a folder"), run::err);
        }
        Path linked = Files.createSymbolicLink(folder.resolve("link"), repository());
        assertEquals(
                0,
                Run.migratekit("hub", "list", "--repository", linked.toString()).code());
    }

    @Test
    void whatIsNotKeptAnyLongerMayBeDeleted() {
        String shown = hub("show", "one").out();
        assertTrue(shown.contains("kept until    may be deleted now\n"), shown);
        assertTrue(hub("show", "one", "--json").out().contains("\"keepUntil\":\"2"), "as it was");
    }
}
