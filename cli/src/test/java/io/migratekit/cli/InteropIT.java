package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.fixture.LoopbackSshd;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.NbdServer;
import io.migratekit.nbd.fixture.StorageDaemon;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.server.Nbdkit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Does it get on with servers that others write? nbd-server, which cannot tell what is allocated; qemu-storage-daemon; and nbdkit,
 * made as poor as servers may be. What is copied is compared byte by byte with what was there, over old data of the target.
 */
class InteropIT {
    private static final int MIB = 1 << 20;
    /** Neither a multiple of 4096 nor of 64 KiB. */
    private static final int ODD = 9 * MIB + 512;

    private static final String[] ALL = {"flush = true", "fua = true", "trim = true"};

    @TempDir
    private Path folder;

    private NbdImages images;
    private Path source;
    private int made;

    @BeforeEach
    void makeSource() throws IOException {
        images = new NbdImages(folder, System.nanoTime());
        System.out.println("interop: seed=" + images.seed());
        // Data to the last byte, a piece that begins and ends in the middle of a sector, and nothing in between.
        source = images.raw(
                "source",
                ODD,
                new ByteRange(0, MIB),
                new ByteRange(3 * MIB + 1000, 70_000),
                new ByteRange(ODD - 1500, 1500));
    }

    /** A file of the source's size, full of what has to go. */
    private Path target() throws IOException {
        byte[] old = new byte[ODD];
        Arrays.fill(old, (byte) 0xEE);
        return Files.write(folder.resolve("target-" + made++), old);
    }

    private static Nbdkit.Builder nbdkit(Path file, String... words) {
        Nbdkit.Builder builder = Nbdkit.plugin("file", file.toString());
        for (String word : words) {
            if (word.contains("=")) {
                builder.parameter(word);
            } else {
                builder.filter(word);
            }
        }
        return builder;
    }

    private JsonObject copy(String from, String to, String... more) {
        List<String> words = new ArrayList<>(List.of("copy", from, to, "--json", "--progress", "none", "--verify"));
        words.addAll(List.of("--state-dir", folder.resolve("state").toString(), "--connections", "4"));
        words.addAll(List.of(more));
        Run run = Run.migratekit(words.toArray(String[]::new));
        assertEquals(0, run.code(), run::toString);
        return JsonParser.parseString(run.out()).getAsJsonObject();
    }

    private static void assertEqualBytes(Path one, Path other) throws IOException {
        assertEquals(-1, Files.mismatch(one, other), one + " and " + other);
    }

    private static long zeroed(JsonObject report) {
        return report.get("zeroed").getAsLong() + report.get("zeroes-in-data").getAsLong();
    }

    // ---- nbd-server

    @Test
    void nbdServerAsSourceAndAsTarget() throws IOException {
        for (String[] lines : new String[][] {ALL, {"flush = true"}}) {
            Path target = target();
            try (NbdServer from = NbdServer.start(folder, source, "readonly = true");
                    NbdServer to = NbdServer.start(folder, target, lines)) {
                JsonObject report = copy(from.uri(), to.uri());
                // Neither end tells what is allocated: all was read, and what was only zeroes became zeroes.
                assertTrue(zeroed(report) > 7 * MIB, report::toString);
                assertEquals(0, report.get("skipped").getAsLong(), report::toString);
            }
            assertEqualBytes(source, target);
        }
    }

    @Test
    void whatNbdServerCannotDoIsSaid() throws IOException {
        Path target = target();
        try (NbdServer to = NbdServer.start(folder, target)) {
            Run info = Run.migratekit("info", to.uri());
            assertEquals(0, info.code(), info::toString);
            assertTrue(info.out().contains("export-size: " + ODD), info::toString);
            assertTrue(info.out().contains("can_flush: false"), info::toString);
            Run listed = Run.migratekit("info", "--list", to.uri());
            assertEquals(0, listed.code(), listed::toString);
            assertTrue(
                    listed.out().contains("export=\"disk\"") && listed.out().contains("export-size: " + ODD),
                    listed::toString);
            Run map = Run.migratekit("map", to.uri());
            assertEquals(33, map.code(), map::toString);
            assertTrue(map.err().contains("does not support the metadata context \"base:allocation\""), map::toString);
            Run probe = Run.migratekit("probe", to.uri());
            assertEquals(0, probe.code(), probe::toString);
            Run none = Run.migratekit("info", to.uri() + "-no");
            assertTrue(none.code() != 0 && none.err().contains("disk-no"), none::toString);
        }
    }

