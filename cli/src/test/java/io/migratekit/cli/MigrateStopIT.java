package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.vmware.sim.SimSnapshot;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Does a backup that is asked to stop leave in good order, and do several backups of one VM respect each other? More phases with
 * {@code -Dsoak.phases=true}.
 */
@Execution(ExecutionMode.CONCURRENT)
class MigrateStopIT {
    private static final long MIB = 1 << 20;
    /** From the signal to the end, on a slow machine: the removal of a snapshot included. */
    private static final Duration LEAVES_WITHIN = Duration.ofSeconds(30);

    private static final Duration TASK = Duration.ofSeconds(2);

    private final Random random = new Random(7);

    @TempDir
    private Path folder;

    private record Phase(String call, String signal, int code) {}

    private static final List<Phase> PHASES = List.of(
            new Phase("CreateSnapshot_Task", "INT", 130),
            new Phase("copying", "TERM", 143),
            new Phase("RemoveSnapshot_Task", "INT", 130));
    private static final List<Phase> MORE = List.of(
            new Phase("Login", "TERM", 143),
            new Phase("RetrievePropertiesEx", "INT", 130),
            new Phase("QueryChangedDiskAreas", "TERM", 143),
            new Phase("CreateSnapshot_Task", "TERM", 143),
            new Phase("copying", "INT", 130),
            new Phase("RemoveSnapshot_Task", "TERM", 143));

    @Test
    void stopsWithinSecondsInEveryPhaseAndGoesOn() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 5 * MIB, 3 * MIB)) {
            lab.guestWrites(random, 20);
            List<Phase> phases = new ArrayList<>(PHASES);
            if (Boolean.getBoolean("soak.phases")) {
                phases.addAll(MORE);
            }
            for (int i = 0; i < phases.size(); i++) {
                Phase phase = phases.get(i);
                stop(lab, "job-" + i, phase);
                if (phase.call().equals("CreateSnapshot_Task")) {
                    sleep(TASK); // What vCenter had begun is there by now, if nobody took care of it.
                }
                lab.assertNoSnapshotOfOurs();
                lab.guestWrites(random, 2);
                lab.backUpWell("job-" + i, "--full");
                lab.assertDone("job-" + i);
            }
        }
    }

    private static void stop(MigrateLab lab, String job, Phase phase) {
        AtomicReference<CopyProcess> process = new AtomicReference<>();
        AtomicReference<Instant> signalled = new AtomicReference<>();
        if (!phase.call().equals("copying")) {
            lab.vcenter().faults().once(phase.call(), new Trouble.TaskRuns(TASK));
            lab.vcenter().faults().once(phase.call(), new Trouble.Meanwhile(() -> {
                signal(Objects.requireNonNull(process.get()), phase, signalled);
                sleep(Duration.ofMillis(500)); // The signal arrives before the answer.
            }));
        }
        try (CopyProcess copy = lab.start(job, "--full", "--rate", "1M")) {
            process.set(copy);
            if (phase.call().equals("copying")) {
                Waiting.until(
                        "it copies",
                        MigrateLab.LIMIT,
                        () -> lab.ask("status", job, "--json").out().contains("\"copying\"") || !copy.isAlive());
                signal(copy, phase, signalled);
            }
            Run run = copy.end(MigrateLab.LIMIT);
            assertEquals(phase.code(), run.code(), () -> phase + " " + run);
            Duration took = Duration.between(Objects.requireNonNull(signalled.get()), Instant.now());
            assertTrue(took.compareTo(LEAVES_WITHIN) < 0, () -> phase + " took " + took + " " + run);
            boolean done = phase.call().equals("RemoveSnapshot_Task");
            assertTrue(
                    run.err().contains(done ? "removed the snapshot" : "run the same command again to go on"),
                    () -> phase + " " + run);
        } finally {
            lab.vcenter().faults().clear();
        }
    }

    private static void signal(CopyProcess copy, Phase phase, AtomicReference<Instant> at) {
        at.set(Instant.now());
        copy.signal(phase.signal());
    }

    private static void sleep(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    @Test
    void rule17AnotherOwnersSnapshotIsLeftAloneWhileItsLeaseLasts() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 2 * MIB)) {
            lab.guestWrites(random, 3);
            lab.vm().addSnapshot("by hand", "not ours");
            SimSnapshot theirs = lab.vm()
                    .addSnapshot("migratekit theirs", label(Instant.now().plusSeconds(600)));
            Run refused = lab.backUp("mine");
            assertEquals(62, refused.code(), refused::toString);
            assertTrue(refused.err().contains("is frozen by the backup theirs of other-host-12345678"), refused::err);
            assertEquals(2, lab.vm().snapshots().size());
            lab.vm().removeSnapshot(theirs);

            lab.vm().addSnapshot("migratekit theirs", label(Instant.now().minusSeconds(1)));
            lab.backUpWell("mine");
            lab.assertDone("mine");
            assertEquals(
                    List.of("by hand"),
                    lab.vm().snapshots().stream().map(SimSnapshot::name).toList());
        }
    }

    private static String label(Instant expires) {
        return "migratekit snapshot, format 1\njob: theirs\nowner: other-host-12345678\nexpires: " + expires
                + "\nmark: 0123456789abcdef\nby a test";
    }

    /** The snapshot of a dead job here goes; its targets have moved on when that job itself goes on. */
    @Test
    void anotherJobTakesOverFromADeadOneWhichThenGoesOn() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 12 * MIB, 5 * MIB)) {
            lab.guestWrites(random, 40);
            lab.backUpWell("before");
            for (String manner : List.of("", "--full")) {
                String dead = "dead" + manner;
                String next = "next" + manner;
                lab.guestWrites(random, 15);
                String[] words = manner.isEmpty() ? new String[0] : new String[] {manner};
                List<String> slowly = new ArrayList<>(List.of(words));
                slowly.addAll(List.of("--rate", "1M", "--checkpoint-every", "1M"));
                try (CopyProcess copy = lab.start(dead, slowly.toArray(String[]::new))) {
                    copy.awaitSaid("disk 2001 (", MigrateLab.LIMIT);
                    Waiting.until(
                            "something is copied",
                            MigrateLab.LIMIT,
                            () -> lab.ask("status", dead, "--json").out().contains("\"copying\"") || !copy.isAlive());
                    copy.kill();
                }
                assertEquals(1, lab.ours().size());
                lab.guestWrites(random, 3);
                lab.backUpWell(next);
                lab.assertDone(next);
                lab.guestWrites(random, 3);
                lab.backUpWell(dead, words);
                lab.assertDone(dead);
            }
        }
    }
}
