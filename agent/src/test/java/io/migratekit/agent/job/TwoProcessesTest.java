package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a job belong to one process at a time, and can others look at it, whether it lives or not? */
class TwoProcessesTest {
    @TempDir
    private Path state;

    @Test
    void aJobThatIsBeingRunIsRefusedAndSaysByWhom() {
        JobStore store = new JobStore(state);
        JobId id = new JobId("job");
        try (ChildJvm child = ChildJvm.start(JobRunner.class, "64m", "hold", state.toString(), "job")) {
            child.awaitLine("holds 1");
            String said = assertThrows(JobException.Locked.class, () -> Jobs.open(state, "job"))
                    .getMessage();
            JobView view = store.view(id).orElseThrow();
            assertTrue(view.live());
            assertFalse(view.died());
            assertEquals(child.pid(), view.runner().orElseThrow().pid());
            assertEquals(
                    "job job is being run by process " + child.pid() + " since "
                            + view.runner().orElseThrow().since()
                            + ". Wait for it, or look at it with: migratekit status --job-id job",
                    said);
            assertEquals(Optional.of("{\"pid\":" + child.pid() + "}"), store.status(id));
            assertEquals("checkpoint", store.journal(id, 1).getFirst().event());
            // It hears nothing; so much the sooner it has to be noticed when it dies.
            assertEquals(Optional.empty(), store.askWhy(id, Duration.ofMillis(200)));
            child.kill();
        }
        assertTrue(store.view(id).orElseThrow().died());
        assertFalse(store.requestRate(id, 5));
        assertEquals(Optional.empty(), store.askWhy(id, Duration.ofSeconds(60)));
        assertTrue(store.status(id).isPresent(), "the last words of the dead are kept");
        try (JobRun run = Jobs.open(state, "job")) {
            assertEquals(2, run.attempt());
            assertInstanceOf(JobState.Running.class, run.previous().orElseThrow());
            assertFalse(run.takeWhyRequest(), "a question to the dead was answered by another");
            assertEquals(Optional.empty(), store.status(id));
        }
    }

    @Test
    void ofManyOneGetsIt() throws IOException {
        Path go = state.resolve("go");
        List<ChildJvm> children = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) {
                children.add(ChildJvm.start(JobRunner.class, "64m", "race", state.toString(), "job", go.toString()));
            }
            children.forEach(child -> child.awaitLine("ready"));
            Files.createFile(go);
            Waiting.until("all but one have lost", Duration.ofSeconds(20), () -> count(children, "lost ") == 3);
            Waiting.until("one has won", Duration.ofSeconds(20), () -> count(children, "won 1") == 1);
        } finally {
            children.forEach(ChildJvm::close);
        }
    }

    /** The kernel's locks are the process's: to look at the file in the wrong way would drop them. */
    @Test
    void lookingAtOnesOwnJobDoesNotLoseIt() {
        JobStore store = new JobStore(state);
        try (JobRun run = Jobs.open(state, "job")) {
            run.publishLastStatus("{}");
            assertTrue(store.view(run.id()).orElseThrow().live());
            assertEquals(1, store.list().size());
            assertTrue(store.status(run.id()).isPresent());
            assertThrows(JobException.Locked.class, () -> Jobs.open(state, "job"));
            try (ChildJvm child = ChildJvm.start(
                    JobRunner.class,
                    "64m",
                    "race",
                    state.toString(),
                    "job",
                    state.resolve("jobs").toString())) {
                child.awaitLine("lost ");
            }
        }
    }

    @Test
    void onlookersNeverStandInTheWay() {
        Jobs.open(state, "job").close();
        try (ChildJvm one = ChildJvm.start(JobRunner.class, "64m", "look", state.toString(), "job");
                ChildJvm two = ChildJvm.start(JobRunner.class, "64m", "look", state.toString(), "job")) {
            one.awaitLine("looking");
            two.awaitLine("looking");
            for (int i = 0; i < 50; i++) {
                Jobs.open(state, "job").close();
            }
            assertTrue(one.isAlive() && two.isAlive(), "an onlooker took a living job for dead");
        }
    }

    @Test
    void aListTellsTheLivingFromTheDead() {
        try (JobRun done = Jobs.open(state, "done")) {
            done.finished("{}");
        }
        try (ChildJvm dead = ChildJvm.start(JobRunner.class, "64m", "hold", state.toString(), "dead");
                ChildJvm live = ChildJvm.start(JobRunner.class, "64m", "hold", state.toString(), "live")) {
            dead.awaitLine("holds");
            live.awaitLine("holds");
            dead.kill();
            try (JobRun own = Jobs.open(state, "own")) {
                assertEquals(1, own.attempt());
                assertEquals(
                        List.of("dead died", "done ended", "live lives", "own lives"),
                        new JobStore(state)
                                .list().stream()
                                        .map(JobView.class::cast)
                                        .map(view ->
                                                view.id() + (view.died() ? " died" : view.live() ? " lives" : " ended"))
                                        .sorted()
                                        .toList());
            }
        }
    }

    private static long count(List<ChildJvm> children, String line) {
        return children.stream().filter(child -> child.has(line)).count();
    }
}
