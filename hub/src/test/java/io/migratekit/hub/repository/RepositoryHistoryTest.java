package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Tool;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Is every restore point what was written, whatever was done with a repository, and in whatever order? Random histories of
 * two VMs with two disks: starts, writes, seals with and without hashes, deletions with and without merging, endings,
 * and processes that are killed while they seal or merge. After each step every byte of every point is compared.
 *
 * <p>System properties: {@code soak.histories} says how many; {@code soak.seed} with which one to begin.
 */
@Timeout(value = 12, unit = TimeUnit.HOURS) // Each of its waits has a limit of its own.
@Tag("long")
class RepositoryHistoryTest {
    private static final int MIB = 1 << 20;
    private static final int STEPS = 30;
    private static final int MANY = 4;
    private static final long LONGEST_LIFE_MICROS = 900_000;

    private final long seed = Long.getLong("soak.seed", System.nanoTime());

    @TempDir
    private Path folder;

    private int killed;
    private int merged;

    @Test
    void everyPointIsWhatWasWritten() {
        int histories = Integer.getInteger("soak.histories", 2);
        for (int i = 0; i < histories; i++) {
            long one = seed + i;
            Path repository = folder.resolve("history-" + i);
            try (RepositoryLab lab =
                    new RepositoryLab(repository, folder, Map.of(0, 2L * MIB + 512, 7, MIB + (200L << 10)))) {
                history(lab, new Random(one), one);
            }
            Tool.run("rm", "-rf", repository.toString());
            System.out.println("hub history: seed=" + one + " well, merges=" + merged + " kills=" + killed);
        }
        assertTrue(merged > 0, "nothing was merged");
    }

    private void history(RepositoryLab lab, Random random, long one) {
        StringBuilder told = new StringBuilder();
        try {
            for (int step = 0; step < STEPS; step++) {
                String vm = "vm" + random.nextInt(2);
                told.append(step).append(' ').append(vm).append(' ');
                told.append(
                                lab.open.containsKey(vm)
                                        ? whileOpen(lab, vm, step, random)
                                        : between(lab, vm, step, random))
                        .append('\n');
                lab.verify("step " + step);
                if (random.nextInt(5) == 0) {
                    lab.reopen();
                    lab.verify("step " + step + ", reopened");
                    lab.verifyTidy("step " + step + ", reopened");
                }
            }
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError("seed=" + one + "\n" + told + e.getMessage(), e);
        }
    }

    private String whileOpen(RepositoryLab lab, String vm, int step, Random random) {
        String id = Objects.requireNonNull(lab.open.get(vm)).id();
        int dice = random.nextInt(100);
        if (dice < 30) {
            lab.write(vm, random, 1 + random.nextInt(6));
            return "written to " + id;
        } else if (dice < 65) {
            lab.seal(vm, lab.sealing(vm, random, true));
            return "sealed " + id;
        } else if (dice < 77) {
            SealRequest request = lab.sealing(vm, random, true);
            String how = kill(lab, random, Victim.sealing(id, request));
            if (lab.repository().find(id).orElseThrow().state() == Backup.State.SEALED) {
                lab.sealed(vm, request);
                return how + ", sealed";
            }
            return how + ", not sealed";
        } else if (dice < 83) {
            lab.repository().abandon(id);
            lab.open.remove(vm);
            return "abandoned " + id;
        } else if (dice < 88) {
            lab.start(vm, id, StartDisk.Wanted.FULL, null);
            return "made full " + id;
        } else if (dice < 93) {
            lab.start(vm, "p" + step + vm, StartDisk.Wanted.AUTO, id);
            return "superseded " + id;
        }
        for (String point : List.copyOf(lab.points.keySet())) {
            if (point.endsWith(vm)) {
                RepositoryException.Conflict refused = assertThrows(
                        RepositoryException.Conflict.class,
                        () -> lab.repository().delete(point, true));
                assertEquals("locked", refused.word());
            }
        }
        return "not deleted, because " + id + " is open";
    }

    private String between(RepositoryLab lab, String vm, int step, Random random) {
        List<String> points =
                lab.points.keySet().stream().filter(id -> id.endsWith(vm)).toList();
        if (points.isEmpty() || (points.size() < MANY && random.nextInt(100) < 60)) {
            String id = "p" + step + vm;
            lab.start(vm, id, random.nextInt(7) == 0 ? StartDisk.Wanted.FULL : StartDisk.Wanted.AUTO, null);
            lab.write(vm, random, 1 + random.nextInt(6));
            return "started " + id;
        }
        String id = points.get(random.nextInt(points.size()));
        if (random.nextInt(4) == 0) {
            try {
                lab.repository().delete(id, false);
                lab.points.remove(id);
                return "deleted " + id;
            } catch (RepositoryException.Conflict e) {
                assertEquals("has-increments", e.word());
                return "not deleted, because others stand on it: " + id;
            }
        }
        if (random.nextInt(3) == 0) {
            String how = kill(lab, random, "merge", id);
            if (lab.repository().find(id).isEmpty()) {
                lab.points.remove(id);
                return how + ", gone";
            }
            return how + ", still there";
        }
        lab.repository().delete(id, true);
        lab.points.remove(id);
        merged++;
        return "merged " + id;
    }

    private String kill(RepositoryLab lab, Random random, String... words) {
        long micros = (long) (random.nextDouble() * LONGEST_LIFE_MICROS);
        boolean[] wasAlive = new boolean[1];
        lab.lend(() -> wasAlive[0] = Victim.kill(lab.folder(), folder.resolve("said"), micros, words));
        killed += wasAlive[0] ? 1 : 0;
        return (wasAlive[0] ? "killed after " + micros + " us: " : "not killed: ") + String.join(" ", words);
    }
}
