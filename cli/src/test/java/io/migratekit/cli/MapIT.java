package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.QemuNbd.Format;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is a map the same as nbdinfo's, to the byte? Compared on exports of every kind, with the tool itself as the judge. */
class MapIT {
    private static final long KIB = 1 << 10;
    private static final long MIB = 1 << 20;
    private static final long GIB = 1 << 30;
    private static final long TIB = 1L << 40;

    @TempDir
    private Path folder;

    private NbdImages images;

    @BeforeEach
    void makeImages() {
        images = new NbdImages(folder, 7);
    }

    @Test
    void rawWithHoles() throws IOException {
        Path disk = images.raw("disk", 64 * MIB, range(MIB, 3 * MIB), range(40 * MIB, 64 * KIB));
        try (QemuNbd server = QemuNbd.of(disk, Format.RAW, 2).readOnly().start()) {
            assertSameAsNbdinfo(server.uri(), "base:allocation");
        }
        try (Nbdkit server = Nbdkit.plugin("file", disk.toString()).start()) {
            assertSameAsNbdinfo(server.uri(), "base:allocation");
        }
    }

    @Test
    void qcow2WithBackingFileInEveryContext() throws IOException {
        Path base = images.qcow2("base.qcow2", 32 * MIB, range(0, 5 * MIB), range(20 * MIB, MIB));
        Path middle = images.overlay("middle.qcow2", base, "qcow2", range(4 * MIB, 2 * MIB));
        images.zero(middle, range(20 * MIB, 512 * KIB));
        Path top = images.overlay("top.qcow2", middle, "qcow2", range(10 * MIB, MIB));
        images.addBitmap(top, "changed");
        images.fill(top, range(25 * MIB, 128 * KIB), range(4 * MIB, 64 * KIB));
        try (QemuNbd server = QemuNbd.of(top, Format.QCOW2, 2)
                .exportName("vm/disk 1")
                .readOnly()
                .allocationDepth()
                .bitmap("changed")
                .start()) {
            for (String context : List.of("base:allocation", "qemu:allocation-depth", "qemu:dirty-bitmap:changed")) {
                assertSameAsNbdinfo(server.uri(), context);
            }
        }
    }

    @Test
    void fullEmptyAndOddDisks() throws IOException {
        for (long size : new long[] {512, 4096, 64 * KIB, 1, 511, 1000, 4097, 100_001, 65_537, MIB + 1}) {
            Path full = images.raw("full-" + size, size, range(0, size));
            Path empty = images.raw("empty-" + size, size);
            for (Path disk : List.of(full, empty)) {
                try (Nbdkit server = Nbdkit.plugin("file", disk.toString()).start()) {
                    assertSameAsNbdinfo(server.uri(), "base:allocation");
                }
            }
        }
        try (QemuNbd server = QemuNbd.of(images.raw("odd", 100_001, range(0, 70_000)), Format.RAW, 2)
                .readOnly()
                .start()) {
            assertSameAsNbdinfo(server.uri(), "base:allocation");
        }
        try (Nbdkit server = Nbdkit.plugin("null", "size=0").start()) {
            assertSameAsNbdinfo(server.uri(), "base:allocation");
        }
    }

