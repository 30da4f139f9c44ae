package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.files.ProcessLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What may a job that goes on from another moment of the disk take over from the one before? */
class CarryOverTest {
    private static final JobId OLD = new JobId("2000.1");
    private static final JobId NEW = new JobId("2000.2");
    private static final JobIdentity OTHER_RANGES = new JobIdentity(
            "nbd://a:10809/disk", "nbd://b:10809/disk", 10L << 30, "beef", 1 << 20, true, Jobs.IDENTITY.more());

    @TempDir
    private Path state;

    @Test
    void whatIsStillPlannedTheSameWayStaysDurable() {
        JobStore store = new JobStore(state);
        try (JobRun run = Jobs.open(state, OLD.text())) {
            run.append(Jobs.units(0, 5000));
        }
        Random random = Jobs.random("CarryOverTest");
        boolean[] kept = new boolean[5000];
        int count = 0;
        for (int i = 0; i < kept.length; i++) {
            kept[i] = random.nextBoolean();
            count += kept[i] ? 1 : 0;
        }
        assertEquals(count, store.carryOver(OLD, NEW, OTHER_RANGES, unit -> kept[(int) unit]));
        // Somebody was killed before the new job was written down anywhere: it is made anew, from the old one.
        assertEquals(count, store.carryOver(OLD, NEW, OTHER_RANGES, unit -> kept[(int) unit]));
        try (JobRun next = assertInstanceOf(JobStart.Ready.class, store.open(NEW, OTHER_RANGES))
                .run()) {
            for (int i = 0; i < kept.length; i++) {
                assertEquals(kept[i], next.isDurable(i));
            }
            List<DurableUnit> expected = Jobs.units(0, 5000).stream()
                    .filter(unit -> kept[(int) unit.unit()])
                    .toList();
            assertEquals(expected, Jobs.payloads(next));
        }
        try (JobRun old = Jobs.open(state, OLD.text())) {
            assertEquals(5000, old.durableUnits());
        }
        store.remove(OLD);
        assertFalse(Files.exists(state.resolve("jobs/2000.1")));
        store.remove(OLD);
    }

    @Test
    void nothingIsCarriedOverFromAJobThatNeverBegan() {
        JobStore store = new JobStore(state);
        assertEquals(0, store.carryOver(OLD, NEW, OTHER_RANGES, _ -> true));
        assertInstanceOf(JobStart.Ready.class, store.open(NEW, OTHER_RANGES))
                .run()
                .close();
    }

    @Test
    void aJobThatRunsIsNotTouched() {
        JobStore store = new JobStore(state);
        try (JobRun run = Jobs.open(state, OLD.text())) {
            run.append(Jobs.units(0, 3));
            assertThrows(JobException.Locked.class, () -> store.carryOver(OLD, NEW, OTHER_RANGES, _ -> true));
            assertThrows(JobException.Locked.class, () -> store.remove(OLD));
        }
        assertEquals(3, store.carryOver(OLD, NEW, OTHER_RANGES, _ -> true));
    }

    @Test
    void documentsAreReplacedAsAWholeAndLockedOnce() {
        StateFolder folder = new StateFolder(state.resolve("vms/422f"));
        assertTrue(folder.read("a.json").isEmpty());
        assertEquals(List.of(), folder.names(".json"));
        folder.write("a.json", "{}");
        folder.write("b.json", out -> RangesFile.write(List.of(), out));
        assertEquals("{}", folder.read("a.json").orElseThrow());
        assertEquals(List.of("a.json", "b.json"), folder.names(".json"));
        try (ProcessLock _ = folder.tryLock().orElseThrow()) {
            assertTrue(folder.tryLock().isEmpty());
        }
        folder.delete("a.json");
        folder.delete("a.json");
        assertEquals(List.of("b.json"), folder.names(".json"));
    }
}
