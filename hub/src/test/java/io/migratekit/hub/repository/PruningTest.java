package io.migratekit.hub.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.hub.repository.Pruned.Outcome;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a policy remove what it is to remove, and nothing else, whatever happens meanwhile? One VM with six points. */
class PruningTest {
    private static final String VM = "vm";
    private static final int MIB = 1 << 20;
    private static final int POINTS = 6;

    private final Random random = new Random(1);

    @TempDir
    private Path folder;

    @SuppressWarnings("NullAway.Init") // Before each test.
    private RepositoryLab lab;

    /** All but the first write the same 512 KiB of the disk. */
    @BeforeEach
    void points() {
        lab = new RepositoryLab(folder.resolve("repository"), folder, Map.of(0, 2L * MIB));
        for (int i = 1; i <= POINTS; i++) {
            lab.pointWith(VM, "p" + i, random, MIB / 2, i == 1 ? MIB : MIB / 2);
        }
    }

    @AfterEach
    void close() {
        lab.close();
    }

    private static RetentionPolicy last(int count) {
        return new RetentionPolicy(count, 0, 0, 0, 0, 0, Duration.ZERO);
    }

    private static List<Outcome> outcomes(Pruned pruned) {
        return pruned.points().stream().map(Pruned.Point::outcome).toList();
    }

    private long bytes() {
        return lab.repository().vm(VM).orElseThrow().bytes();
    }

    @Test
    void aRemovalThatBrokeOffIsFinishedThoughNothingElseHasToGo() {
        breakOff();
        Pruned pruned = lab.repository().prune(VM, last(POINTS), true);
        assertEquals(POINTS - 1, pruned.points().size());
        assertFalse(lab.isUnderWay());
        lab.verifyTidy("finished by the next prune");
    }

    @Test
    void oneThatAnotherHasFinishedMeanwhileIsNoFailure() {
        breakOff();
        Pruned pruned = lab.repository().prune(VM, last(POINTS), id -> {
            lab.repository().delete(id, true);
            lab.repository().deleteUnwanted(id, last(POINTS), SealProgress.NOBODY);
        });
        assertEquals(POINTS - 1, pruned.points().size());
        lab.verifyTidy("finished by another one");
    }

    private void breakOff() {
        ScopedValue.where(Steps.LISTENER, step -> {
                    if (step.contains("commit")) {
                        throw new IllegalStateException("broken off");
                    }
                })
                .run(() -> assertThrows(
                        IllegalStateException.class, () -> lab.repository().delete("p3", true)));
        lab.points.remove("p3");
        assertTrue(lab.isUnderWay());
    }

    @Test
    void whatIsShownIsDoneAndFreesWhatWasSaid() {
        long before = bytes();
        Pruned shown = lab.repository().prune(VM, last(2), false);
        assertEquals(
                List.of(
                        Outcome.UNWANTED,
                        Outcome.UNWANTED,
                        Outcome.UNWANTED,
                        Outcome.UNWANTED,
                        Outcome.KEPT,
                        Outcome.KEPT),
                outcomes(shown));
        assertFalse(shown.isApplied());
        assertEquals(before, bytes());
        lab.verify("only shown");

        Pruned done = lab.repository().prune(VM, last(2), true);
        assertEquals(4, done.count(Outcome.REMOVED));
        assertEquals(List.of("last"), done.points().get(4).why());
        assertEquals(List.of("the last good one", "last"), done.points().get(5).why());
        for (int i = 1; i <= 4; i++) {
            lab.points.remove("p" + i);
        }
        lab.verify("pruned");
        lab.verifyTidy("pruned");
        assertEquals(before - bytes(), done.freedBytes());
        assertTrue(done.freedBytes() > 3 * MIB / 2, done::toString);
        assertTrue(done.freedBytes() <= shown.mostBytes(), () -> done.freedBytes() + " > " + shown.mostBytes());
        // All of these layers lie in the largest one, so it was no vain promise.
        assertTrue(done.freedBytes() > shown.mostBytes() * 9 / 10, () -> done.freedBytes() + " < " + shown.mostBytes());

        Pruned again = lab.repository().prune(VM, last(2), true);
        assertEquals(List.of(Outcome.KEPT, Outcome.KEPT), outcomes(again));
        assertEquals(0, again.freedBytes());
    }

    /** Whatever step a process is killed at: each point that is kept, and each that is still there, is what it was. */
    @Test
    void killedAtAnyStepEveryPointIsWhatItWas() {
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
                .run(() -> lab.repository().prune(VM, last(4), true));
        int wanted = Integer.getInteger("soak.steps", 6);
        int stride = wanted == 0 ? 1 : Math.max(1, steps.size() / wanted);
        for (int i = random.nextInt(stride); i < steps.size(); i += stride) {
            String where = "before step " + i + " (" + steps.get(i) + ")";
            try (RepositoryLab copy = lab.of(copies.get(i), before)) {
                for (String gone : List.of("p1", "p2")) {
                    if (copy.repository().find(gone).isEmpty()) {
                        copy.points.remove(gone);
                    }
                }
                copy.verify(where);
                Pruned again = copy.repository().prune(VM, last(4), true);
                assertEquals(0, again.count(Outcome.FAILED), where);
                copy.points.keySet().removeAll(List.of("p1", "p2"));
                copy.verify(where + ", pruned again");
                copy.verifyTidy(where);
            }
        }
        assertTrue(steps.size() > 20, steps::toString);
    }

