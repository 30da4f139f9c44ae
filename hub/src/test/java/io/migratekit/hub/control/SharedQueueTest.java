package io.migratekit.hub.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.migratekit.nbd.Secret;
import io.migratekit.nbd.fixture.Postgres;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The same in a PostgreSQL, and what two hubs that share one have of it. */
@Tag("long")
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
        return new Control.Shared(
                postgres.database(prefix + name),
                Optional.of(Postgres.USER),
                new Secret(Postgres.PASSWORD.toCharArray()));
    }

    /**
     * A repository with so much room, which knows these VMs.
     *
     * @param abandoned what it was told to throw away
     */
    private record Kept(long freeBytes, List<KeptVm> vms, Set<String> abandoned) implements Queue.Backups {
        Kept(long freeBytes, List<KeptVm> vms) {
            this(freeBytes, vms, new ConcurrentSkipListSet<>());
        }

        @Override
        public boolean isSealed(String id) {
            return false;
        }

        @Override
        public void abandon(String id) {
            abandoned.add(id);
        }

        @Override
        public void letGo(String id) {}
    }

    private static KeptVm empty(String vm, long capacityBytes) {
        return new KeptVm(vm, capacityBytes, null, null);
    }

    private static Sighting seen(String agent, String vm) {
        return new Sighting(agent, vm, vm, "vc", "esx1", List.of("ds1"), 1);
    }

    private Queue hub(String name) {
        return hub(name, new Kept(0, List.of()));
    }

    private Queue hub(String name, Queue.Backups backups) {
        return control("both").open(Path.of("unused"), name, backups, Queue.LOST_AFTER);
    }

    private static AgentDesk.Orders poll(Queue queue, String agent, AgentDesk.Report... reports)
            throws InterruptedException {
        return queue.desk()
                .poll(
                        new AgentDesk.Question(agent, "1", 9, Optional.empty(), Optional.empty(), List.of(reports)),
                        Duration.ZERO,
                        () -> false);
    }

    private static Job ask(Queue queue, String vm) {
        return queue.ask(new Queue.Wish(Optional.empty(), vm, vm, 0, false, "test", Instant.now(), Optional.empty()))
                .job();
    }

    private static Job.State state(Queue queue, Job job) {
        return queue.show(job.id()).job().state();
    }

    @Test
    void twoHubsShareLimitsAndEachLooksAfterItsOwnJobs() throws InterruptedException {
        Queue one = hub("hub-a");
        Queue two = hub("hub-b");
        try {
            one.limit(new Limits(9, 1, 9, 9, Map.of(), List.of()));
            assertEquals(1, two.limits().vcenter());
            poll(one, "a1");
            poll(two, "a2");
            one.desk().saw("a1", List.of(new Sighting("a1", "web", "web", "vc", "esx1", List.of(), 1)));
            two.desk().saw("a2", List.of(new Sighting("a2", "db", "db", "vc", "esx1", List.of(), 1)));
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
            assertEquals(List.of(web.id()), ids(one));
            assertEquals(List.of(db.id()), ids(two));
            assertEquals(
                    List.of("a1"), one.desk().agents().stream().map(Agent::name).toList());
            one.close();
            // Its repository is away; what its agents say elsewhere is not believed, and what it had begun still
            // counts.
            poll(two, "a1", new AgentDesk.Report(web.id(), "web", "web", 0, "done"));
            assertEquals(Job.State.GIVEN, state(two, web));
            one = hub("hub-a");
            poll(one, "a1", new AgentDesk.Report(web.id(), "web", "web", 0, "done"));
            Waiting.until("it is finished", SOON, () -> state(two, web) == Job.State.DONE);
            Waiting.until("then it is the turn of its own", SOON, () -> state(two, db) == Job.State.GIVEN);
        } finally {
            one.close();
            two.close();
        }
    }

    private static List<String> ids(Queue queue) {
        return queue.list(Optional.empty(), true, 99).stream()
                .map(seen -> seen.job().id())
                .toList();
    }

    @Test
    void agentsOfOneNameAtTwoHubsAreTwo() throws InterruptedException {
        try (Queue one = hub("hub-a");
                Queue two = hub("hub-b")) {
            one.limit(new Limits(9, 9, 9, 9, Map.of("agent:agent", 1), List.of()));
            poll(one, "agent");
            poll(two, "agent");
            one.desk().saw("agent", List.of(new Sighting("agent", "web", "web", "vc", "esx1", List.of(), 1)));
            two.desk().saw("agent", List.of(new Sighting("agent", "db", "db", "vc", "esx1", List.of(), 1)));
            Job web = ask(one, "web");
            Job db = ask(two, "db");
            Waiting.until("both were given", SOON, () -> {
                try {
                    poll(one, "agent");
                    poll(two, "agent");
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                return state(one, web) == Job.State.GIVEN && state(two, db) == Job.State.GIVEN;
            });
            assertEquals(
                    List.of(web.id()),
                    poll(one, "agent").start().stream().map(Job::id).toList());
            assertEquals(
                    List.of(db.id()),
                    poll(two, "agent").start().stream().map(Job::id).toList());
        }
    }

    @Test
    void whyAJobOfAnotherHubWaitsIsToldAsThatHubWould() throws InterruptedException {
        try (Queue one = hub("hub-a");
                Queue two = hub("hub-b")) {
            one.limit(new Limits(9, 9, 0, 9, Map.of(), List.of()));
            poll(one, "a1");
            one.desk().saw("a1", List.of(new Sighting("a1", "web", "web", "vc", "esx1", List.of(), 1)));
            Job web = ask(one, "web");
            String why = "host esx1 may have no disks at once: its limit is 0";
            assertEquals(why, one.show(web.id()).waitsFor());
            assertEquals(why, two.show(web.id()).waitsFor());
        }
    }

    @Test
    void whatIsCancelledIsThrownAwayWhereItIs() throws InterruptedException {
        Kept atOne = new Kept(0, List.of());
        Kept atTwo = new Kept(0, List.of());
        try (Queue one = hub("hub-a", atOne);
                Queue two = hub("hub-b", atTwo)) {
            List<Sighting> seen = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                seen.add(new Sighting("a1", "vm" + i, "vm" + i, "vc", "esx1", List.of(), 1));
            }
            poll(one, "a1");
            one.desk().saw("a1", seen);
            List<Job> jobs = seen.stream().map(vm -> ask(one, vm.vm())).toList();
            for (Job job : jobs) {
                Waiting.until("it was given", SOON, () -> state(one, job) == Job.State.GIVEN);
            }
            AgentDesk.Report[] run = jobs.stream()
                    .map(job -> new AgentDesk.Report(job.id(), job.vm(), job.vm(), null, "copying"))
                    .toArray(AgentDesk.Report[]::new);
            poll(one, "a1", run);
            // Asked for at the wrong hub, which knows of it all the same.
            jobs.forEach(job -> two.cancel(job.id()));
            poll(
                    one,
                    "a1",
                    jobs.stream()
                            .map(job -> new AgentDesk.Report(job.id(), job.vm(), job.vm(), 143, "stopped"))
                            .toArray(AgentDesk.Report[]::new));
            for (Job job : jobs) {
                Waiting.until("it is cancelled", SOON, () -> state(one, job) == Job.State.CANCELLED);
            }
            assertEquals(new TreeSet<>(jobs.stream().map(Job::id).toList()), new TreeSet<>(atOne.abandoned()));
            assertEquals(Set.of(), atTwo.abandoned());
        }
    }

    @Test
    void aDatabaseThatCrashesIsSaidAndComesBack() throws InterruptedException {
        try (Queue queue = hub("hub-a")) {
            poll(queue, "a1");
            queue.desk().saw("a1", List.of(new Sighting("a1", "web", "web", "vc", "esx1", List.of(), 1)));
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
            poll(queue, "a1", new AgentDesk.Report(web.id(), "web", "web", 0, "done"));
            Waiting.until("it is done", SOON, () -> state(queue, web) == Job.State.DONE);
        }
    }

    @Test
    void aVmGoesToWhereRoomIsLeftAndStaysThereUntilItIsMoved() throws InterruptedException {
        List<KeptVm> vms = List.of(empty("big", 600), empty("middle", 500), empty("small", 300), empty("lone", 1));
        try (Queue one = hub("hub-a", new Kept(1000, vms));
                Queue two = hub("hub-b", new Kept(800, vms))) {
            one.desk().saw("a1", vms.stream().map(vm -> seen("a1", vm.vm())).toList());
            two.desk()
                    .saw(
                            "a2",
                            vms.stream().limit(3).map(vm -> seen("a2", vm.vm())).toList());
            // 1000 against 800, then 400 against 800, then 400 against 300; whoever is asked.
            assertEquals("hub-a", ask(two, "big").hub());
            assertEquals("hub-b", ask(one, "middle").hub());
            assertEquals("hub-a", ask(two, "small").hub());
            assertEquals(
                    List.of(900L, 500L),
                    one.places().stream().map(Place::promisedBytes).toList());
            assertEquals("hub-a", ask(two, "lone").hub(), "nobody sees it at the other one");
            poll(one, "a1");
            Job big = one.list(Optional.of("big"), false, 1).getFirst().job();
            Waiting.until("it is given", SOON, () -> state(two, big) == Job.State.GIVEN);
            assertThrows(ControlException.Conflict.class, () -> one.move("big", "hub-b"));
            poll(one, "a1", new AgentDesk.Report(big.id(), "big", "big", 0, "done"));
            Waiting.until("it is done", SOON, () -> state(two, big) == Job.State.DONE);
            assertEquals(301, one.places().getFirst().promisedBytes(), "what is done is not promised any more");
            assertThrows(ControlException.NotFound.class, () -> one.move("big", "hub-c"));
            one.move("big", "hub-b");
            assertEquals("hub-b", ask(one, "big").hub());
        }
    }

    @Test
    void aNewDatabaseMakesOutWhereVmsAre() {
        Instant monday = Instant.parse("2026-03-02T22:00:00Z");
        Instant tuesday = monday.plusSeconds(86_400);
        KeptVm made = new KeptVm("web", 1, tuesday, tuesday.plusSeconds(60));
        KeptVm copied = new KeptVm("web", 1, tuesday, tuesday.plusSeconds(3600));
        KeptVm old = new KeptVm("db", 1, monday, monday.plusSeconds(60));
        KeptVm fresh = new KeptVm("db", 1, tuesday, tuesday.plusSeconds(60));
        try (Queue one = hub("hub-a", new Kept(1, List.of(copied, fresh)));
                Queue two = hub("hub-b", new Kept(1, List.of(made, old)))) {
            assertEquals(Optional.of("hub-b"), one.placeOf("web"), "the other one is a copy");
            assertEquals(Optional.of("hub-a"), two.placeOf("db"), "what is older was left there");
            two.move("db", "hub-b");
            one.desk().saw("a1", List.of(seen("a1", "db")));
            assertEquals(Optional.of("hub-b"), one.placeOf("db"), "what was decided stays so");
        }
    }
}
