package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.SmallDisk;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is nothing lost when the file system is full, and does what failed go on when there is room? On a small tmpfs. */
class FullDiskTest {
    private static final String VM = "vm";
    private static final int MIB = 1 << 20;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    private @Nullable SmallDisk disk;
    private Path small = Path.of("");

    @BeforeEach
    void mount() throws IOException {
        System.out.println("seed=" + seed);
        disk = SmallDisk.at(folder.resolve("small"), "24m");
        small = disk.path();
    }

    @AfterEach
    void unmount() {
        if (disk != null) {
            disk.close();
        }
    }

    @Test
    void aMergeThatFindsTheDiskFullGoesOnLater() throws IOException {
        try (RepositoryLab lab = lab()) {
            points(lab, "a", "b", "c");
            fill();
            assertThrows(
                    RepositoryException.NoSpace.class, () -> lab.repository().delete("b", true));
            lab.verify("refused before it began");
            free();

            ScopedValue.where(Steps.LISTENER, step -> {
                        if (step.contains("commit")) {
                            fill();
                        }
                    })
                    .run(() -> assertThrows(
                            RepositoryException.NoSpace.class,
                            () -> lab.repository().delete("b", true)));
            lab.points.remove("b");
            assertTrue(lab.isUnderWay());
            lab.verify("full in the middle");
            lab.reopen();
            lab.verify("still full, reopened");
            assertTrue(lab.isUnderWay());
            free();
            lab.repository().delete("b", true);
            assertFalse(lab.isUnderWay());
            lab.verify("with room again");
            lab.reopen();
            lab.verifyTidy("with room again");
        }
    }

    /** What makes room must be possible while a merge waits for room. */
    @Test
    void aNewerPointCanBeDeletedWhileAMergeWaits() throws IOException {
        try (RepositoryLab lab = lab()) {
            points(lab, "a", "b", "c", "d");
            ScopedValue.where(Steps.LISTENER, step -> {
                        if (step.contains("commit")) {
                            fill();
                        }
                    })
                    .run(() -> assertThrows(
                            RepositoryException.NoSpace.class,
                            () -> lab.repository().delete("b", true)));
            lab.points.remove("b");
            assertThrows(
                    RepositoryException.NoSpace.class, () -> lab.repository().delete("a", true));
            lab.repository().delete("d", false);
            lab.points.remove("d");
            lab.verify("made room");
            free();
            lab.reopen();
            lab.verify("merged");
            lab.verifyTidy("merged");
        }
    }

    @Test
    void aSealOnAFullDiskIsSaidToBeThat() throws IOException {
        try (RepositoryLab lab = lab()) {
            lab.point(VM, "a", random, StartDisk.Wanted.AUTO);
            lab.start(VM, "b", StartDisk.Wanted.AUTO, null);
            lab.write(VM, random, 3);
            SealRequest request = lab.sealing(VM, random, false);
            fill();
            assertThrows(RepositoryException.NoSpace.class, () -> lab.seal(VM, request));
            assertEquals(
                    Backup.State.OPEN, lab.repository().find("b").orElseThrow().state());
            assertThrows(
                    RepositoryException.NoSpace.class,
                    () -> lab.repository().start(new StartRequest("x", "y", "z", disks(), null)));
            free();
            lab.seal(VM, request);
            lab.reopen();
            lab.verify("with room again");
            lab.verifyTidy("with room again");
        }
    }

    /** Each with new data where the one before has none: what is merged needs room. */
    private void points(RepositoryLab lab, String... ids) {
        for (int i = 0; i < ids.length; i++) {
            lab.pointWith(VM, ids[i], random, i * MIB + MIB / 3, MIB / 2);
        }
    }

    private static List<StartDisk> disks() {
        return List.of(new StartDisk(0, null, 4L << 20, StartDisk.Wanted.AUTO));
    }

    private RepositoryLab lab() {
        return new RepositoryLab(small.resolve("repository"), folder, Map.of(0, 4L << 20));
    }

    private void fill() {
        try (OutputStream out = Files.newOutputStream(small.resolve("fill"))) {
            byte[] page = new byte[4096];
            while (Files.getFileStore(small).getUsableSpace() > 0) {
                out.write(page);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void free() throws IOException {
        Files.delete(small.resolve("fill"));
    }
}
