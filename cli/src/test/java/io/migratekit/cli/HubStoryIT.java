package io.migratekit.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Do two hubs keep what they have to, whatever is done to them and whatever breaks? Random histories of backups,
 * copies from hub to hub, retention, deletions, verifications and restores, in each of which the program, a hub or one of
 * its exports is killed or frozen. System properties: {@code soak.kills} says how many steps, and {@code soak.seed} which.
 */
@Execution(ExecutionMode.CONCURRENT)
@Tag("long")
class HubStoryIT {
    private static final int STEPS = 12;

    private final long seed = Long.getLong("soak.seed", System.nanoTime());

    @TempDir
    private Path folder;

    @Test
    @Timeout(value = 8, unit = TimeUnit.HOURS) // Each of its waits has a limit of its own.
    void bothHubsKeepWhatTheyHaveToWhateverBreaks() throws IOException {
        int steps = Integer.getInteger("soak.kills", 5);
        System.out.println("hub story: seed=" + seed + " steps=" + steps);
        Random seeds = new Random(seed);
        for (int done = 0; done < steps; done += STEPS) {
            tell(seeds.nextLong(), done, Math.min(steps, done + STEPS));
        }
    }

    private void tell(long one, int from, int to) throws IOException {
        Path own = Files.createDirectory(folder.resolve("s" + from));
        try (HubStory story = new HubStory(own, one)) {
            try {
                story.begin();
                for (int i = from; i < to; i++) {
                    story.step();
                    System.out.println("hub story: " + i + " well, after " + story.told());
                }
                story.end();
                System.out.println("hub story: seed=" + seed + " well until " + to);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed=" + seed + " " + story.told() + ": " + e.getMessage(), e);
            }
        }
    }
}
