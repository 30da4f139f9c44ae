package io.migratekit.hub.control;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.SmallDisk;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does the database in a file go on by itself when a full disk has room again? On a small tmpfs. */
class DatabaseFullTest {
    private static final Duration SOON = Duration.ofSeconds(20);

    @TempDir
    private Path folder;

    private @Nullable SmallDisk disk;
    private Path small = Path.of("");

    @BeforeEach
    void mount() throws IOException {
        disk = SmallDisk.at(folder.resolve("small"), "6m");
        small = disk.path();
    }

    @AfterEach
    void unmount() {
        if (disk != null) {
            disk.close();
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
