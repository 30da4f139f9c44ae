package io.migratekit.hub.control;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does the database in a file go on by itself when a full disk has room again? On a small tmpfs. */
class DatabaseFullTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    @TempDir
    private Path folder;

    private Path small = Path.of("");

    @BeforeEach
    void mount() throws IOException {
        small = Files.createDirectory(folder.resolve("small"));
        Tool.Outcome mounted =
                Tool.outcome(List.of("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", small.toString()));
        assumeTrue(mounted.exitStatus() == 0, "no tmpfs can be mounted, which takes root: " + mounted.errors());
    }

    @AfterEach
    void unmount() {
        if (Tool.outcome(List.of("mountpoint", "-q", small.toString())).exitStatus() == 0) {
            Tool.run("umount", "-l", small.toString());
        }
    }

    private static void write(Database database) {
        String limits = "{\"x\":\"" + "a".repeat(7000) + "\"}";
        database.once(connection -> {
            Jobs.run(connection, "update control set limits = ? where id = 1", limits);
            return true;
        });
    }

    private static boolean isWritten(Database database) {
        try {
            write(database);
            return true;
        } catch (ControlException.Unavailable _) {
            return false;
        }
    }

    @Test
    void whatFailedOnAFullDiskSucceedsWhenThereIsRoom() throws IOException {
        Path filling = small.resolve("filling");
        try (Database database = Database.embedded(small)) {
            write(database);
            assertThrows(IOException.class, () -> fill(filling));
            Waiting.until("the disk is full for the database, too", SOON, () -> !isWritten(database));
            String why = String.valueOf(assertThrows(ControlException.Unavailable.class, () -> write(database))
                    .getMessage());
            assertTrue(why.contains(small.toString()), why);
            Files.delete(filling);
            Waiting.until("it is written again", SOON, () -> isWritten(database));
        }
        try (Database database = Database.embedded(small)) {
            write(database);
        }
    }

    private static void fill(Path file) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            while (true) {
                out.write(new byte[4096]);
            }
        }
    }
}
