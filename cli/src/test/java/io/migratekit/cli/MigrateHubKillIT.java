package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Is every restore point what was frozen, whichever of agent, hub and qemu-nbd is killed, at whatever moment? One backup
 * after the other of a VM that goes on writing, each killed once or twice and resumed; now and then a point is deleted,
 * or merged. System properties: {@code soak.kills} says how many, and {@code soak.seed} which.
 */
@Execution(ExecutionMode.CONCURRENT)
@Tag("long")
class MigrateHubKillIT {
    private static final long MIB = 1 << 20;
    private static final String[] SENTENCES = {
        "logged in to", "froze ", "disk 2000 (", "durable at", "removed the snapshot", "proved and sealed"
    };

    private final long seed = Long.getLong("soak.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final List<String> told = new ArrayList<>();

    @TempDir
    private Path folder;

    @Test
    @Timeout(value = 8, unit = TimeUnit.HOURS) // Each of its waits has a limit of its own.
    void everyPointIsTrueWhoeverIsKilled() throws Exception {
        int kills = Integer.getInteger("soak.kills", 4);
        System.out.println("hub kill: seed=" + seed + " kills=" + kills);
        try (HubLab lab = new HubLab(folder, 12 * MIB, 5 * MIB + 512)) {
            lab.source().guestWrites(random, 40);
            List<String> points = new ArrayList<>();
            for (int i = 0; i < kills; i++) {
                told.clear();
                String job = "job-" + i;
                lab.source().guestWrites(random, 1 + random.nextInt(12));
                try (Guest _ = new Guest(lab.source(), random.nextLong())) {
                    int times = 1 + random.nextInt(2);
                    for (int k = 0; k < times; k++) {
                        disturb(lab, job);
                    }
                    told.add(HubLab.modes(lab.backUpWell(job)).toString());
                    points.add(job);
                } catch (AssertionError e) {
                    throw new AssertionError("seed=" + seed + " " + told + ": " + e.getMessage(), e);
                }
                if (points.size() > 1 && random.nextInt(3) == 0) {
                    delete(lab, points.remove(random.nextInt(points.size())));
                }
                try {
                    lab.assertAllPointsAreTrue();
                    lab.source().assertNoSnapshotOfOurs();
                } catch (AssertionError e) {
                    throw new AssertionError("seed=" + seed + " " + told + ": " + e.getMessage(), e);
                }
                System.out.println("hub kill: " + i + " well, after " + told);
            }
        }
    }

    private void delete(HubLab lab, String point) {
        told.add("delete " + point);
        Run plain = Run.migratekit(words("delete", point, lab));
        if (plain.code() != 0) {
            assertTrue(plain.err().contains("is needed by"), plain::toString);
            Run merged = Run.migratekit(words("delete", point, lab, "--merge"));
            assertEquals(0, merged.code(), merged::toString);
        }
        lab.forget(point);
    }

    private static String[] words(String command, String point, HubLab lab, String... more) {
        List<String> line = new ArrayList<>(List.of("hub", command, point));
        line.addAll(lab.hub().to());
        line.addAll(List.of("--timeout", "60s"));
        line.addAll(List.of(more));
        return line.toArray(String[]::new);
    }

    /** Runs the job until the agent has ended, killed or by itself; meanwhile something else may be killed. */
    private void disturb(HubLab lab, String job) {
        try (CopyProcess agent = lab.start(job, "--json", "--rate", "2M")) {
            if (random.nextBoolean()) {
                String sentence = SENTENCES[random.nextInt(SENTENCES.length)];
                told.add("at '" + sentence + "'");
                awaitSaid(agent, sentence);
            } else {
                int millis = 1000 + random.nextInt(5000);
                told.add("after " + millis + " ms");
                sleep(millis);
            }
            switch (random.nextInt(5)) {
                case 0 -> {
                    told.add("agent killed");
                    agent.kill();
                }
                case 1 -> {
                    int down = random.nextInt(3000);
                    told.add("hub killed, down for " + down + " ms");
                    lab.hub().kill();
                    sleep(down);
                    lab.hub().startAgain();
                }
                case 2 -> {
                    List<Long> exports = lab.hub().exports();
                    told.add("one of " + exports.size() + " qemu-nbd killed");
                    if (!exports.isEmpty()) {
                        ProcessHandle.of(exports.get(random.nextInt(exports.size())))
                                .ifPresent(ProcessHandle::destroyForcibly);
                    }
                }
                case 3 -> {
                    int frozen = random.nextInt(8000);
                    told.add("hub frozen for " + frozen + " ms");
                    lab.hub().process().signal("STOP");
                    sleep(frozen);
                    lab.hub().process().signal("CONT");
                }
                default -> {
                    told.add("agent and hub killed");
                    lab.hub().kill();
                    agent.kill();
                    lab.hub().startAgain();
                }
            }
            Run run = agent.end(MigrateLab.LIMIT);
            told.add("code " + run.code()
                    + run.err().lines().reduce((_, last) -> ": " + last).orElse(""));
            if (!lab.source().ours().isEmpty() && random.nextInt(3) == 0) {
                told.add("snapshot removed by hand");
                lab.source().ours().forEach(lab.source().vm()::removeSnapshot);
            }
        }
    }

    private static void awaitSaid(CopyProcess agent, String sentence) {
        try {
            agent.awaitSaid(sentence, MigrateLab.LIMIT);
        } catch (AssertionError e) {
            // It had nothing left of this to do.
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