    @Test
    void throughSsh() throws IOException {
        Path there = target();
        Path back = target();
        try (LoopbackSshd sshd = LoopbackSshd.start(Files.createDirectory(folder.resolve("ssh")));
                StorageDaemon from = StorageDaemon.start(source, "raw");
                NbdServer to = NbdServer.start(folder, there, ALL);
                Nbdkit last = nbdkit(back).start()) {
            String[] ssh = {
                "--ssh", "127.0.0.1:" + sshd.port(),
                "--ssh-key", sshd.userKey().toString(),
                "--ssh-known-hosts", sshd.knownHosts().toString()
            };
            copy(from.uri(), to.uri(), ssh);
            copy(to.uri(), last.uri(), ssh);
            Run info = Run.migratekit("info", to.uri(), ssh[0], ssh[1], ssh[2], ssh[3], ssh[4], ssh[5]);
            assertTrue(info.out().contains("export-size: " + ODD), info::toString);
        }
        assertEqualBytes(source, there);
        assertEqualBytes(source, back);
    }

    // ---- qemu-storage-daemon

    @Test
    void qemuStorageDaemonWithABitmap() throws IOException {
        Path disk = images.qcow2("disk.qcow2", ODD, new ByteRange(5 * MIB, 2 * MIB));
        images.addBitmap(disk, "changed");
        Path back = target();
        try (StorageDaemon daemon = StorageDaemon.start(disk, "qcow2", "bitmaps.0=changed");
                NbdServer from = NbdServer.start(folder, source);
                Nbdkit to = nbdkit(back).start()) {
            JsonObject report = copy(from.uri(), daemon.uri());
            // Old data in the middle, nothing else: what reads as zero there is left alone.
            assertTrue(zeroed(report) + report.get("skipped").getAsLong() > 7 * MIB, report::toString);
            Run info = Run.migratekit("info", daemon.uri());
            for (String word : List.of("qemu:dirty-bitmap:changed", "qemu:allocation-depth", "can_multi_conn: true")) {
                assertTrue(info.out().contains(word), info::toString);
            }
            for (String context : List.of("base:allocation", "qemu:allocation-depth", "qemu:dirty-bitmap:changed")) {
                assertSameMap(daemon.uri(), context);
            }
            copy(daemon.uri(), to.uri());
        }
        assertEqualBytes(source, back);
        Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", source.toString(), disk.toString());
    }

    private static void assertSameMap(String uri, String context) {
        Run map = Run.migratekit("map", uri, "--context", context);
        assertEquals(0, map.code(), map::toString);
        assertEquals(words(Tool.run("nbdinfo", "--map=" + context, uri)), words(map.out()), context);
    }

    private static String words(String text) {
        return text.strip().replaceAll("[ \t]+", " ").replaceAll("\n ", "\n");
    }

    // ---- nbdkit, made poor

    @Test
    void nbdkitWithoutThisAndThat() throws IOException {
        List<List<String>> manners = List.of(
                List.of("noextents"),
                List.of("nozero"),
                List.of("nozero", "zeromode=emulate"),
                List.of("noextents", "nozero", "nocache"),
                List.of("multi-conn", "multi-conn-mode=disable"),
                List.of("fua", "fuamode=force"),
                List.of("fua", "fuamode=emulate"));
        for (List<String> manner : manners) {
            String[] filters = manner.toArray(String[]::new);
            Path target = target();
            try (Nbdkit from = nbdkit(source, filters).readOnly().start();
                    Nbdkit to = nbdkit(target, filters).start()) {
                JsonObject report = copy(from.uri(), to.uri());
                assertTrue(zeroed(report) > 7 * MIB, () -> manner + " " + report);
            }
            assertEqualBytes(source, target);
        }
    }

    @Test
    void withoutMultiConnThereIsOneConnectionAndItIsSaid() throws IOException {
        // Several units, so that there is work for more than one.
        Path large = images.raw("large", 64L * MIB, new ByteRange(0, 20 * MIB), new ByteRange(40 * MIB, 10 * MIB));
        Map<String, String> workers = new TreeMap<>();
        for (String mode : List.of("disable", "auto")) {
            Path target = images.raw("to-" + mode, 64L * MIB);
            try (Nbdkit from = nbdkit(large).readOnly().start();
                    Nbdkit to = nbdkit(target, "multi-conn", "multi-conn-mode=" + mode)
                            .start()) {
                workers.put(
                        mode,
                        copy(from.uri(), to.uri(), "--checkpoint-every", "4M")
                                .get("workers")
                                .getAsString());
                Run probe = Run.migratekit("probe", to.uri());
                assertEquals(mode.equals("disable"), probe.out().contains("no multi-conn"), probe::toString);
            }
            assertEqualBytes(large, target);
        }
        assertEquals("1", workers.get("disable"), workers::toString);
        assertNotEquals("1", workers.get("auto"), workers::toString);
    }

