package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.migratekit.vmware.sim.Faults;
import io.migratekit.vmware.sim.SimSnapshot;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Is a backup right that was killed at any moment, and resumed while the VM went on writing? One backup after the other
 * into growing chains, each killed once or twice: at a call to vCenter, at a sentence, or while it copies. Between kill
 * and resume somebody may have removed its snapshot. System properties: {@code soak.kills} says how many, and
 * {@code soak.seed} which.
 */
@Execution(ExecutionMode.CONCURRENT)
@Tag("long")
class MigrateKillIT {
    private static final long MIB = 1 << 20;
    private static final String[] SENTENCES = {
        "logged in to", "froze ", "disk 2000 (", "disk 2001 (", "durable at", "removed the snapshot"
    };

    private final long seed = Long.getLong("soak.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    /** When it is killed. */
    private sealed interface Point {
        /** At the n-th call: before it has arrived, or when it has its effect and nobody learns of it. */
        record Call(int number, boolean arrives) implements Point {}

        record Sentence(String words) implements Point {}

        record Moment(int millis) implements Point {}
    }

    @Test
    @Timeout(value = 8, unit = TimeUnit.HOURS) // Each of its waits has a limit of its own.
    void isRightWheneverItIsKilled() throws Exception {
        int kills = Integer.getInteger("soak.kills", 6);
        System.out.println("migrate kill: seed=" + seed + " kills=" + kills);
        try (MigrateLab lab = new MigrateLab(folder, 12 * MIB, 5 * MIB + 512)) {
            lab.vm().addSnapshot("by hand", "not ours");
            lab.guestWrites(random, 40);
            lab.backUpWell("before");
            lab.assertDone("before");
            int calls = lab.vcenter().log().all().size();
            for (int i = 0; i < kills; i++) {
                lab.newLayers();
                lab.guestWrites(random, 1 + random.nextInt(12));
                List<String> told = new ArrayList<>();
                try (Guest _ = new Guest(lab, random.nextLong())) {
                    boolean full = random.nextInt(3) == 0;
                    String[] how = full ? new String[] {"--full"} : new String[0];
                    kill(lab, "job-" + i, how, calls, told);
                    JsonObject report = lab.backUpWell("job-" + i, how);
                    told.add(report.toString());
                    for (var disk : report.getAsJsonArray("disks")) {
                        assertEquals(
                                full ? "full" : "incremental",
                                disk.getAsJsonObject().get("mode").getAsString(),
                                () -> "seed=" + seed + " " + told);
                    }
                }
                try {
                    lab.assertDone("job-" + i);
                } catch (AssertionError e) {
                    throw new AssertionError("seed=" + seed + ": " + e.getMessage() + " after " + told, e);
                }
                assertEquals(
                        List.of("by hand"),
                        lab.vm().snapshots().stream().map(SimSnapshot::name).toList());
                System.out.println("migrate kill: " + i + " well, after " + told);
            }
        }
    }

    /** vCenter goes on taking a snapshot whose owner died, and nobody can see it yet. */
    @Test
    void aSnapshotThatIsStillBeingTakenIsNotOverlooked() throws IOException {
        try (MigrateLab lab = new MigrateLab(folder, 2 * MIB)) {
            lab.guestWrites(random, 4);
            AtomicReference<CopyProcess> victim = new AtomicReference<>();
            lab.vcenter().faults().once("CreateSnapshot_Task", new Trouble.TaskRuns(Duration.ofSeconds(6)));
            lab.vcenter()
                    .faults()
                    .once(
                            "CreateSnapshot_Task",
                            new Trouble.Meanwhile(
                                    () -> Objects.requireNonNull(victim.get()).kill()));
            try (CopyProcess process = lab.start("job")) {
                victim.set(process);
                assertEquals(137, process.end(MigrateLab.LIMIT).code());
            }
            lab.backUpWell("job");
            lab.assertDone("job");
            sleep(7000);
            lab.assertNoSnapshotOfOurs();
        }
    }

    /** Kills it once or twice, and then does what may happen until somebody starts it again. */
    private void kill(MigrateLab lab, String job, String[] how, int calls, List<String> told) {
        int times = 1 + random.nextInt(2);
        for (int i = 0; i < times; i++) {
            Point point = point(calls);
            told.add(point.toString());
            told.add(killAt(lab, job, how, point));
            lab.guestWrites(random, random.nextInt(4));
            if (!lab.ours().isEmpty() && random.nextInt(3) == 0) {
                told.add("removed by hand: " + lab.ours());
                lab.ours().forEach(lab.vm()::removeSnapshot);
            }
        }
    }

    private Point point(int calls) {
        return switch (random.nextInt(4)) {
            case 0 -> new Point.Sentence(SENTENCES[random.nextInt(SENTENCES.length)]);
            case 1 -> new Point.Moment(1000 + random.nextInt(4000));
            default -> new Point.Call(1 + random.nextInt(calls), random.nextBoolean());
        };
    }

    /** Runs it until then; it may have ended before. */
    private String killAt(MigrateLab lab, String job, String[] how, Point point) {
        AtomicReference<CopyProcess> victim = new AtomicReference<>();
        if (point instanceof Point.Call call) {
            Faults faults = lab.vcenter().faults();
            faults.nth(call.number(), "*", new Trouble.Meanwhile(() -> {
                CopyProcess process = victim.get();
                if (process != null) {
                    process.kill();
                }
            }));
            if (!call.arrives()) {
                faults.nth(call.number(), "*", new Trouble.CutBefore());
            }
        }
        if (random.nextInt(3) == 0) {
            // What was begun goes on without us, and is there or gone when the next run has looked.
            for (String task : List.of("CreateSnapshot_Task", "CreateSnapshotEx_Task", "RemoveSnapshot_Task")) {
                lab.vcenter().faults().once(task, new Trouble.TaskRuns(Duration.ofMillis(500 + random.nextInt(3000))));
            }
        }
        List<String> words = new ArrayList<>(List.of("--json", "--rate", "1M"));
        words.addAll(List.of(how));
        try (CopyProcess process = lab.start(job, words.toArray(String[]::new))) {
            victim.set(process);
            switch (point) {
                case Point.Call _ -> {}
                case Point.Sentence sentence -> {
                    try {
                        process.awaitSaid(sentence.words(), MigrateLab.LIMIT);
                    } catch (AssertionError e) {
                        // It had nothing left of this to do.
                    }
                    process.kill();
                }
                case Point.Moment moment -> {
                    sleep(moment.millis());
                    process.kill();
                }
            }
            Run run = process.end(MigrateLab.LIMIT);
            assertTrue(List.of(0, 137, 143).contains(run.code()), () -> "seed=" + seed + " " + point + " " + run);
            return run.code()
                    + (run.err().isEmpty()
                            ? ""
                            : " " + run.err().lines().toList().getLast());
        } finally {
            lab.vcenter().faults().clear();
        }
    }

    private static void sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }
}
