package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.nbd.server.QemuNbd.Format;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does info say what nbdinfo says, word for word? */
class InfoIT {
    @TempDir
    private Path folder;

    @Test
    void qemuExportsWithStrangeNames() throws IOException {
        Path disk = new NbdImages(folder, 3).qcow2("disk.qcow2", 3 << 20, new ByteRange(0, 65536));
        for (String name : List.of("", "disk1", "a \"b\"/é\\c?&=#", "/absolute", "tab\tand~!$&'()*+,;=:@")) {
            QemuNbd.Builder builder =
                    QemuNbd.of(disk, Format.QCOW2, 2).exportName(name).allocationDepth();
            try (QemuNbd server = builder.start()) {
                assertSame(server.uri());
            }
            try (QemuNbd server = builder.readOnly().loopbackPort(0).start()) {
                assertSame(server.uri());
            }
        }
    }

    @Test
    void nbdkitExportsOfEveryAge() throws IOException {
        for (String option : List.of("--newstyle", "--oldstyle", "--no-sr", "--mask-handshake=0")) {
            try (Nbdkit server =
                    Nbdkit.plugin("memory", "1000001").option(option).start()) {
                assertSame(server.uri(), "--json");
                assertSame(server.uri());
            }
        }
    }

    @Test
    void everyExportOfAServer() throws IOException {
        for (String name : List.of("one", "two", "three")) {
            Files.write(
                    Files.createDirectories(folder.resolve("disks")).resolve(name), new byte[10_000 * name.length()]);
        }
        try (Nbdkit server =
                Nbdkit.plugin("file", "dir=" + folder.resolve("disks")).start()) {
            assertSame(server.uri(), "--list");
            assertSame(server.uri(), "--list", "--json");
        }
    }

    @Test
    void aSingleSlotIsEnough() throws IOException {
        Path disk = new NbdImages(folder, 3).qcow2("disk.qcow2", 3 << 20, new ByteRange(0, 65536));
        try (QemuNbd server =
                QemuNbd.of(disk, Format.QCOW2, 1).exportName("only").start()) {
            Run run = Run.migratekit("info", "--list", server.uri());
            assertEquals(0, run.code(), run.err());
            assertTrue(run.out().contains("can_multi_conn: false"), run.out());
        }
    }

    @Test
    void wrongNameIsExplained() throws IOException {
        try (QemuNbd server = QemuNbd.of(new NbdImages(folder, 3).qcow2("disk.qcow2", 3 << 20), Format.QCOW2, 1)
                .exportName("right")
                .start()) {
            Run run = Run.migratekit("info", server.uri().replace("/right", "/wrong"));
            assertEquals(30, run.code());
            assertTrue(
                    run.err().contains("no export named 'wrong'") && run.err().contains("info --list"), run.err());
        }
    }

    private static void assertSame(String uri, String... options) {
        // Without --list nbdinfo looks into the disk with file(1) unless told not to; with it, it never does.
        String quiet = List.of(options).contains("--list") ? "--list" : "--no-content";
        String json = List.of(options).contains("--json") ? "--json" : "--no-content";
        Run expected = Run.program(
                quiet.equals("--list") && json.equals("--no-content")
                        ? List.of("nbdinfo", "--list", uri)
                        : List.of("nbdinfo", quiet, json, uri));
        String[] words = new String[options.length + 2];
        words[0] = "info";
        System.arraycopy(options, 0, words, 1, options.length);
        words[words.length - 1] = uri;
        Run actual = Run.migratekit(words);
        assertEquals(0, actual.code(), actual.err());
        assertEquals(expected.out(), actual.out(), uri);
    }
}
