package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What becomes of a merge whose layers have rotted, before it or while it is under way? One VM with a chain of four layers,
 * of a disk of three cells: a is all of it, b changes the first cell, c the second, d the first again.
 */
class RepositoryRotTest {
    private static final String VM = "vm";
    private static final int MIB = 1 << 20;
    private static final int CLUSTER = 64 << 10;
    private static final String FIRST = "vms/vm/disks/0/0001.qcow2";

    @TempDir
    private Path folder;

    @SuppressWarnings("NullAway.Init") // Before each test.
    private RepositoryLab lab;

    @BeforeEach
    void aChain() {
        lab = new RepositoryLab(folder.resolve("repository"), folder, Map.of(0, 3L * MIB));
        Random random = new Random(1);
        lab.pointWith(VM, "a", random, 0, 3 * MIB);
        lab.pointWith(VM, "b", random, 64 << 10, 64 << 10);
        lab.pointWith(VM, "c", random, MIB + 4096, 512);
        lab.pointWith(VM, "d", random, 64 << 10, 4096);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @Test
    void rotBelowRefusesTheDeletionAndChangesNothing() {
        rot(FIRST, 2 * MIB + 700);
        for (String id : List.of("a", "b", "c")) {
            Map<String, String> before = files();
            RepositoryException.Damaged damaged = assertThrows(
                    RepositoryException.Damaged.class, () -> lab.repository().delete(id, true));
            assertEquals(2 * MIB, damaged.offset());
            assertEquals(FIRST, damaged.layer());
            String said = String.valueOf(damaged.getMessage());
            assertTrue(said.contains("nothing was changed; make a full backup"), said);
            assertTrue(said.contains("restore point " + id + ","), said);
            assertEquals(before, files(), id);
        }
        lab.points.keySet().forEach(id -> assertTrue(lab.repository().find(id).isPresent(), id));
        Backup rotten = lab.repository().find("a").orElseThrow();
        assertEquals(
                2 * MIB, lab.repository().verdict(rotten).damage().getFirst().offset());
        lab.start(VM, "e", StartDisk.Wanted.AUTO, null);
        assertEquals(
                BackupDisk.Kind.FULL,
                lab.repository().find("e").orElseThrow().disks().getFirst().kind(),
                "no new backup stands on it");
        lab.repository().abandon("e");
        lab.open.clear();
        // As it says: the newest first, which reads nothing.
        for (String id : List.of("d", "c", "b", "a")) {
            lab.repository().delete(id, false);
            lab.points.remove(id);
        }
        lab.verifyTidy("all are gone");
    }

    @Test
    void rotInOneOfSeveralLayersOfACellNamesThemAll() {
        rot(FIRST, 900 << 10);
        Map<String, String> before = files();
        RepositoryException.Damaged damaged = assertThrows(
                RepositoryException.Damaged.class, () -> lab.repository().delete("a", true));
        assertEquals(0, damaged.offset());
        String said = String.valueOf(damaged.getMessage());
        assertTrue(said.contains("in one of the layers [vms/vm/disks/0/0002.qcow2, " + FIRST + "]"), said);
        assertEquals(before, files());
    }

    /** The tables of a layer point nowhere: there is no content to compare at all. */
    @Test
    void aLayerThatCannotBeReadRefusesTheDeletionToo() throws IOException {
        Path file = lab.folder().resolve(FIRST);
        Tool.run("chmod", "u+w", file.toString());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            byte[] garbage = new byte[CLUSTER];
            Arrays.fill(garbage, (byte) 0xa5);
            // Header, counters and their table, the first table, and then the one that says where clusters are.
            channel.write(ByteBuffer.wrap(garbage), 4L * CLUSTER);
        }
        Tool.run("chmod", "a-w", file.toString());
        Map<String, String> before = files();
        RepositoryException.Damaged damaged = assertThrows(
                RepositoryException.Damaged.class, () -> lab.repository().delete("a", true));
        String said = String.valueOf(damaged.getMessage());
        assertTrue(said.contains("cannot be read: ") && said.contains("nothing was changed"), said);
        assertEquals(before, files());
    }

    /** What is above the child, and what the child covers, is nothing that the merge needs. */
    @Test
    void rotThatTheChildDoesNotShowIsMergedAway() {
        rot(FIRST, (64 << 10) + 5);
        lab.repository().delete("a", true);
        lab.points.remove("a");
        lab.verify("merged");
        lab.verifyTidy("merged");
    }

    /** It was sound when it was looked at, and is not when it was committed: the layers stay, and go with the child. */
    @Test
    void rotThatComesWhileTheMergeIsUnderWayGivesItUp() {
        String from = layer("d");
        String into = layer("c");
        RepositoryException.Damaged damaged = ScopedValue.where(Steps.LISTENER, step -> {
                    if (step.contains("remove") && step.endsWith("points/c.json")) {
                        rot(FIRST, 900 << 10);
                    }
                })
                .call(() -> assertThrows(
                        RepositoryException.Damaged.class,
                        () -> lab.repository().delete("c", true)));
        assertEquals(0, damaged.offset());
        assertTrue(String.valueOf(damaged.getMessage()).contains("restore point c is gone"), damaged::toString);
        givenUp(from, into);
        goesWithTheChild(from, into);
    }

