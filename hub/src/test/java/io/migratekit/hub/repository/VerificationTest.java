package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Is whatever was changed behind the repository's back found, named, and told of each restore point that it makes wrong? The
 * truth of every point is at hand, so what is called good is compared byte by byte, and what is wrong has to be listed.
 */
class VerificationTest {
    private static final int MIB = 1 << 20;
    private static final String VM = "vm";
    private static final String LAYER = "vms/vm/disks/0/000%d.qcow2";

    private final long seed = Long.getLong("verify.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    private RepositoryLab lab;

    @BeforeEach
    void threePoints() {
        System.out.println("verify: seed=" + seed);
        lab = new RepositoryLab(folder.resolve("repository"), folder, Map.of(0, 5L * MIB + 512, 3, MIB + 0L));
        lab.pointWith(VM, "a", random, 0, MIB);
        lab.start(VM, "b", StartDisk.Wanted.AUTO, null);
        lab.write(VM, random, 5);
        lab.seal(VM, lab.sealing(VM, random, false));
        lab.pointWith(VM, "c", random, 64 << 10, 64 << 10);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    private static VerifyRequest everything() {
        return new VerifyRequest(Optional.empty(), Optional.empty(), null, 0, () -> false);
    }

    private VerifyReport verify() {
        return lab.repository().verify(everything(), VerifyProgress.NOBODY);
    }

    private Path file(String name) {
        return lab.folder().resolve("vms/vm").resolve(name);
    }

    @Test
    void whatIsWellIsFoundWellAndThatIsRemembered() {
        Backup c = lab.repository().find("c").orElseThrow();
        assertNull(lab.repository().verdict(c).provedAt(), "nobody has looked yet");
        Instant before = Instant.now();
        VerifyReport report = verify();
        assertTrue(report.isClean() && report.isWhole(), report::toString);
        assertEquals(List.of("a", "b", "c"), report.good());
        assertEquals(6, report.layers());
        assertEquals(List.of(), report.failures());
        Instant proved = lab.repository().verdict(c).provedAt();
        assertNotNull(proved);
        assertFalse(proved.isBefore(before));

        VerifyReport again = lab.repository()
                .verify(
                        new VerifyRequest(Optional.of(VM), Optional.empty(), before, 0, () -> false),
                        VerifyProgress.NOBODY);
        assertEquals(0, again.layers());
        assertEquals(6, again.passedOver());
        assertEquals(List.of("a", "b", "c"), again.good());
    }

    /** As a merge has it for as long as it writes, and somebody else for a moment. */
    @Test
    void aLayerThatSomebodyWritesIsWaitedFor() throws Exception {
        Path layer = lab.folder().resolve(LAYER.formatted(1));
        CompletableFuture<VerifyReport> report;
        try (QemuNbd _ = QemuNbd.of(layer, QemuNbd.Format.QCOW2, 1).start()) {
            report = CompletableFuture.supplyAsync(
                    this::verify, one -> Thread.ofPlatform().start(one));
            Thread.sleep(1500);
            assertFalse(report.isDone(), "it does not wait: " + (report.isDone() ? report.resultNow() : ""));
        }
        VerifyReport after = report.get(30, TimeUnit.SECONDS);
        assertTrue(after.isClean(), after::toString);
        assertEquals(List.of(), after.failures());
        assertEquals(6, after.layers());

        Path journal = Files.writeString(file("merge.json"), "{}");
        long begun = System.nanoTime();
        try (QemuNbd _ = QemuNbd.of(layer, QemuNbd.Format.QCOW2, 1).start()) {
            report = CompletableFuture.supplyAsync(
                    this::verify, one -> Thread.ofPlatform().start(one));
            Thread.sleep(12_000);
            assertFalse(report.isDone(), "a merge may take longer");
            Files.delete(journal);
            after = report.get(30, TimeUnit.SECONDS);
        }
        assertTrue(System.nanoTime() - begun < Duration.ofSeconds(60).toNanos());
        assertTrue(after.failures().toString().contains("is in use by another process"), after::toString);
    }

    @Test
    void oneThatIsEndedEarlyGoesOnWithWhatWasLookedAtLongestAgo() {
        AtomicInteger asked = new AtomicInteger();
        VerifyReport part = lab.repository()
                .verify(
                        new VerifyRequest(
                                Optional.empty(), Optional.empty(), null, 0, () -> asked.incrementAndGet() > 9),
                        VerifyProgress.NOBODY);
        assertFalse(part.isWhole());
        assertTrue(part.layers() > 0 && part.layers() < 6, part::toString);
        List<String> order = new ArrayList<>();
        VerifyReport rest = lab.repository()
                .verify(
                        new VerifyRequest(Optional.empty(), Optional.empty(), Instant.EPOCH, 0, () -> false),
                        (layer, _, _) -> order.add(layer));
        assertEquals(6 - part.layers(), rest.layers());
        assertEquals(List.of("a", "b", "c"), rest.good());
    }

    @Test
    void itReadsNoFasterThanItMay() {
        long begin = System.nanoTime();
        VerifyReport report = lab.repository()
                .verify(
                        new VerifyRequest(Optional.empty(), Optional.of("a"), null, 4L * MIB, () -> false),
                        VerifyProgress.NOBODY);
        double seconds = (System.nanoTime() - begin) / 1e9;
        assertTrue(report.readBytes() >= 2 * MIB, report::toString);
        assertTrue(seconds > (report.readBytes() / 4.0 / MIB) - 0.3, seconds + " s for " + report.readBytes());
    }

    @Test
    void whatWasMergedAndWhatStandsOnItIsFoundWellAndAFlipThereIsFoundAsBefore() throws IOException {
        lab.repository().delete("a", true);
        VerifyReport merged = verify();
        assertEquals(List.of("b", "c"), merged.good(), () -> "seed=" + seed + " " + merged);
        assertTrue(merged.isClean(), merged::toString);
        lab.pointWith(VM, "d", random, 0, 4096);
        lab.repository().delete("b", true);
        for (BackupDisk disk : lab.repository().find("d").orElseThrow().disks()) {
            Path path = lab.folder().resolve(Objects.requireNonNull(disk.layer()));
            Tool.run("chmod", "u+w", path.toString());
            byte[] whole = Files.readAllBytes(path);
            flip(path, 60_000, 3); // Behind the header, where nothing is.
            VerifyReport flipped = verify();
            assertFalse(flipped.good().contains("d"), () -> "seed=" + seed + " " + flipped);
            Files.write(path, whole);
        }
        assertEquals(List.of("c", "d"), verify().good());
    }

    // ---- tampering

    /** Changes something, and undoes it; what is changed has to be named. */
    private interface Tampering {
        void run() throws IOException;
    }

    /** What is called good reads as it was written, what does not read so is called damaged, and why is told. */
    private VerifyReport tampered(String where, String layer, String what, Tampering tampering) {
        Path away = folder.resolve("away");
        Tool.run("cp", "-a", lab.folder().toString(), away.toString());
        try {
            Tool.run("chmod", "-R", "u+w", lab.folder().toString());
            tampering.run();
            VerifyReport report = verify();
            String told = "seed=" + seed + " " + where + ": " + report;
            assertTrue(report.isWhole(), told);
            assertEquals(List.of(), report.failures(), told);
            assertTrue(
                    report.found().stream()
                            .anyMatch(one -> one.damage().layer().equals(layer)
                                    && one.damage().what().contains(what)),
                    told);
            for (String id : List.of("a", "b", "c")) {
                boolean isListed =
                        report.found().stream().anyMatch(one -> one.points().contains(id));
                assertEquals(!isListed, report.good().contains(id), told);
                assertEquals(isListed || isRight(id), true, () -> id + " is wrong and not listed; " + told);
                if (lab.repository().find(id).isPresent()) {
                    Backup point = lab.repository().find(id).orElseThrow();
                    assertEquals(!isListed, lab.repository().verdict(point).isGood(), told);
                }
            }
            return report;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            Tool.run("rm", "-rf", lab.folder().resolve("vms").toString());
            Tool.run("cp", "-a", away.resolve("vms").toString(), lab.folder().toString());
            Tool.run("rm", "-rf", away.toString());
        }
    }

    private boolean isRight(String id) {
        try {
            Backup point = lab.repository().find(id).orElseThrow();
            for (BackupDisk disk : point.disks()) {
                Path raw = folder.resolve("raw");
                Path layer = lab.folder().resolve(String.valueOf(disk.layer()));
                Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", layer.toString(), raw.toString());
                if (!Arrays.equals(
                        Objects.requireNonNull(lab.points.get(id)).get(disk.key()), Files.readAllBytes(raw))) {
                    return false;
                }
            }
            return true;
        } catch (IOException | AssertionError e) {
            return false;
        }
    }

    private static void flip(Path file, long offset, int bit) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[(int) offset] ^= (byte) (1 << bit);
        Files.write(file, bytes);
    }

    @Test
    void noByteOfALayerChangesUnseen() throws IOException {
        for (int i = 0; i < Integer.getInteger("verify.flips", 12); i++) {
            String layer = LAYER.formatted(1 + random.nextInt(3));
            Path path = lab.folder().resolve(layer);
            // Half of them where tables and reference counts are.
            long offset = random.nextBoolean()
                    ? random.nextLong(Files.size(path))
                    : random.nextLong(Math.min(384L << 10, Files.size(path)));
            int bit = random.nextInt(8);
            tampered("flip of bit " + bit + " at " + offset + " of " + layer, layer, "", () -> flip(path, offset, bit));
        }
        assertEquals(List.of("a", "b", "c"), verify().good());
    }

    @Test
    void aCellThatRottedIsNamedWithItsPlaceAndThePointsThatReadIt() {
        VerifyReport report = tampered(
                "written",
                LAYER.formatted(1),
                "not what was sealed",
                () -> Tool.run(
                        "qemu-io",
                        "-f",
                        "qcow2",
                        "-c",
                        "write -P 77 66k 1k",
                        lab.folder().resolve(LAYER.formatted(1)).toString()));
        VerifyReport.Found found = report.found().stream()
                .filter(one -> !one.damage().isWhole())
                .findFirst()
                .orElseThrow();
        assertEquals(0, found.damage().offset());
        assertEquals(MIB, found.damage().length());
        assertTrue(found.points().contains("a"), report::toString);
        assertFalse(found.points().contains("c"), "c has data of its own there: " + report);
    }

    @Test
    void whoeverStandsOnDamageIsNotStoodUponAndOneVerificationLiftsThat() throws IOException {
        Path layer = lab.folder().resolve(LAYER.formatted(1));
        Tool.run("chmod", "u+w", layer.toString());
        byte[] whole = Files.readAllBytes(layer);
        flip(layer, whole.length - 5, 3);
        verify();
        lab.repository().start(new StartRequest("d", VM, null, List.of(disk()), null));
        BackupDisk opened = lab.repository().find("d").orElseThrow().disks().getFirst();
        assertEquals(BackupDisk.Kind.FULL, opened.kind());
        assertTrue(String.valueOf(opened.why()).contains("known to be damaged"), opened::toString);
        lab.repository().abandon("d");
        Files.write(layer, whole);
        assertEquals(List.of("a", "b", "c"), verify().good());
        lab.repository().start(new StartRequest("d", VM, null, List.of(disk()), null));
        assertEquals(
                BackupDisk.Kind.INCREMENTAL,
                lab.repository().find("d").orElseThrow().disks().getFirst().kind());
        lab.repository().abandon("d");
    }

    private static StartDisk disk() {
        return new StartDisk(0, null, 5L * MIB + 512, StartDisk.Wanted.AUTO);
    }

    @Test
    void filesThatAreMissingSwappedOrReplacedAreNamed() throws IOException {
        Path one = lab.folder().resolve(LAYER.formatted(1));
        Path two = lab.folder().resolve(LAYER.formatted(2));
        Path three = lab.folder().resolve(LAYER.formatted(3));
        VerifyReport gone = tampered("gone", LAYER.formatted(1), "is missing", () -> Files.delete(one));
        assertEquals(List.of(), gone.good());
        tampered("top gone", LAYER.formatted(3), "is missing", () -> Files.delete(three));
        tampered("swapped", LAYER.formatted(2), "", () -> swap(two, three));
        tampered("swapped with the base", LAYER.formatted(1), "", () -> swap(one, two));
        tampered("replaced base", LAYER.formatted(1), "not what was sealed", () -> {
            Files.delete(one);
            Tool.run("qemu-img", "create", "-q", "-f", "qcow2", one.toString(), Long.toString(5L * MIB + 512));
        });
        tampered(
                "base of another size",
                LAYER.formatted(1),
                "bytes",
                () -> Tool.run("qemu-img", "create", "-q", "-f", "qcow2", one.toString(), "6M"));
        tampered("no qcow2", LAYER.formatted(2), "", () -> Files.write(two, new byte[MIB]));
        tampered("cut short", LAYER.formatted(2), "", () -> Tool.run("truncate", "-s", "-65536", two.toString()));
        VerifyReport cut = tampered(
                "base cut short",
                LAYER.formatted(1),
                "more lines",
                () -> Tool.run("truncate", "-s", "512K", one.toString()));
        List<VerifyReport.Found> ofBase = cut.found().stream()
                .filter(found -> found.damage().layer().equals(LAYER.formatted(1)))
                .toList();
        List<String> wrong = ofBase.stream()
                .flatMap(found -> found.points().stream())
                .distinct()
                .sorted()
                .toList();
        ofBase.stream().filter(found -> found.damage().isWhole()).forEach(found -> {
            assertTrue(found.damage().what().length() < 1000, found::toString);
            assertEquals(wrong, found.points(), () -> "seed=" + seed + " " + cut);
        });
        tampered("longer", LAYER.formatted(3), "bytes", () -> Tool.run("truncate", "-s", "+512", three.toString()));
        tampered("another base", LAYER.formatted(3), "", () -> rebase(three, "0001.qcow2"));
        tampered("no base", LAYER.formatted(3), "stands on nothing", () -> rebase(three, ""));
        tampered("a link", LAYER.formatted(2), "symbolic link", () -> {
            Files.move(two, folder.resolve("moved"));
            Files.createSymbolicLink(two, folder.resolve("moved"));
        });
        tampered(
                "by hand merged",
                LAYER.formatted(2),
                "",
                () -> Tool.run("qemu-img", "commit", "-q", "-d", three.toString()));
        assertEquals(List.of("a", "b", "c"), verify().good());
    }

    private static void swap(Path one, Path other) throws IOException {
        Path third = one.resolveSibling("third");
        Files.move(one, third);
        Files.move(other, one);
        Files.move(third, other);
    }

    private static void rebase(Path layer, String backing) {
        List<String> words = new ArrayList<>(List.of("qemu-img", "rebase", "-u", "-f", "qcow2", "-b", backing));
        if (!backing.isEmpty()) {
            words.addAll(List.of("-F", "qcow2"));
        }
        words.add(layer.toString());
        Tool.run(words.toArray(String[]::new));
    }

    @Test
    void hashesAndRecordsThatWereEditedAreNamed() throws IOException {
        Path hashes = file("disks/0/0002.hashes");
        Path manifest = file("disks/0/0002.json");
        tampered("hash edited", LAYER.formatted(2), "hashes", () -> flip(hashes, 40, 1));
        VerifyReport lost =
                tampered("hashes lost", LAYER.formatted(2), "hashes are missing", () -> Files.delete(hashes));
        assertEquals(List.of("a", "c"), lost.good(), "what stands on it has its own hashes");
        tampered(
                "other hashes",
                LAYER.formatted(2),
                "not those of",
                () -> Files.write(hashes, Files.readAllBytes(file("disks/0/0001.hashes"))));
        tampered("manifest lost", LAYER.formatted(2), "manifest", () -> Files.delete(manifest));
        tampered("manifest edited", LAYER.formatted(2), "manifest", () -> edit(manifest, "VM vm", "VM wm"));
        tampered("record edited", LAYER.formatted(2), "manifest", () -> edit(file("points/b.json"), "VM vm", "VM wm"));
        tampered("root edited", LAYER.formatted(2), "", () -> {
            Backup b = lab.repository().find("b").orElseThrow();
            String root = String.valueOf(b.disks().getFirst().root());
            edit(file("points/b.json"), root, "0".repeat(root.length()));
        });
        assertEquals(List.of("a", "b", "c"), verify().good());
        edit(file("points/b.json"), "{", "[");
        VerifyReport unreadable = verify();
        assertFalse(unreadable.isClean());
        assertTrue(unreadable.unreadable().getFirst().file().endsWith("points/b.json"), unreadable::toString);
    }

    private static void edit(Path file, String old, String now) throws IOException {
        String text = Files.readString(file, StandardCharsets.UTF_8);
        assertTrue(text.contains(old), file + " does not hold " + old);
        Files.writeString(file, text.replace(old, now));
    }

    /** Somebody has rebased the increments of one history onto the full backup of another one. */
    @Test
    void aBaseOfAnotherHistoryIsFound() throws IOException {
        Path other = folder.resolve("other");
        try (RepositoryLab foreign = new RepositoryLab(other, folder, Map.of(0, 5L * MIB + 512, 3, MIB + 0L))) {
            foreign.pointWith(VM, "a", random, 0, MIB);
        }
        for (String suffix : List.of(".qcow2", ".hashes", ".json")) {
            Path theirs = other.resolve("vms/vm/disks/0/0001" + suffix);
            VerifyReport report = tampered(
                    "foreign 0001" + suffix,
                    LAYER.formatted(1),
                    "",
                    () -> Tool.run("cp", theirs.toString(), file("disks/0").toString()));
            assertFalse(report.good().contains("a"), report::toString);
        }
        tampered("all of it foreign", LAYER.formatted(1), "", () -> {
            for (String suffix : List.of(".qcow2", ".hashes", ".json", ".proof")) {
                Tool.run(
                        "cp",
                        other.resolve("vms/vm/disks/0/0001" + suffix).toString(),
                        file("disks/0").toString());
            }
        });
    }
}
