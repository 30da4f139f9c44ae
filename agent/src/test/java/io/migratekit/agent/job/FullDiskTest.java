package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.migratekit.nbd.files.SafeFiles;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What happens when the disk with the state is full? The status suffers in silence, the progress does not. */
class FullDiskTest {
    private static final JobId ID = new JobId("job");

    @TempDir
    private Path disk;

    private boolean mounted;

    /** A disk of a quarter of a megabyte. Whoever may not mount one cannot run these tests. */
    @BeforeEach
    void mount() {
        assumeTrue(StateDirectory.isRoot(), "only root can mount a small disk");
        Tool.Outcome outcome =
                Tool.outcome(List.of("mount", "-t", "tmpfs", "-o", "size=256k", "migratekit-test", disk.toString()));
        mounted = outcome.exitStatus() == 0;
        assumeTrue(mounted, outcome.errors());
    }

    @AfterEach
    void unmount() {
        if (mounted) {
            Tool.run("umount", disk.toString());
        }
    }

    @Test
    void progressThatCannotBeRecordedFailsTheRunAndTheNextGoesOn() throws IOException {
        long recorded = 50;
        try (JobRun run = Jobs.open(disk, "job")) {
            run.append(Jobs.units(1, recorded));
            fill();
            JobException.Storage said = null;
            while (said == null) {
                long from = recorded;
                try {
                    run.append(Jobs.units(from, from + 10));
                    recorded += 10;
                } catch (JobException.Storage e) {
                    said = e;
                }
            }
            assertEquals(
                    "job job cannot record its progress in " + run.folder() + ": No space left on device. Make room and"
                            + " run the same command again: it goes on from the last checkpoint.",
                    said.getMessage());
            assertEquals(recorded - 1, run.durableUnits());
            assertFalse(run.isDurable(recorded));
            long next = recorded;
            Files.delete(disk.resolve("filler"));
            assertEquals(
                    "job job cannot record its progress in " + run.folder() + ": an earlier write has failed: No space"
                            + " left on device. Make room and run the same command again: it goes on from the last"
                            + " checkpoint.",
                    assertThrows(JobException.Storage.class, () -> run.append(Jobs.units(next, next + 1)))
                            .getMessage());
            run.failed(63, said.getMessage());
        }
        assertTrue(new JobStore(disk).view(ID).orElseThrow().state() instanceof JobState.Failed);
        try (JobRun run = Jobs.open(disk, "job")) {
            assertEquals(Jobs.units(1, recorded), Jobs.payloads(run));
            run.append(Jobs.units(recorded, recorded + 10));
            assertTrue(run.isDurable(recorded + 9));
        }
    }

    @Test
    void whatIsOnlyForOnlookersHarmsNobody() throws IOException {
        JobStore store = new JobStore(disk);
        try (JobRun run = Jobs.open(disk, "job")) {
            run.publishLastStatus("{\"n\":1}");
            fill();
            assertDoesNotThrow(() -> {
                run.publishLastStatus("{\"n\":2,\"text\":\"" + "x".repeat(10_000) + "\"}");
                run.answerWhy("x".repeat(10_000));
                for (int i = 0; i < 100; i++) {
                    run.note(JobEvent.WARNING, Map.of("message", "x".repeat(5_000)));
                }
                run.interrupted("the disk is full");
            });
            assertEquals("{\"n\":1}", store.status(ID).orElseThrow());
            Files.delete(disk.resolve("filler"));
            run.publishLastStatus("{\"n\":3}");
            run.note(JobEvent.WARNING, Map.of("message", "room again"));
        }
        assertEquals("{\"n\":3}", store.status(ID).orElseThrow());
        JournalLine last = store.journal(ID, 1).getFirst();
        assertEquals(Map.of("message", "room again"), last.details());
    }

    @Test
    void aJobCannotBeginOrEndOnAFullDiskAndSaysSo() throws IOException {
        JobStore store = new JobStore(disk);
        fill();
        String said = assertThrows(JobException.Storage.class, () -> store.open(ID, Jobs.IDENTITY))
                .getMessage();
        assertTrue(said.startsWith("job job cannot be opened in " + disk), said);
        assertTrue(said.contains("No space left on device. Make room"), said);
        Files.delete(disk.resolve("filler"));
        try (JobRun run = Jobs.open(disk, "job")) {
            fill();
            said = assertThrows(JobException.Storage.class, () -> run.finished("{\"a\":\"" + "x".repeat(9000) + "\"}"))
                    .getMessage();
            assertTrue(said.startsWith("job job is done, but that cannot be written down in " + disk), said);
        }
        assertTrue(store.view(ID).orElseThrow().died(), "it is as if the run had died in its last moment");
        Files.delete(disk.resolve("filler"));
        try (JobRun run = Jobs.open(disk, "job")) {
            run.finished("{}");
        }
    }

    /** A line fits into the last page of the journal where a whole new document has no room. */
    @Test
    void anEndThatOnlyTheJournalTookIsKnown() throws IOException {
        JobStore store = new JobStore(disk);
        try (JobRun run = Jobs.open(disk, "job")) {
            fill();
            run.failed(63, "no room");
        }
        assertEquals(
                new JobState.Failed(63, "no room"), store.view(ID).orElseThrow().state());
        assertFalse(store.view(ID).orElseThrow().died());
        Files.delete(disk.resolve("filler"));
        try (JobRun run = Jobs.open(disk, "job")) {
            assertEquals(Optional.of(new JobState.Failed(63, "no room")), run.previous());
            assertTrue(store.view(ID).orElseThrow().live());
        }
    }

    /** Leaves no room for another byte, except in the last page of a file. */
    private void fill() throws IOException {
        try (OutputStream out = Files.newOutputStream(disk.resolve("filler"))) {
            byte[] page = new byte[4096];
            while (true) {
                out.write(page);
            }
        } catch (IOException full) {
            assertTrue(SafeFiles.reason(full).contains("No space left"), full.toString());
        }
    }
}
