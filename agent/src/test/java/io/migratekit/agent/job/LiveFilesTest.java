package io.migratekit.agent.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Do a run and other terminals understand each other, whatever lies around? */
class LiveFilesTest {
    private static final JobId ID = new JobId("job");

    @TempDir
    private Path state;

    @Test
    void aStatusIsPublishedTwiceASecondAtMost() throws InterruptedException {
        JobStore store = new JobStore(state);
        try (JobRun run = Jobs.open(state, "job")) {
            AtomicInteger made = new AtomicInteger();
            long began = System.nanoTime();
            while (System.nanoTime() - began < Duration.ofMillis(1200).toNanos()) {
                run.publishStatus(() -> "{\"n\":" + made.incrementAndGet() + "}");
                Thread.sleep(1);
            }
            assertTrue(made.get() >= 1 && made.get() <= 3, "published " + made + " times in 1.2 s");
            assertEquals(Optional.of("{\"n\":" + made + "}"), store.status(ID));
            run.publishLastStatus("{\"n\":\"last\"}");
            assertEquals(Optional.of("{\"n\":\"last\"}"), store.status(ID));
        }
        assertEquals(Optional.of("{\"n\":\"last\"}"), store.status(ID));
    }

    @Test
    void whoeverReadsSeesAWholeStatus() throws Exception {
        JobStore store = new JobStore(state);
        try (JobRun run = Jobs.open(state, "job");
                ExecutorService threads = Executors.newFixedThreadPool(1)) {
            Future<?> writer = threads.submit(() -> {
                for (int i = 0; i < 1500; i++) {
                    run.publishLastStatus("{\"a\":\"" + "x".repeat(i * 10) + "\"}");
                }
            });
            int seen = 0;
            while (!writer.isDone()) {
                Optional<String> status = store.status(ID);
                status.ifPresent(json -> assertTrue(json.startsWith("{\"a\":\"") && json.endsWith("\"}"), json));
                seen += status.isPresent() ? 1 : 0;
            }
            writer.get(1, TimeUnit.SECONDS);
            assertTrue(seen > 10);
        }
    }

    @Test
    void aRunCanBeToldItsRate() throws IOException {
        JobStore store = new JobStore(state);
        try (JobRun run = Jobs.open(state, "job")) {
            assertEquals(OptionalLong.empty(), run.requestedRate());
            assertTrue(store.requestRate(ID, 50L << 20));
            assertEquals(OptionalLong.of(50L << 20), run.requestedRate());
            assertTrue(store.requestRate(ID, 0));
            assertEquals(OptionalLong.of(0), run.requestedRate());
            Path file = run.folder().resolve("rate");
            for (String nonsense : List.of("", "-1", "fast", "9223372036854775808", "1\u00002", "5".repeat(100_000))) {
                Files.writeString(file, nonsense);
                assertEquals(OptionalLong.empty(), run.requestedRate());
            }
        }
        assertFalse(store.requestRate(ID, 7));
        Files.writeString(state.resolve("jobs/job/rate"), "7");
        try (JobRun run = Jobs.open(state, "job")) {
            assertEquals(OptionalLong.empty(), run.requestedRate(), "what was meant for a dead run");
        }
    }

    @Test
    void everybodyWhoAsksWhyGetsAnAnswerThatIsNewerThanTheQuestion() throws Exception {
        JobStore store = new JobStore(state);
        Pauses random = new Pauses();
        try (JobRun run = Jobs.open(state, "job");
                ExecutorService threads = Executors.newFixedThreadPool(5)) {
            run.answerWhy("an old answer");
            AtomicInteger dumps = new AtomicInteger();
            Future<?> runner = threads.submit(() -> {
                while (!Thread.currentThread().isInterrupted()) {
                    if (run.takeWhyRequest()) {
                        int number = dumps.incrementAndGet();
                        random.pause(20);
                        run.answerWhy("dump " + number);
                    }
                    random.pause(5);
                }
            });
            Callable<Integer> asker = () -> {
                for (int i = 0; i < 6; i++) {
                    int before = dumps.get();
                    String answer = store.askWhy(ID, Duration.ofSeconds(10)).orElseThrow();
                    int number = Integer.parseInt(answer.strip().substring("dump ".length()));
                    // One that was being made at that moment will do.
                    assertTrue(number >= before, answer + " came, but " + before + " were made before");
                    random.pause(30);
                }
                return 6;
            };
            for (Future<Integer> answers : threads.invokeAll(List.of(asker, asker, asker, asker))) {
                assertEquals(6, answers.get(30, TimeUnit.SECONDS));
            }
            runner.cancel(true);
            assertEquals(Optional.of("dump " + dumps.get() + "\n"), store.lastWhy(ID));
        }
    }

    @Test
    void aQuestionEndsWithTheRun() throws InterruptedException, ExecutionException, TimeoutException {
        JobStore store = new JobStore(state);
        try (ExecutorService threads = Executors.newFixedThreadPool(1);
                ChildJvm child = ChildJvm.start(JobRunner.class, "64m", "hold", state.toString(), "job")) {
            child.awaitLine("holds");
            Future<Optional<String>> answer = threads.submit(() -> store.askWhy(ID, Duration.ofSeconds(60)));
            Waiting.until(
                    "the question is there",
                    Duration.ofSeconds(5),
                    () -> Files.exists(state.resolve("jobs/job/why.request")));
            child.kill();
            assertEquals(Optional.empty(), answer.get(2, TimeUnit.SECONDS));
        }
    }

    @Test
    void halfWrittenFilesOfTheDeadAreRemovedAndThoseOfTheLivingAreNot() throws IOException {
        Jobs.open(state, "job").close();
        Path dead = state.resolve("jobs/job/.status.json.1.0.tmp");
        Path living = state.resolve("jobs/job/.rate.2.0.tmp");
        Files.writeString(dead, "{");
        Files.writeString(living, "5");
        Files.setLastModifiedTime(dead, FileTime.from(Instant.now().minus(Duration.ofMinutes(2))));
        Jobs.open(state, "job").close();
        assertFalse(Files.exists(dead));
        assertTrue(Files.exists(living));
    }

    /** Pauses of random length, from several threads. */
    private static final class Pauses {
        private final java.util.Random random = Jobs.random("LiveFilesTest");

        void pause(int mostMillis) {
            try {
                Thread.sleep(random.nextInt(mostMillis));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