    @Test
    void extentListsBeyondFourGib() throws IOException {
        long seed = System.nanoTime();
        System.out.println("extent list of seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        List<String> lines = new ArrayList<>();
        long offset = 0;
        while (offset < 9 * TIB) {
            long length = 512 * (1 + random.nextLong(random.nextInt(40) == 0 ? 12L << 30 : 64 << 20));
            lines.add(offset + " " + length + " "
                    + List.of("0", "hole", "zero", "hole,zero").get(random.nextInt(4)));
            offset += length;
        }
        Path list = Files.write(folder.resolve("extents"), lines);
        try (Nbdkit server = Nbdkit.plugin("null", "size=10T")
                .filter("extentlist")
                .parameter("extentlist=" + list)
                .start()) {
            assertSameAsNbdinfo(server.uri(), "base:allocation");
        }
    }

    @Test
    void hugeSparseDisks() throws IOException {
        Path disk = images.qcow2("huge.qcow2", 8 * TIB, range(5 * GIB, MIB), range(7 * TIB + 3 * MIB, 64 * KIB));
        try (QemuNbd server = QemuNbd.of(disk, Format.QCOW2, 2).readOnly().start()) {
            assertSameAsNbdinfo(server.uri(), "base:allocation");
        }
        try (Nbdkit server = Nbdkit.plugin("null", "size=64T").start()) {
            assertSameAsNbdinfo(server.uri(), "base:allocation");
        }
    }

    @Test
    void partsOfADiskAreCutExactly() throws IOException {
        Path disk = images.raw("disk", 8 * MIB, range(MIB, MIB));
        try (QemuNbd server = QemuNbd.of(disk, Format.RAW, 2).readOnly().start()) {
            Run part = Run.migratekit("map", server.uri(), "--offset", "1000", "--length", "1100000");
            assertEquals("""
                          1000     1047576    3  hole,zero
                       1048576       52424    0  data
                    """, part.out(), part.err());
            Run rest = Run.migratekit("map", server.uri(), "--offset", "2M", "--totals");
            assertEquals("   6291456 100.0%   3 hole,zero\n", rest.out(), rest.err());
            Run nothing = Run.migratekit("map", server.uri(), "--offset", "8M");
            assertEquals(0, nothing.code(), nothing.err());
            assertEquals("", nothing.out());
            Run beyond = Run.migratekit("map", server.uri(), "--offset", "9M");
            assertEquals(2, beyond.code());
            assertTrue(beyond.err().contains("beyond the end of the disk"), beyond.err());
        }
    }

    @Test
    void unknownContextAndServerWithoutContexts() throws IOException {
        try (Nbdkit server = Nbdkit.plugin("memory", "1M").start()) {
            Run run = Run.migratekit("map", server.uri(), "--context", "nosuch:ctx");
            assertEquals(33, run.code());
            assertTrue(run.err().contains("does not support the metadata context \"nosuch:ctx\""), run.err());
            assertNotEquals(
                    0, Run.program("nbdinfo", "--map=nosuch:ctx", server.uri()).code());
        }
        try (Nbdkit server = Nbdkit.plugin("memory", "1M").option("--no-sr").start()) {
            Run run = Run.migratekit("map", server.uri());
            assertEquals(33, run.code(), run.err());
            assertEquals("", run.out());
        }
    }

    @Test
    void severalContextsFollowEachOther() throws IOException {
        Path disk = images.qcow2("disk.qcow2", MIB, range(0, 64 * KIB));
        try (QemuNbd server =
                QemuNbd.of(disk, Format.QCOW2, 2).readOnly().allocationDepth().start()) {
            Run run = Run.migratekit(
                    "map", server.uri(), "--context", "qemu:allocation-depth", "--context", "base:allocation");
            String depth = Run.program("nbdinfo", "--map=qemu:allocation-depth", server.uri())
                    .out();
            String allocation = Run.program("nbdinfo", "--map", server.uri()).out();
            assertEquals(
                    "# qemu:allocation-depth\n" + depth + "\n# base:allocation\n" + allocation, run.out(), run.err());
        }
    }

    @Test
    void pictures() throws IOException {
        Path disk = images.raw("disk", 8 * MIB, range(MIB, MIB));
        try (QemuNbd server = QemuNbd.of(disk, Format.RAW, 2).readOnly().start()) {
            Run bar = Run.migratekit("map", server.uri(), "--bar", "--width", "42");
            assertEquals(0, bar.code(), bar.err());
            assertTrue(
                    bar.out().lines().allMatch(line -> line.length() <= 120)
                            && bar.out().contains("1 MiB"),
                    bar.out());
            Run blocks = Run.migratekit("map", server.uri(), "--bar", "--width", "8", "--height", "4");
            assertTrue(blocks.out().contains("1 cell = 256 KiB"), blocks.out());
            Path svg = folder.resolve("disk.svg");
            Run file = Run.migratekit("map", server.uri(), "--svg", svg.toString());
            assertEquals("", file.out(), file.err());
            assertTrue(Files.readString(svg).startsWith("<svg"), Files.readString(svg));
            Run nowhere = Run.migratekit(
                    "map", server.uri(), "--svg", folder.resolve("no/such.svg").toString());
            assertEquals(63, nowhere.code(), nowhere.err());
        }
    }

    private static void assertSameAsNbdinfo(String uri, String context) {
        for (String[] style : new String[][] {{}, {"--json"}, {"--totals"}, {"--totals", "--json"}}) {
            List<String> reference = new ArrayList<>(List.of("nbdinfo", "--map=" + context));
            reference.addAll(List.of(style));
            reference.add(uri);
            Run expected = Run.program(reference);
            assertEquals(0, expected.code(), expected.err());
            List<String> words = new ArrayList<>(List.of("map", "--context", context));
            words.addAll(List.of(style));
            words.add(uri);
            Run actual = Run.migratekit(words.toArray(String[]::new));
            assertEquals(0, actual.code(), actual.err());
            assertEquals(expected.out(), actual.out(), String.join(" ", reference));
        }
    }

    private static ByteRange range(long offset, long length) {
        return new ByteRange(offset, length);
    }
}