    @Test
    void aPointThatFailsIsToldAndTheOthersGo() throws IOException {
        // What stands on p1 has lost its hashes, so p1 cannot be merged; p2 can, which takes them away.
        Path hashes = lab.folder().resolve("vms/vm/disks/0/0002.hashes");
        Files.delete(hashes);
        Pruned pruned = lab.repository().prune(VM, last(3), true);
        assertEquals(
                List.of(Outcome.FAILED, Outcome.REMOVED, Outcome.REMOVED, Outcome.KEPT, Outcome.KEPT, Outcome.KEPT),
                outcomes(pruned));
        RepositoryException problem = problemOf(pruned.points().getFirst());
        assertInstanceOf(RepositoryException.Damaged.class, problem);
        assertTrue(String.valueOf(problem.getMessage()).contains("0002.hashes"), problem::toString);
        lab.points.keySet().removeAll(List.of("p2", "p3"));
        lab.verify("one is left");
        assertEquals(1, lab.repository().prune(VM, last(3), true).count(Outcome.REMOVED));
        lab.points.remove("p1");
        lab.verify("and went");
        lab.verifyTidy("and went");
    }

    private static RepositoryException problemOf(Pruned.Point point) {
        RepositoryException problem = point.problem();
        return Objects.requireNonNull(problem);
    }

    @Test
    void aVmWithAnOpenBackupIsPassedOver() {
        lab.start(VM, "open", StartDisk.Wanted.AUTO, null);
        for (boolean apply : List.of(false, true)) {
            Pruned pruned = lab.repository().prune(VM, last(1), apply);
            assertTrue(String.valueOf(pruned.passedOver()).startsWith("backup open is open"), pruned::toString);
            assertEquals(5, pruned.count(Outcome.UNWANTED));
        }
        lab.verify("nothing went");
        lab.repository().abandon("open");
        lab.open.clear();
        // One that is begun in between ends it, too.
        Pruned pruned = lab.repository().prune(VM, last(1), id -> {
            lab.repository().deleteUnwanted(id, last(1), SealProgress.NOBODY);
            lab.points.remove(id);
            if (id.equals("p2")) {
                lab.start(VM, "open", StartDisk.Wanted.AUTO, null);
            }
        });
        assertEquals(2, pruned.count(Outcome.REMOVED));
        assertEquals(3, pruned.count(Outcome.UNWANTED));
        assertTrue(String.valueOf(pruned.passedOver()).startsWith("backup open is open"), pruned::toString);
        lab.verify("it was left");
        lab.repository().abandon("open");
        lab.open.clear();
        // Begun when it was looked already, it is no failure of the one that is not removed.
        pruned = lab.repository().prune(VM, last(1), id -> {
            lab.start(VM, "late", StartDisk.Wanted.AUTO, null);
            lab.repository().deleteUnwanted(id, last(1), SealProgress.NOBODY);
        });
        assertEquals(3, pruned.count(Outcome.UNWANTED));
        assertTrue(String.valueOf(pruned.passedOver()).startsWith("backup late is open"), pruned::toString);
    }

    /** Somebody else deletes what was to be kept: the last good point is another one now. */
    @Test
    void whatTheDecisionStoodOnMayBeGone() {
        Pruned pruned = lab.repository().prune(VM, last(1), id -> {
            if (id.equals("p5")) {
                lab.repository().delete("p6", true);
            }
            lab.repository().deleteUnwanted(id, last(1), SealProgress.NOBODY);
        });
        assertEquals(
                List.of(
                        Outcome.REMOVED,
                        Outcome.REMOVED,
                        Outcome.REMOVED,
                        Outcome.REMOVED,
                        Outcome.FAILED,
                        Outcome.KEPT),
                outcomes(pruned));
        assertEquals(
                "restore point p5 is kept now: the last good one, last",
                problemOf(pruned.points().get(4)).getMessage());
        lab.points.keySet().retainAll(List.of("p5"));
        lab.verify("one is left");
    }

    @Test
    void whatCannotBeReadIsNoReasonToRemoveSomething() throws IOException {
        Files.writeString(lab.folder().resolve("vms/vm/points/p6.json"), "{");
        assertThrows(RepositoryException.Storage.class, () -> lab.repository().prune(VM, last(1), true));
        assertEquals(5, lab.repository().backups(Optional.of(VM)).size());
        assertThrows(RepositoryException.NotFound.class, () -> lab.repository().prune("nobody", last(1), false));
        lab.close();
        try (Repository looked = Repository.look(lab.folder())) {
            assertThrows(RepositoryException.Conflict.class, () -> looked.prune(VM, last(1), true));
        }
    }

    @Test
    void anIncompletePointIsNotTheLastGoodOne() {
        lab.start(VM, "p7", StartDisk.Wanted.AUTO, null);
        SealDisk missing = new SealDisk(0, "it was not reached", null, null, null);
        lab.seal(VM, new SealRequest(null, null, null, null, List.of(missing)));
        Pruned pruned = lab.repository().prune(VM, last(1), true);
        assertNull(pruned.passedOver());
        assertEquals(5, pruned.count(Outcome.REMOVED));
        lab.points.keySet().retainAll(List.of("p6", "p7"));
        lab.verify("the last good one stays beside it");
    }
}
