package io.migratekit.agent.migration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Is every backup one moment of every disk, whatever happened before and meanwhile? Many random histories of a VM;
 * {@code -Dmigratekit.histories=200} for more of them.
 */
class MigrationHistoryTest {
    private static final int HISTORIES = Integer.getInteger("migratekit.histories", 4);
    private static final int STEPS = 5;

    @Test
    @Timeout(36_000)
    void whateverHappensABackupIsOneMoment(@TempDir Path folder) throws IOException {
        long seed = Long.getLong("migratekit.seed", System.nanoTime());
        System.out.println("MigrationHistoryTest: seed " + seed + " (repeat with -Dmigratekit.seed=" + seed + ")");
        Map<String, Integer> counts = new TreeMap<>();
        for (int i = 0; i < HISTORIES; i++) {
            // Each one can be repeated alone.
            history(Files.createDirectories(folder.resolve("history-" + i)), seed + i, counts);
        }
        System.out.println("MigrationHistoryTest: " + HISTORIES + " histories: " + counts);
    }

    private static void history(Path folder, long seed, Map<String, Integer> counts) throws IOException {
        try (History history = new History(folder, new Random(seed))) {
            try {
                history.run(STEPS);
            } catch (Exception | AssertionError e) {
                throw new AssertionError(
                        "seed " + seed + ": " + e.getMessage() + "\n" + String.join("\n", history.events), e);
            }
            history.counts.forEach((what, times) -> counts.merge(what, times, Integer::sum));
        }
    }
}
