package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is damage named where it is, and does it harm nothing else? One VM with a chain of two layers, and another VM. */
class RepositoryDamageTest {
    private static final String VM = "vm";

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    @SuppressWarnings("NullAway.Init") // Before each test.
    private RepositoryLab lab;

    @BeforeEach
    void twoPointsAndAnother() {
        System.out.println("seed=" + seed);
        lab = new RepositoryLab(folder.resolve("repository"), folder, Map.of(0, 1L << 20));
        lab.point(VM, "a", random, StartDisk.Wanted.AUTO);
        lab.pointWith(VM, "b", random, 1000, 5000); // Never the same as a, as what is written by chance may be.
        lab.point("other", "x", random, StartDisk.Wanted.AUTO);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    private Path file(String name) {
        return lab.folder().resolve("vms").resolve(VM).resolve(name);
    }

    @Test
    void aRecordThatIsGoneTakesNoLayerAlongAndComesBackFromItsManifest() throws IOException {
        Path foreign = Files.writeString(file("disks/0/rescue.qcow2"), "somebody else's");
        for (String lost : List.of("a", "b")) {
            Path record = file("points/" + lost + ".json");
            Path manifest = file("disks/0/000" + (lost.equals("a") ? 1 : 2) + ".json");
            Files.delete(record);
            Files.writeString(file("disks/0/0077.qcow2"), "left over");
            lab.reopen();
            Repository repository = lab.repository();
            List<Unreadable> unreadable = repository.unreadable(Optional.empty());
            assertEquals(1, unreadable.size(), unreadable::toString);
            assertTrue(
                    unreadable.getFirst().why().contains("the record of restore point " + lost + " is lost"),
                    unreadable::toString);
            assertTrue(Files.exists(file("disks/0/0001.qcow2")) && Files.exists(file("disks/0/0002.qcow2")));
            assertTrue(Files.exists(file("disks/0/0077.qcow2")), "nothing is removed now");
            assertThrows(
                    RepositoryException.Storage.class, () -> repository.delete(lost.equals("a") ? "b" : "a", false));
            Files.copy(manifest, record);
            lab.reopen();
            assertEquals(List.of(), lab.repository().unreadable(Optional.empty()));
            assertTrue(Files.notExists(file("disks/0/0077.qcow2")), "what is left over goes again");
        }
        assertTrue(Files.exists(foreign));
        Files.delete(foreign);
        lab.verify("after the records came back");
    }

    @Test
    void aFolderOfRecordsThatIsNoneTakesNothingAlong() throws IOException {
        Files.move(file("points"), folder.resolve("moved"));
        Files.writeString(file("points"), "no folder");
        lab.reopen();
        assertTrue(Files.exists(file("disks/0/0001.qcow2")) && Files.exists(file("disks/0/0002.qcow2")));
        Files.delete(file("points"));
        Files.move(folder.resolve("moved"), file("points"));
        lab.reopen();
        lab.verify("after the folder came back");
    }

    @Test
    void aBadRecordHidesOnlyItselfAndNothingIsRemoved() throws IOException {
        String record = Files.readString(file("points/b.json"));
        Files.writeString(file("points/b.json"), record.substring(0, record.length() / 2));
        Files.writeString(file("disks/0/0077.qcow2"), "left over");
        lab.reopen();
        Repository repository = lab.repository();
        List<Unreadable> unreadable = repository.unreadable(Optional.empty());
        assertEquals(1, unreadable.size(), unreadable::toString);
        assertEquals("vms/vm/points/b.json", unreadable.getFirst().file());
        assertEquals(
                List.of("a", "x"),
                repository.backups(Optional.empty()).stream().map(Backup::id).toList());
        assertEquals(2, repository.vms().size());
        assertThrows(RepositoryException.Storage.class, () -> repository.find("b"));
        assertThrows(RepositoryException.Storage.class, () -> repository.delete("a", true));
        assertTrue(Files.exists(file("disks/0/0002.qcow2")) && Files.exists(file("disks/0/0077.qcow2")));
        repository.delete("x", false);
        lab.points.remove("x");

        lab.start(VM, "c", StartDisk.Wanted.AUTO, null);
        BackupDisk full = repository.find("c").orElseThrow().disks().getFirst();
        assertEquals(BackupDisk.Kind.FULL, full.kind());
        assertTrue(String.valueOf(full.why()).contains("points/b.json"), full::toString);
        assertEquals("vms/vm/disks/0/0078.qcow2", full.layer(), "no number is used twice");
        repository.abandon("c");
        lab.open.clear();

        // As docs/repository-format.md says.
        Files.copy(file("disks/0/0002.json"), file("points/b.json"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        lab.reopen();
        lab.verify("restored");
        lab.verifyTidy("restored");
    }

    @Test
    void aFieldThatIsMissingOrOfAnotherKindIsNamed() throws IOException {
        JsonObject record =
                JsonParser.parseString(Files.readString(file("points/b.json"))).getAsJsonObject();
        List<String> needed = new ArrayList<>();
        for (String name : record.keySet()) {
            JsonObject other = record.deepCopy();
            other.remove(name);
            needed.addAll(refused(other, name));
            other.add(name, JsonNull.INSTANCE);
            refused(other, name);
            other.add(name, new JsonArray());
            refused(other, name);
        }
        for (String name :
                record.getAsJsonArray("disks").get(0).getAsJsonObject().keySet()) {
            JsonObject other = record.deepCopy();
            JsonObject disk = other.getAsJsonArray("disks").get(0).getAsJsonObject();
            disk.remove(name);
            needed.addAll(refused(other, name));
            disk.addProperty(name, -1);
            refused(other, name);
        }
        assertEquals(
                List.of(
                        "id",
                        "vm",
                        "vmName",
                        "state",
                        "complete",
                        "startedAt",
                        "disks",
                        "key",
                        "capacityBytes",
                        "kind",
                        "layer",
                        "layerBytes",
                        "parent",
                        "root"),
                needed);
        JsonObject elsewhere = record.deepCopy();
        elsewhere
                .getAsJsonArray("disks")
                .get(0)
                .getAsJsonObject()
                .addProperty("layer", "vms/vm/disks/0/../../../../../etc/passwd");
        assertEquals(List.of("layer"), refused(elsewhere, "layer"));
    }

    /** The name, if the record is refused because of it; no other failure is one. */
    private List<String> refused(JsonObject record, String name) throws IOException {
        Files.writeString(file("points/b.json"), record.toString());
        try {
            lab.repository().find("b");
            return List.of();
        } catch (RepositoryException.Storage e) {
            String said = String.valueOf(e.getMessage());
            assertTrue(said.contains("points/b.json") && said.contains("'" + name + "'"), said);
            return List.of(name);
        }
    }

    @Test
    void aParentThatIsNotWhatItWasIsFoundAtTheSeal() throws IOException {
        lab.start(VM, "c", StartDisk.Wanted.AUTO, null);
        lab.write(VM, random, 3);
        SealRequest request = lab.sealing(VM, random, false);
        eachDamage(true, words -> {
            RepositoryException.Damaged damaged =
                    assertThrows(RepositoryException.Damaged.class, () -> lab.seal(VM, request));
            assertTrue(String.valueOf(damaged.getMessage()).contains(words), damaged::toString);
            assertEquals(damaged.offset() >= 0, damaged.toString().contains("offset="), damaged::toString);
        });
        lab.seal(VM, request);
        lab.verify("all is as it was");
    }

    /** The backup is made nevertheless, but as a full one. */
    @Test
    void aNewBackupDoesNotStandOnWhatIsNotWhatItWas() throws IOException {
        eachDamage(false, words -> {
            lab.start(VM, "c", StartDisk.Wanted.AUTO, null);
            BackupDisk disk = lab.repository().find("c").orElseThrow().disks().getFirst();
            assertEquals(BackupDisk.Kind.FULL, disk.kind());
            assertTrue(String.valueOf(disk.why()).contains(words), disk::toString);
            lab.repository().abandon("c");
            lab.open.clear();
        });
        lab.point(VM, "c", random, StartDisk.Wanted.INCREMENTAL);
        lab.verify("all is as it was");
    }

    /** Does one after the other, and undoes it after it was looked what is said of it. */
    private void eachDamage(boolean isRead, Consumer<String> saysSo) throws IOException {
        Path layer = file("disks/0/0002.qcow2");
        Path below = file("disks/0/0001.qcow2");
        Path hashes = file("disks/0/0002.hashes");
        Tool.run("chmod", "u+w", layer.toString(), below.toString());

        Tool.run("mv", layer.toString(), layer + ".away");
        saysSo.accept("0002.qcow2 is missing");
        Tool.run("ln", "-s", layer + ".away", layer.toString());
        saysSo.accept("0002.qcow2 is a symbolic link");
        Tool.run("mv", layer + ".away", layer.toString());

        Files.write(below, new byte[512], StandardOpenOption.APPEND);
        saysSo.accept("0001.qcow2 has ");
        Tool.run("truncate", "-s", "-512", below.toString());

        byte[] whole = Files.readAllBytes(hashes);
        Files.delete(hashes);
        saysSo.accept("are missing");
        Files.copy(file("disks/0/0001.hashes"), hashes);
        saysSo.accept("not those of");
        if (isRead) {
            byte[] damaged = whole.clone();
            damaged[40] ^= 1;
            Files.write(hashes, damaged);
            saysSo.accept("hashes are damaged");
        }
        Files.write(hashes, whole);

        rebase(layer, "../0/0001.qcow2");
        saysSo.accept("which is no layer beside it");
        assertThrows(RepositoryException.Damaged.class, () -> lab.repository().layerFile("b", 0));
        rebase(layer, "0001.qcow2");
        Tool.run("chmod", "a-w", layer.toString(), below.toString());
    }

    private static void rebase(Path layer, String backing) {
        Tool.run("qemu-img", "rebase", "-u", "-f", "qcow2", "-b", backing, "-F", "qcow2", layer.toString());
    }

    @Test
    void hashesThatWereDamagedAfterTheyWerePutAreAskedForAgain() throws IOException {
        lab.start(VM, "c", StartDisk.Wanted.AUTO, null);
        lab.write(VM, random, 3);
        SealRequest request = lab.sealing(VM, new Random(42), false);
        while (request.disks().getFirst().hashes() == null) {
            request = lab.sealing(VM, random, false);
        }
        Path put = file("disks/0/0003.put");
        byte[] bytes = Files.readAllBytes(put);
        bytes[bytes.length / 2] ^= 1;
        Files.write(put, bytes);
        SealRequest asked = request;
        assertThrows(RepositoryException.BadRequest.class, () -> lab.seal(VM, asked));
    }

    @Test
    void whatIsKeptInUseOrOpenIsNotMerged() throws Exception {
        assertEquals("has-increments", refused(false));
        try (QemuNbd reader = QemuNbd.of(lab.repository().layerFile("b", 0), QemuNbd.Format.QCOW2, 1)
                .readOnly()
                .start()) {
            assertTrue(reader.process().isAlive());
            assertEquals("locked", refused(true));
        }
        lab.start(VM, "c", StartDisk.Wanted.AUTO, null);
        assertEquals("locked", refused(true));
        lab.repository().abandon("c");
        lab.open.clear();
        lab.reopen();
        lab.verify("nothing was merged");
        lab.verifyTidy("nothing was merged");
        lab.repository().delete("a", true);
        lab.points.remove("a");
        BackupDisk merged = lab.repository().find("b").orElseThrow().disks().getFirst();
        assertEquals(BackupDisk.Kind.FULL, merged.kind());
        assertEquals("vms/vm/disks/0/0001.qcow2", merged.layer());
        lab.verify("merged");
        lab.close();
        try (Repository keeping =
                Repository.open(lab.folder(), new RepositoryLimits(0, Duration.ofDays(1), Duration.ofMinutes(1)))) {
            StartDisk disk = new StartDisk(0, null, 1L << 20, StartDisk.Wanted.AUTO);
            keeping.start(new StartRequest("k", VM, null, List.of(disk), null));
            SealDisk sealed = new SealDisk(0, null, null, null, null);
            keeping.seal("k", new SealRequest(null, null, null, null, List.of(sealed)), SealProgress.NOBODY);
            assertEquals(
                    "kept",
                    assertThrows(RepositoryException.Conflict.class, () -> keeping.delete("k", true))
                            .word());
        }
    }

    private String refused(boolean merge) {
        return assertThrows(
                        RepositoryException.Conflict.class,
                        () -> lab.repository().delete("a", merge))
                .word();
    }

    @Test
    void noLinkIsFollowed() throws IOException {
        Path away = folder.resolve("away");
        Files.move(file("disks/0"), away);
        Files.createSymbolicLink(file("disks/0"), away);
        lab.reopen();
        assertTrue(Files.exists(away.resolve("0001.qcow2")));
        assertThrows(RepositoryException.Damaged.class, () -> lab.repository().layerFile("a", 0));
        assertThrows(RepositoryException.Damaged.class, () -> lab.repository().delete("a", true));
        lab.close();
        Path vms = lab.folder().resolve("vms");
        Files.move(vms, folder.resolve("vms-away"));
        Files.createSymbolicLink(vms, folder.resolve("vms-away"));
        assertThrows(RepositoryException.Storage.class, () -> Repository.look(lab.folder()));
        assertThrows(RepositoryException.Storage.class, () -> lab.reopen());
    }
}
