package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.vmware.sim.Faults;
import io.migratekit.vmware.sim.SimSnapshot;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Is a backup right that was killed between any two of its steps, and resumed while the VM went on writing? A run that
 * is let alone shows the steps: every call to vCenter, and every sentence. Then one backup after the other is killed at
 * each in turn, and each is the increment that tells whether the one before left its target and its milestone right.
 *
 * <p>System properties: {@code soak.steps} says how many steps, spread over those that change something (0: all of
 * all); {@code soak.seed} with which to begin, and what the VM writes.
 */
@Execution(ExecutionMode.CONCURRENT)
@Tag("long")
class MigrateStepsIT {
    private static final long MIB = 1 << 20;
    /** What changes nothing is killed at once only: whether the question arrives makes no difference. */
    private static final Set<String> QUESTIONS = Set.of(
            "RetrieveServiceContent",
            "RetrievePropertiesEx",
            "CurrentTime",
            "FindByInventoryPath",
            "FindByUuid",
            "QueryChangedDiskAreas");

    private final long seed = Long.getLong("soak.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    /** Where it is killed. */
    private sealed interface Step {
        boolean full();

        /** At the n-th call of a method: before it has arrived, or when it has its effect and nobody learns of it. */
        record Call(boolean full, String method, int nth, boolean arrives) implements Step {}

        /** When it has said so many sentences; the words are those of the run that was let alone. */
        record Sentence(boolean full, int number, String words) implements Step {}
    }

    @Test
    @Timeout(value = 4, unit = TimeUnit.HOURS) // Each of its waits has a limit of its own.
    void isRightWhereverItIsKilled() throws IOException {
        int wanted = Integer.getInteger("soak.steps", 5);
        try (MigrateLab lab = new MigrateLab(folder, 3 * MIB, MIB + 512)) {
            SimSnapshot others = lab.vm().addSnapshot("by hand", "not ours");
            lab.guestWrites(random, 10);
            lab.backUpWell("before");
            List<Step> all = new ArrayList<>(steps(lab, false));
            all.addAll(steps(lab, true));
            // Few are taken from among those that change something, or say that something is done.
            List<Step> chosen = wanted == 0
                    ? all
                    : spread(all.stream().filter(step -> !isQuestion(step)).toList(), wanted);
            System.out.println("migrate steps: seed=" + seed + " steps=" + chosen.size() + " of " + all.size());
            int reached = 0;
            for (int i = 0; i < chosen.size(); i++) {
                Step step = chosen.get(i);
                String where = "seed=" + seed + " step " + i + " " + step;
                lab.newLayers();
                lab.guestWrites(random, 2);
                String killed;
                try (Guest _ = new Guest(lab, random.nextLong())) {
                    Run run = killAt(lab, "step-" + i, step);
                    assertTrue(List.of(0, 137).contains(run.code()), () -> where + " " + run);
                    reached += run.code() == 137 ? 1 : 0;
                    killed = run.code() == 137 ? "killed" : "had ended";
                    lab.guestWrites(random, 2);
                    assertWell(lab, "step-" + i, step.full(), where + " " + run.err());
                }
                assertEquals(List.of(others), lab.vm().snapshots(), where);
                System.out.println("migrate steps: " + i + " well, " + killed + " at " + step);
            }
            lab.newLayers();
            lab.guestWrites(random, 2);
            assertWell(lab, "after", false, "seed=" + seed + " the last one");
            assertTrue(reached * 4 >= chosen.size() * 3, reached + " of " + chosen.size() + " were reached");
        }
    }

    private static void assertWell(MigrateLab lab, String job, boolean full, String where) {
        try {
            for (JsonElement disk : lab.backUpWell(job, how(full)).getAsJsonArray("disks")) {
                assertEquals(
                        full ? "full" : "incremental",
                        disk.getAsJsonObject().get("mode").getAsString(),
                        disk::toString);
            }
            lab.assertDone(job);
        } catch (AssertionError e) {
            throw new AssertionError(where + ": " + e.getMessage(), e);
        }
    }

    private static String[] how(boolean full) {
        return full ? new String[] {"--disks-at-once", "1", "--full"} : new String[] {"--disks-at-once", "1"};
    }

    /** What a run does that nobody kills. */
    private List<Step> steps(MigrateLab lab, boolean full) {
        lab.newLayers();
        lab.guestWrites(random, 2);
        lab.vcenter().log().clear();
        String job = "alone-" + full;
        Run run = lab.backUp(job, how(full));
        assertEquals(0, run.code(), run::toString);
        lab.assertDone(job);
        List<Step> steps = new ArrayList<>();
        Map<String, Integer> times = new HashMap<>();
        for (String method : lab.vcenter().log().methods()) {
            int nth = times.merge(method, 1, Integer::sum);
            if (!QUESTIONS.contains(method)) {
                steps.add(new Step.Call(full, method, nth, false));
            }
            steps.add(new Step.Call(full, method, nth, true));
        }
        List<String> lines = run.err().lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            steps.add(new Step.Sentence(full, i + 1, lines.get(i)));
        }
        assertTrue(
                times.containsKey("CreateSnapshot_Task") && times.containsKey("RemoveSnapshot_Task"), times::toString);
        assertTrue(lines.size() >= 5, run::toString);
        return steps;
    }

    private static boolean isQuestion(Step step) {
        return step instanceof Step.Call call && QUESTIONS.contains(call.method());
    }

    private List<Step> spread(List<Step> all, int count) {
        int first = random.nextInt(all.size());
        List<Step> some = new ArrayList<>();
        for (int i = 0; i < Math.min(count, all.size()); i++) {
            some.add(all.get((int) ((first + (long) i * all.size() / count) % all.size())));
        }
        return some;
    }

    /** Runs it until then; it may have ended before, where a task needed fewer looks this time. */
    private static Run killAt(MigrateLab lab, String job, Step step) {
        AtomicReference<CopyProcess> victim = new AtomicReference<>();
        if (step instanceof Step.Call call) {
            Faults faults = lab.vcenter().faults();
            faults.nth(call.nth(), call.method(), new Trouble.Meanwhile(() -> {
                Waiting.until("the victim is known", MigrateLab.LIMIT, () -> victim.get() != null);
                java.util.Objects.requireNonNull(victim.get()).kill();
            }));
            if (!call.arrives()) {
                faults.nth(call.nth(), call.method(), new Trouble.CutBefore());
            }
        }
        try (CopyProcess process = lab.start(job, how(step.full()))) {
            victim.set(process);
            if (step instanceof Step.Sentence sentence) {
                Waiting.until(
                        "it has said " + sentence.number() + " sentences",
                        MigrateLab.LIMIT,
                        () -> process.err().lines().count() >= sentence.number() || !process.isAlive());
                process.kill();
            }
            return process.end(MigrateLab.LIMIT);
        } finally {
            lab.vcenter().faults().clear();
        }
    }
}
