package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Does `migratekit migrate --hub` make restore points that hold what was frozen, whatever dies meanwhile? */
@Execution(ExecutionMode.CONCURRENT)
class MigrateHubIT {
    private static final long MIB = 1 << 20;

    private final long seed = Long.getLong("migratekit.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    @Test
    void aFullPointAndIncrementsAndTheSameIdAgain() throws IOException {
        System.out.println("migrate hub: seed=" + seed);
        try (HubLab lab = new HubLab(folder, 12 * MIB, 5 * MIB + 512)) {
            lab.source().guestWrites(random, 10);
            Run preview = lab.backUp("preview", "--dry-run", "--json");
            assertEquals(0, preview.code(), preview::toString);
            assertTrue(preview.out().contains("\"mode\":\"full\""), preview::out);

            assertEquals(List.of("full", "full"), HubLab.modes(lab.backUpWell("first")));
            lab.assertAllPointsAreTrue();
            lab.source().guestWrites(random, 4);
            preview = lab.backUp("preview", "--dry-run", "--json");
            assertTrue(preview.out().contains("\"mode\":\"incremental\""), preview::out);
            assertEquals(List.of("incremental", "incremental"), HubLab.modes(lab.backUpWell("second", "--audit")));
            assertEquals(List.of("incremental", "incremental"), HubLab.modes(lab.backUpWell("unchanged")));
            assertEquals(List.of("full", "full"), HubLab.modes(lab.backUpWell("third", "--full", "--no-hash")));
            lab.source().guestWrites(random, 4);
            assertEquals(List.of("incremental", "incremental"), HubLab.modes(lab.backUpWell("fourth")));
            lab.assertAllPointsAreTrue();
            lab.source().assertNoSnapshotOfOurs();

            Run again = lab.backUp("second");
            assertEquals(0, again.code(), again::toString);
            assertTrue(again.err().contains("was finished before"), again::err);
        }
    }

    /** Whatever this machine remembers is lost: the hub knows from where an increment may begin. */
    @Test
    void changeIdsLiveAtTheHub() throws IOException {
        try (HubLab lab = new HubLab(folder, 3 * MIB)) {
            lab.source().guestWrites(random, 4);
            lab.backUpWell("first");
            lab.source().guestWrites(random, 2);
            JsonObject report = lab.backUpWell(
                    "second", "--state-dir", folder.resolve("other").toString());
            assertEquals(List.of("incremental"), HubLab.modes(report));
            Run same =
                    lab.backUp("first", "--state-dir", folder.resolve("third").toString());
            assertEquals(2, same.code(), same::toString);
            assertTrue(same.err().contains("has a restore point first already"), same::err);
        }
    }
}
