package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Tool;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Is a repository right that was left between any two steps of a change? Before each step that changes a file its folder
 * is copied, which is what a process killed right there leaves. In each copy all points must be right as they lie there,
 * and after it was opened, and after the same was asked again.
 *
 * <p>System properties: {@code soak.steps} says how many steps of each change, spread over all of them (0: all);
 * {@code soak.seed} with which to begin, and what is written.
 */
@Timeout(value = 4, unit = TimeUnit.HOURS) // Each of its waits has a limit of its own.
@Tag("long")
class RepositoryStepsTest {
    private static final int MIB = 1 << 20;
    private static final String VM = "vm";

    private final long seed = Long.getLong("soak.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @TempDir
    private Path folder;

    /** What is done, and what is true of the points when it is done. */
    private interface Change {
        void in(RepositoryLab lab);
    }

    @Test
    void aSeal() throws Exception {
        try (RepositoryLab lab = lab()) {
            lab.point(VM, "a", random, StartDisk.Wanted.AUTO);
            lab.start(VM, "b", StartDisk.Wanted.AUTO, null);
            lab.write(VM, random, 5);
            SealRequest request = lab.sealing(VM, random, false);
            everywhere(lab, "b", 8, one -> one.seal(VM, request));
        }
    }

    @Test
    void aSealWithoutOneOfTheDisks() throws Exception {
        try (RepositoryLab lab = lab()) {
            lab.start(VM, "a", StartDisk.Wanted.AUTO, null);
            lab.write(VM, random, 5);
            everywhere(lab, "a", 6, one -> one.seal(VM, without(7)));
        }
    }

    @Test
    void aStartThatReplacesAnIncrementAndOneThatSupersedes() throws Exception {
        try (RepositoryLab lab = lab()) {
            lab.point(VM, "a", random, StartDisk.Wanted.AUTO);
            lab.start(VM, "b", StartDisk.Wanted.AUTO, null);
            everywhere(lab, "b", 5, one -> one.start(VM, "b", StartDisk.Wanted.FULL, null));
            everywhere(lab, "c", 5, one -> {
                one.open.remove(VM);
                one.start(VM, "c", StartDisk.Wanted.AUTO, "b");
            });
        }
    }

    @Test
    void aMergeOfTheFullOne() throws Exception {
        try (RepositoryLab lab = lab()) {
            for (String id : List.of("a", "b", "c")) {
                lab.point(VM, id, random, StartDisk.Wanted.AUTO);
            }
            everywhere(lab, "a", 25, one -> delete(one, "a", true));
            everywhere(lab, "b", 25, one -> delete(one, "b", true));
            everywhere(lab, "c", 5, one -> delete(one, "c", false));
        }
    }

    /** One disk of the deleted point has its child in the next point, the other one in the point after that. */
    @Test
    void aMergeWhoseDisksHaveDifferentChildren() throws Exception {
        try (RepositoryLab lab = lab()) {
            lab.point(VM, "a", random, StartDisk.Wanted.AUTO);
            lab.point(VM, "b", random, StartDisk.Wanted.AUTO);
            lab.start(VM, "c", StartDisk.Wanted.AUTO, null);
            lab.write(VM, random, 5);
            lab.seal(VM, without(7));
            lab.point(VM, "d", random, StartDisk.Wanted.AUTO);
            everywhere(lab, "b", 25, one -> delete(one, "b", true));
            everywhere(lab, "c", 15, one -> delete(one, "c", true));
        }
    }

    private static SealRequest without(int key) {
        List<SealDisk> disks = new ArrayList<>();
        for (int disk : List.of(0, 7)) {
            disks.add(new SealDisk(disk, disk == key ? "it was not reached" : null, null, null, null));
        }
        return new SealRequest(null, null, null, null, disks);
    }

    private static void delete(RepositoryLab lab, String id, boolean merge) {
        if (lab.points.containsKey(id)) {
            lab.repository().delete(id, merge);
            lab.points.remove(id);
        }
    }

    private RepositoryLab lab() {
        System.out.println("hub steps: seed=" + seed);
        return new RepositoryLab(folder.resolve("repository"), folder, Map.of(0, 3L * MIB + 512, 7, MIB + 512L));
    }

    private void everywhere(RepositoryLab lab, String id, int atLeast, Change change) throws Exception {
        RepositoryLab.Truth before = lab.truth();
        List<String> steps = new ArrayList<>();
        List<Path> copies = new ArrayList<>();
        ScopedValue.where(Steps.LISTENER, step -> {
                    steps.add(step);
                    copies.add(folder.resolve("copy-" + copies.size()));
                    Tool.run(
                            "cp",
                            "-a",
                            lab.folder().toString(),
                            copies.getLast().toString());
                })
                .run(() -> change.in(lab));
        lab.verify("after all");
        lab.verifyTidy("after all");
        assertTrue(steps.size() >= atLeast, steps::toString);
        System.out.println("hub steps: seed=" + seed + " steps=" + steps.size() + " of " + id);
        int wanted = Integer.getInteger("soak.steps", 2);
        int stride = wanted == 0 ? 1 : Math.max(1, steps.size() / wanted);
        int first = random.nextInt(stride);
        for (int i = 0; i < steps.size(); i++) {
            if (i % stride != first) {
                continue;
            }
            String where = "seed=" + seed + " before step " + i + " (" + steps.get(i) + ")";
            verifyCopy(lab, before, copies.get(i), id, change, where);
        }
        for (Path copy : copies) {
            Tool.run("rm", "-rf", copy.toString());
        }
    }

    private static void verifyCopy(
            RepositoryLab done, RepositoryLab.Truth before, Path copy, String id, Change change, String where) {
        try {
            done.verify(copy, truth(done, before, copy, id), where + ", as it lies");
            try (RepositoryLab lab = done.of(copy, before)) {
                Map<String, Map<Integer, byte[]>> now = truth(done, before, copy, id);
                lab.verify(copy, now, where + ", opened");
                lab.points.keySet().retainAll(now.keySet());
                change.in(lab);
                lab.verify(where + ", done again");
                lab.reopen();
                lab.verify(where + ", opened again");
                lab.verifyTidy(where);
                if (lab.open.containsKey(VM)) {
                    lab.seal(VM, without(-1));
                }
                lab.point(VM, "next", new Random(1), StartDisk.Wanted.AUTO);
                lab.verify(where + ", and gone on");
            }
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError(where + ": " + e.getMessage(), e);
        }
    }

    /** What the points have to be, given whether the one that comes or goes is there. */
    private static Map<String, Map<Integer, byte[]>> truth(
            RepositoryLab done, RepositoryLab.Truth before, Path copy, String id) {
        Map<String, Map<Integer, byte[]>> truth = new TreeMap<>(before.points());
        truth.remove(id);
        try (Repository looked = Repository.look(copy)) {
            looked.find(id)
                    .filter(backup -> backup.state() == Backup.State.SEALED)
                    .ifPresent(_ -> truth.put(
                            id, Objects.requireNonNull(before.points().getOrDefault(id, done.points.get(id)))));
        }
        return truth;
    }
}
