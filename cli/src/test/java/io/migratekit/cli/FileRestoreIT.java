package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Does a single file come out of the ext4 of a restore point, the way docs/restore.md shows it? */
class FileRestoreIT {
    private static final Path PAGE = Path.of("..", "docs", "restore.md");
    private static final long SYSTEM_OFFSET = 1 << 20;
    private static final long SYSTEM_BYTES = 20L << 20;

    @TempDir
    private Path folder;

    /** A disk with a partition of ext4 in which a file is, another one there at the second backup. */
    private HubLab aSystemWithAFile() throws IOException {
        HubLab lab = new HubLab(folder, SYSTEM_OFFSET + SYSTEM_BYTES);
        String disk = lab.source().vm().disk(lab.keys().getFirst()).file().toString();
        Path tree = folder.resolve("tree");
        Files.createDirectories(tree.resolve("etc"));
        Files.writeString(tree.resolve("etc/motd"), "all is well\n");
        Path system = folder.resolve("system");
        Tool.run("truncate", "-s", String.valueOf(SYSTEM_BYTES), system.toString());
        Tool.run("mkfs.ext4", "-q", "-b", "4096", "-d", tree.toString(), system.toString());
        Tool.run("sh", "-c", "printf 'label: dos\\nstart=2048,type=83\\n' | sfdisk -q --no-reread " + disk);
        Tool.run("dd", "if=" + system, "of=" + disk, "bs=1M", "seek=1", "conv=notrunc", "status=none");
        lab.backUpWell("web01-1");
        Files.writeString(folder.resolve("lost"), "do not lose this\n");
        Tool.run("debugfs", "-w", "-R", "rm /etc/motd", disk + "?offset=" + SYSTEM_OFFSET);
        Tool.run(
                "debugfs",
                "-w",
                "-R",
                "write " + folder.resolve("lost") + " /etc/motd",
                disk + "?offset=" + SYSTEM_OFFSET);
        lab.backUpWell("web01-2");
        return lab;
    }

    private void assertGoesAsThePageShows(String transcript) throws Exception {
        try (HubLab lab = aSystemWithAFile()) {
            List<String> page = Transcript.linesOf(PAGE, transcript);
            assertTrue(page.stream().filter(line -> line.startsWith("$ ")).count() > 2, page::toString);
            Path run = Files.createDirectories(folder.resolve("run"));
            Transcript typed = new Transcript(
                    folder, Map.of("/srv/backups", lab.hub().repository().toString(), "/run/", run + "/"));
            String program = Path.of("..", "bin").toRealPath().toString();
            List<String> here = typed.run(page, program + ":" + System.getenv("PATH") + ":/usr/sbin:/sbin");
            assertEquals(Transcript.comparable(page), Transcript.comparable(here), () -> String.join("\n", here));
        }
    }

    @Test
    void fromARestoredDiskWithoutAnyPrivilege() throws Exception {
        assertGoesAsThePageShows("FileRestoreIT.restored");
    }

    /** What the page's last lines end, if the page was not right. */
    @AfterEach
    void unmount() {
        for (String name : List.of("files", "disk")) {
            if (Files.exists(folder.resolve(name))) {
                Run.program("umount", "-q", "-l", folder.resolve(name).toString());
            }
        }
    }

    /** Mounting belongs to root, and a container may have neither loop devices nor FUSE. */
    static boolean mayMount() {
        return Files.isWritable(Path.of("/dev/fuse")) && Files.isWritable(Path.of("/dev/loop-control"));
    }

    @Test
    @EnabledIf("mayMount")
    void fromAMountedRestorePoint() throws Exception {
        assertGoesAsThePageShows("FileRestoreIT.mounted");
    }
}
