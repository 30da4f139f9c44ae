package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a long log fit into a small heap? By default a tenth of 10 TiB in units of 1 MiB, in a heap of 32 MB. */
class BigLogTest {
    private static final long UNITS = Long.getLong("migratekit.units", 1L << 20);
    private static final String HEAP = System.getProperty("migratekit.heap", "32m");

    @TempDir
    private Path state;

    @Test
    void payloadsAreStreamed() {
        try (ChildJvm child = ChildJvm.start(BigLogRunner.class, HEAP, state.toString(), Long.toString(UNITS))) {
            assertEquals(0, child.awaitEnd(), () -> "it said " + child.lines());
            System.out.println("BigLogTest: " + child.lines());
            assertEquals(
                    1,
                    child.lines().stream()
                            .filter(line -> line.startsWith("streamed " + UNITS + " "))
                            .count());
        }
    }
}
