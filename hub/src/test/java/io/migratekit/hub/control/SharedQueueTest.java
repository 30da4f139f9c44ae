package io.migratekit.hub.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The same in a PostgreSQL, and what two hubs that share one have of it. */
class SharedQueueTest extends QueueTest {
    private static final Duration SOON = Duration.ofSeconds(45);

    @SuppressWarnings("NullAway.Init") // Before all tests.
    private static Postgres postgres;

    private final String prefix = "t" + Long.toUnsignedString(System.nanoTime());

    @BeforeAll
    static void begin() throws IOException {
        postgres = Postgres.start();
    }

    @AfterAll
    static void end() {
        postgres.close();
    }

    @Override
    Control control(String name) {
        return postgres.database(prefix + name);
    }

    private static final Queue.Backups NOTHING = new Queue.Backups() {
        @Override
        public boolean isSealed(String id) {
            return false;
        }

        @Override
        public void abandon(String id) {}
    };

    private Queue hub(String name) {
        return control("both").open(Path.of("unused"), name, NOTHING);
    }

    private static Queue.Orders poll(Queue queue, String agent, Queue.Report... reports) throws InterruptedException {
        return queue.poll(
                new Queue.Question(agent, "1", 9, Optional.empty(), List.of(reports)), Duration.ZERO, () -> false);
    }

    private static Job ask(Queue queue, String vm) {
        return queue.ask(new Queue.Wish(Optional.empty(), vm, vm, 0, false, "test", Instant.now(), Optional.empty()))
                .job();
    }

    private static Job.State state(Queue queue, Job job) {
        return queue.show(job.id()).job().state();
    }

    @Test
    void twoHubsShareLimitsAndEachLooksAfterTheOthersJobs() throws InterruptedException {
        Queue one = hub("hub-a");
        Queue two = hub("hub-b");
        try {
            one.limit(new Limits(9, 1, 9, 9, Map.of(), List.of()));
            assertEquals(1, two.limits().vcenter());
            poll(one, "a1");
            poll(two, "a2");
            one.saw("a1", List.of(new Sighting("a1", "web", "web", "vc", "esx1", List.of(), 1)));
            two.saw("a2", List.of(new Sighting("a2", "db", "db", "vc", "esx1", List.of(), 1)));
            Job web = ask(one, "web");
            Waiting.until("it was given", SOON, () -> state(two, web) == Job.State.GIVEN);
            Job db = ask(two, "db");
            assertEquals(
                    "vcenter vc has 1 of at most 1 jobs at once (web)",
                    two.show(db.id()).waitsFor());
            assertEquals(List.of(), poll(two, "a2").start());
            assertEquals(
                    List.of(web.id()),
                    poll(one, "a1").start().stream().map(Job::id).toList());
            one.close();
            // Its agent reaches nobody; the other hub has its job, and hears of it as soon as somebody says something.
            poll(two, "a1", new Queue.Report(web.id(), "web", "web", 0, "done"));
            Waiting.until("the other hub has finished it", SOON, () -> state(two, web) == Job.State.DONE);
            Waiting.until("then it is the turn of its own", SOON, () -> state(two, db) == Job.State.GIVEN);
        } finally {
            one.close();
            two.close();
        }
    }

    @Test
    void aDatabaseThatCrashesIsSaidAndComesBack() throws InterruptedException {
        try (Queue queue = hub("hub-a")) {
            poll(queue, "a1");
            queue.saw("a1", List.of(new Sighting("a1", "web", "web", "vc", "esx1", List.of(), 1)));
            Job web = ask(queue, "web");
            Waiting.until("it was given", SOON, () -> state(queue, web) == Job.State.GIVEN);
            postgres.crash();
            long begun = System.nanoTime();
            ControlException.Unavailable gone =
                    assertThrows(ControlException.Unavailable.class, () -> queue.show(web.id()));
            assertEquals(
                    true, System.nanoTime() - begun < Duration.ofSeconds(20).toNanos(), gone::getMessage);
            postgres.begin();
            Waiting.until("it answers again", SOON, () -> {
                try {
                    return state(queue, web) == Job.State.GIVEN;
                } catch (ControlException.Unavailable e) {
                    return false;
                }
            });
            poll(queue, "a1", new Queue.Report(web.id(), "web", "web", 0, "done"));
            Waiting.until("it is done", SOON, () -> state(queue, web) == Job.State.DONE);
        }
    }
}