    /** Killed after the journal, the next process cannot know that all was well, and reads what it does not write, too. */
    @Test
    void aMergeThatAnotherProcessBeganIsReadAsAWhole() {
        String from = layer("d");
        String into = layer("c");
        assertThrows(
                Killed.class,
                () -> ScopedValue.where(Steps.LISTENER, step -> {
                            if (step.contains("commit")) {
                                throw new Killed();
                            }
                        })
                        .run(() -> lab.repository().delete("c", true)));
        assertTrue(lab.isUnderWay());
        rot(FIRST, 2 * MIB + 700);
        lab.reopen();
        givenUp(from, into);
        goesWithTheChild(from, into);
    }

    /** What a process leaves that is killed at any step of a merge which it would have given up, or gives up just now. */
    @Test
    void killedAnywhereInAMergeThatIsGivenUp() {
        String from = layer("d");
        String into = layer("c");
        List<Path> copies = new ArrayList<>();
        ScopedValue.where(Steps.LISTENER, step -> {
                    if (step.contains("remove") && step.endsWith("points/c.json")) {
                        rot(FIRST, 900 << 10);
                        copies.add(folder.resolve("copy-0"));
                    }
                    if (!copies.isEmpty()) {
                        copies.add(folder.resolve("copy-" + copies.size()));
                        Tool.run(
                                "cp",
                                "-a",
                                lab.folder().toString(),
                                copies.getLast().toString());
                    }
                })
                .run(() -> assertThrows(
                        RepositoryException.Damaged.class,
                        () -> lab.repository().delete("c", true)));
        copies.removeFirst();
        assertTrue(copies.size() >= 7, copies::toString);
        lab.close();
        for (Path copy : copies) {
            lab = new RepositoryLab(copy, folder, Map.of(0, 3L * MIB));
            lab.points.putAll(Map.of("a", Map.of(), "b", Map.of(), "d", Map.of()));
            givenUp(from, into);
            goesWithTheChild(from, into);
            lab.close();
        }
    }

    /** The same within one process reads only what it has written: where nothing was written, nothing is looked at again. */
    @Test
    void aMergeThatWasLookedAtReadsOnlyWhatItWrote() {
        ScopedValue.where(Steps.LISTENER, step -> {
                    if (step.contains("remove") && step.endsWith("points/c.json")) {
                        rot(FIRST, 2 * MIB + 700);
                    }
                })
                .run(() -> lab.repository().delete("c", true));
        assertFalse(lab.isUnderWay());
        assertEquals("vms/vm/disks/0/0003.qcow2", layer("d"));
    }

    /** One deletion after the other reads all of a disk once, and then only what the layers above hold. */
    @Test
    void whatWasReadForOneDeletionIsNotReadAgainForTheNext() {
        lab.repository().delete("a", true);
        assertEquals(FIRST, layer("b"));
        rot(FIRST, 2 * MIB + 700); // Nothing above holds it, so it is not looked at.
        lab.repository().delete("c", true);
        rot(layer("d"), 64 << 10); // d holds it.
        Map<String, String> before = files();
        RepositoryException.Damaged damaged = assertThrows(
                RepositoryException.Damaged.class, () -> lab.repository().delete("b", true));
        assertEquals(0, damaged.offset());
        assertEquals(before, files());
        // Another process knows nothing.
        lab.reopen();
        RepositoryException.Damaged other = assertThrows(
                RepositoryException.Damaged.class, () -> lab.repository().delete("b", true));
        assertEquals(0, other.offset());
        rot(layer("d"), 64 << 10);
    }

    /** What must not look like a failure of the repository's own. */
    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private void givenUp(String from, String into) {
        assertFalse(lab.isUnderWay());
        assertTrue(lab.repository().find("c").isEmpty());
        assertEquals(from, layer("d"));
        for (String layer : List.of(from, into)) {
            assertTrue(files().getOrDefault(layer, "none").startsWith("r--r--r-- "), layer + " in " + files());
        }
        lab.points.remove("c");
    }

    private void goesWithTheChild(String from, String into) {
        lab.repository().delete("d", false);
        lab.points.remove("d");
        assertFalse(files().containsKey(from) || files().containsKey(into), () -> files().toString());
        lab.verifyTidy("the child is gone");
    }

    private String layer(String id) {
        return String.valueOf(
                lab.repository().find(id).orElseThrow().disks().getFirst().layer());
    }

    /** Changes one byte of what the layer holds, as a bad disk would: behind everybody's back, sizes and times apart. */
    private void rot(String layer, int offset) {
        Path file = lab.folder().resolve(layer);
        String command = "write -P 9 " + offset / 512 * 512 + " 512";
        Tool.run("chmod", "u+w", file.toString());
        Tool.run("qemu-io", "-f", "qcow2", "-c", command, file.toString());
        Tool.run("chmod", "a-w", file.toString());
    }

    /** Mode and content of every file, but for what is known of damage. */
    private Map<String, String> files() {
        Map<String, String> all = new TreeMap<>();
        try (var files = Files.walk(lab.folder())) {
            for (Path file : files.filter(one -> Files.isRegularFile(one, LinkOption.NOFOLLOW_LINKS)
                            && !one.toString().endsWith(Layers.PROOF))
                    .toList()) {
                String mode = PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
                all.put(
                        lab.folder().relativize(file).toString(),
                        mode + " " + Arrays.hashCode(Files.readAllBytes(file)));
            }
            return all;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
