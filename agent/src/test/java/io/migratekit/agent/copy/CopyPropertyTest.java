package io.migratekit.agent.copy;

import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Is a copy right, whatever servers it runs between? Random ones: {@code -Dmigratekit.seed=} repeats
 * a run, {@code -Dmigratekit.rounds=} makes it longer. Each round has a seed of its own.
 */
class CopyPropertyTest {
    private static final int ROUNDS = Integer.getInteger("migratekit.rounds", 60);

    @Test
    @Timeout(3600)
    void theTargetHoldsTheSourceOnTheRangesAndIsUntouchedElsewhere(@TempDir Path folder) throws IOException {
        long seed = Long.getLong("migratekit.seed", System.nanoTime());
        System.out.println("CopyPropertyTest: seed " + seed + " (repeat with -Dmigratekit.seed=" + seed + ")");
        for (int i = 0; i < ROUNDS; i++) {
            Path directory = Files.createDirectory(folder.resolve("round-" + i));
            round(directory, seed + i);
            Tool.run("rm", "-r", directory.toString());
        }
    }

    private static void round(Path directory, long seed) {
        try (CopyLab lab = new CopyLab(directory)) {
            CopyRound round = new CopyRound(lab, new Random(seed));
            long begun = System.nanoTime();
            try {
                round.run();
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError(
                        "-Dmigratekit.seed=" + seed + " -Dmigratekit.rounds=1: " + e.getMessage() + "\n"
                                + round.story(),
                        e);
            }
            long millis = (System.nanoTime() - begun) / 1_000_000;
            if (Boolean.getBoolean("migratekit.verbose")) {
                System.out.println(millis + " ms, seed " + seed + ": " + round.story());
            }
        }
    }
}