    @Test
    void blocksOf4096BytesAtLeast() throws IOException {
        String[] policy = {
            "blocksize-policy", "blocksize-minimum=4096", "blocksize-preferred=64K", "blocksize-error-policy=error"
        };
        int even = 9 * MIB + 4096;
        Path from = images.raw("even", even, new ByteRange(4000, 5000), new ByteRange(even - 4096, 4096));
        byte[] old = new byte[even];
        Arrays.fill(old, (byte) 0xEE);
        Path to = Files.write(folder.resolve("even-target"), old);
        try (Nbdkit source = nbdkit(from, policy).readOnly().start();
                Nbdkit target = nbdkit(to, policy).start()) {
            copy(source.uri(), target.uri());
            Run info = Run.migratekit("info", target.uri());
            assertTrue(info.out().contains("block_size_minimum: 4096"), info::toString);
        }
        assertEqualBytes(from, to);
        // The last 512 bytes of this one cannot be asked for, by nobody.
        Path odd = target();
        try (Nbdkit target = nbdkit(odd, policy).start();
                NbdServer plain = NbdServer.start(folder, source)) {
            Run run = Run.migratekit("copy", plain.uri(), target.uri(), "--progress", "none");
            assertEquals(2, run.code(), run::toString);
            assertTrue(run.err().contains("takes only whole blocks of 4096 bytes"), run::toString);
        }
        assertEqualBytes(target(), odd);
    }

    @Test
    void memoryThatIsFullOfOldData() throws IOException {
        try (Nbdkit memory = Nbdkit.plugin("memory", Integer.toString(ODD)).start();
                Nbdkit from = nbdkit(source).readOnly().start();
                NbdServer old = NbdServer.start(folder, target())) {
            copy(old.uri(), memory.uri());
            copy(from.uri(), memory.uri());
            Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", source.toString(), memory.uri());
        }
    }

    // ---- large ones

    @Test
    void moreThanTwoTebibytes() throws IOException {
        long size = (3L << 40) + 512;
        ByteRange late = new ByteRange(size - 5000, 5000);
        Path raw = images.raw("huge", size, new ByteRange(0, 4096), late);
        Path qcow2 = images.qcow2("huge.qcow2", size, late);
        try (NbdServer plain = NbdServer.start(folder, raw);
                StorageDaemon daemon = StorageDaemon.start(qcow2, "qcow2");
                Nbdkit nbdkit = nbdkit(raw).readOnly().start()) {
            for (String uri : List.of(plain.uri(), daemon.uri(), nbdkit.uri())) {
                Run info = Run.migratekit("info", "--json", uri);
                assertTrue(info.out().contains("\"export-size\": " + size), info::toString);
            }
            assertSameMap(daemon.uri(), "base:allocation");
            assertSameMap(nbdkit.uri(), "base:allocation");
            Run map = Run.migratekit("map", plain.uri());
            assertEquals(33, map.code(), map::toString);
        }
    }

    // ---- a whole VM

    @Test
    void aVmGoesStraightIntoThem() throws IOException {
        long[] sizes = {5L * MIB + 512, 3L * MIB + 1024};
        try (MigrateLab lab = new MigrateLab(folder.resolve("lab"), sizes)) {
            lab.guestWrites(new Random(images.seed()), 20);
            Path raw = images.raw("vm", sizes[0], new ByteRange(MIB, MIB));
            Path qcow2 = images.qcow2("vm.qcow2", sizes[1], new ByteRange(MIB, MIB));
            try (NbdServer one = NbdServer.start(folder, raw, ALL);
                    StorageDaemon two = StorageDaemon.start(qcow2, "qcow2")) {
                List<String> to = List.of("--nbd-target", "2000=" + one.uri(), "--nbd-target", "2001=" + two.uri());
                try (CopyProcess process = lab.startWith("vm", List.of(lab.trust(), lab.password(), to), "--verify")) {
                    Run run = process.end(MigrateLab.LIMIT);
                    assertEquals(0, run.code(), run::toString);
                }
            }
            lab.assertNoSnapshotOfOurs();
            String frozen = lab.snapshotOf("vm");
            assertEqualBytes(lab.vcenter().truth(frozen, 2000), raw);
            String truth = lab.vcenter().truth(frozen, 2001).toString();
            Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", truth, qcow2.toString());
        }
    }
}
