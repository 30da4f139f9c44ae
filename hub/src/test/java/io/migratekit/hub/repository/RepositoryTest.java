package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.PieceHash;
import io.migratekit.nbd.Unit;
import io.migratekit.nbd.proof.HashFile;
import io.migratekit.nbd.proof.HashFileWriter;
import io.migratekit.nbd.proof.UnitHasher;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is what was sealed what is kept, and is what is wrong refused? With real layers. */
class RepositoryTest {
    private static final long BYTES = (3 << 20) + 512;

    @TempDir
    Path folder;

    @Test
    void everyPointHoldsWhatWasWrittenAlsoAfterReopening() throws Exception {
        try (Repository repository = open()) {
            write(start(repository, "full"), "write -P 1 0 2M");
            seal(repository, "full", null);
            write(start(repository, "more"), "write -P 2 64k 128k");
            assertEquals(
                    "hub", seal(repository, "more", null).disks().getFirst().hashedBy());
        }
        Files.writeString(folder.resolve("vms/vm/disks/0/0099.qcow2"), "left over");
        try (Repository repository = open()) {
            assertFalse(Files.exists(folder.resolve("vms/vm/disks/0/0099.qcow2")));
            read(repository, "full", "read -P 1 0 2M");
            read(repository, "more", "read -P 2 64k 128k", "read -P 1 192k 1M", "read -P 0 2M 1M");
            assertEquals("has-increments", conflict(() -> repository.delete("full", false)));
            repository.delete("more", false);
            repository.delete("full", false);
            assertEquals(List.of(), repository.backups(Optional.empty()));
        }
    }

    @Test
    void damageBelowIsFoundAndNotInherited() throws Exception {
        try (Repository repository = open()) {
            Path full = start(repository, "full");
            write(full, "write -P 1 0 2M");
            seal(repository, "full", null);
            Path more = start(repository, "more");
            write(more, "write -P 2 1M 64k");
            Files.setPosixFilePermissions(full, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
            write(full, "write -P 9 1900k 512");
            String root = hashes(repository, "more", new ByteRange(1 << 20, 64 << 10), (byte) 2);
            RepositoryException.Damaged damaged =
                    assertThrows(RepositoryException.Damaged.class, () -> seal(repository, "more", root));
            assertEquals("vms/vm/disks/0/0001.qcow2", damaged.layer());
            assertEquals(1 << 20, damaged.offset());
            assertEquals(
                    Backup.State.OPEN, repository.find("more").orElseThrow().state());
        }
    }

    @Test
    void piecesAreProvedAndDataOfWhichNoHashSpeaksIsRefused() throws Exception {
        try (Repository repository = open()) {
            write(start(repository, "full"), "write -P 1 0 2M");
            seal(repository, "full", null);
            Path more = start(repository, "more");
            write(more, "write -P 2 1M 64k");
            String root = hashes(repository, "more", new ByteRange(1 << 20, 64 << 10), (byte) 2);
            write(more, "write -P 3 0 64k");
            assertThrows(RepositoryException.Damaged.class, () -> seal(repository, "more", root));
            write(more, "write -P 1 0 64k");
            assertEquals(
                    "agent", seal(repository, "more", root).disks().getFirst().hashedBy());
        }
    }

    @Test
    void oneServesItAndOthersLook() throws Exception {
        try (Repository repository = open()) {
            start(repository, "one");
            assertThrows(RepositoryException.Locked.class, this::open);
            try (Repository other = Repository.look(folder)) {
                assertEquals(repository.backups(Optional.empty()), other.backups(Optional.empty()));
                assertEquals("read-only", conflict(() -> other.abandon("one")));
            }
            assertEquals("locked", conflict(() -> start(repository, "two")));
            assertEquals(start(repository, "one"), start(repository, "one"));
            repository.abandon("one");
            repository.abandon("one");
            assertTrue(repository.find("one").isEmpty());
        }
    }

    @Test
    void noNameLeadsOutOfTheRepository() {
        try (Repository repository = open()) {
            for (String name : List.of("..", "../x", "/etc", "a/b", "", "a\n", ".x", "x".repeat(65))) {
                assertThrows(RepositoryException.BadRequest.class, () -> repository.find(name));
                assertThrows(RepositoryException.BadRequest.class, () -> repository.vm(name));
                assertThrows(RepositoryException.BadRequest.class, () -> start(repository, name));
            }
        }
    }

    private Repository open() {
        return Repository.open(
                folder, new RepositoryLimits(0, java.time.Duration.ZERO, java.time.Duration.ofMinutes(1)));
    }

    private static Path start(Repository repository, String id) {
        StartDisk disk = new StartDisk(0, null, BYTES, StartDisk.Wanted.AUTO);
        repository.start(new StartRequest(id, "vm", "a VM", List.of(disk), null));
        return repository.layerFile(id, 0);
    }

    private static Backup seal(Repository repository, String id, @org.jspecify.annotations.Nullable String hashes) {
        SealDisk disk = new SealDisk(0, null, null, hashes, null);
        return repository.seal(
                id, new SealRequest(null, null, null, null, List.of(disk)), (key, step, done, total) -> {});
    }

    private String hashes(Repository repository, String id, ByteRange range, byte content) throws Exception {
        Path file = folder.resolve("put");
        String root;
        try (Arena arena = Arena.ofConfined();
                HashFileWriter writer = HashFile.create(file, BYTES)) {
            UnitHasher hasher = new UnitHasher(new Unit(0, List.of(range)), BYTES, new PieceHash());
            MemorySegment bytes = arena.allocate(range.length());
            bytes.fill(content);
            hasher.data(range.offset(), bytes);
            writer.add(hasher.finish());
            root = writer.commit();
        }
        try (InputStream in = Files.newInputStream(file)) {
            repository.putHashes(id, 0, in);
        }
        Files.delete(file);
        return root;
    }

    private static String conflict(org.junit.jupiter.api.function.Executable what) {
        return assertThrows(RepositoryException.Conflict.class, what).word();
    }

    private static void read(Repository repository, String id, String... commands) throws Exception {
        for (String command : commands) {
            qemuIo("-r", repository.layerFile(id, 0), command);
        }
    }

    private static void write(Path file, String command) throws Exception {
        qemuIo("-n", file, command);
    }

    private static void qemuIo(String how, Path file, String command) throws Exception {
        Process process = new ProcessBuilder("qemu-io", how, "-f", "qcow2", "-c", command, file.toString())
                .redirectErrorStream(true)
                .start();
        assertTrue(process.waitFor(20, TimeUnit.SECONDS), "qemu-io did not end");
        String said = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertEquals(0, process.exitValue(), said);
        assertFalse(said.contains("failed"), said);
    }
}
