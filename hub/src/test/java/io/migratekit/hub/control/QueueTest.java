package io.migratekit.hub.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.fixture.Waiting;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does every job get to an agent in its turn, once, within the limits, and is it known why one waits? */
class QueueTest {
    private static final Duration SOON = Duration.ofSeconds(15);
    private static final String HUB = "hub-1";

    @TempDir
    private Path folder;

    private Duration lostAfter = Queue.LOST_AFTER;
    private final Set<String> sealed = new ConcurrentSkipListSet<>();
    private final Set<String> abandoned = new ConcurrentSkipListSet<>();
    private final Set<String> letGo = new ConcurrentSkipListSet<>();

    @SuppressWarnings("NullAway.Init") // Before each test.
    private Queue queue;

    private final Queue.Backups backups = new Queue.Backups() {
        @Override
        public boolean isSealed(String id) {
            return sealed.contains(id);
        }

        @Override
        public void abandon(String id) {
            abandoned.add(id);
        }

        @Override
        public void letGo(String id) {
            letGo.add(id);
        }

        @Override
        public long freeBytes() {
            return 0;
        }

        @Override
        public List<KeptVm> vms() {
            return List.of();
        }
    };

    /** Where the queue is kept; of the same name always the same. */
    Control control(String name) {
        return new Control.Embedded();
    }

    private Queue open(String name) {
        return control(name).open(folder.resolve(name), HUB, backups, lostAfter);
    }

    @BeforeEach
    void open() {
        queue = open("first");
    }

    @AfterEach
    void close() {
        queue.close();
    }

    private static Sighting vm(String agent, String name, String host, int disks) {
        return new Sighting(agent, name, name, "vc", host, List.of("ds-" + host), disks);
    }

    private Job ask(String vm, int priority) {
        return queue.ask(new Queue.Wish(
                        Optional.empty(), vm, vm, priority, false, "test", Instant.now(), Optional.empty()))
                .job();
    }

    private AgentDesk.Orders poll(String agent, int slots, AgentDesk.Report... reports) {
        return poll(agent, slots, Optional.empty(), reports);
    }

    private AgentDesk.Orders poll(String agent, int slots, Optional<String> place, AgentDesk.Report... reports) {
        try {
            return queue.desk()
                    .poll(
                            new AgentDesk.Question(agent, "1", slots, place, Optional.empty(), List.of(reports)),
                            Duration.ZERO,
                            () -> false);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static AgentDesk.Report runs(Job job) {
        return new AgentDesk.Report(job.id(), job.vm(), job.vmName(), null, "copying");
    }

    private static AgentDesk.Report ended(Job job, int code) {
        return new AgentDesk.Report(job.id(), job.vm(), job.vmName(), code, "said " + code);
    }

    private void awaitState(Job job, Job.State state) {
        Waiting.until(
                job.id() + " is " + state,
                SOON,
                () -> queue.show(job.id()).job().state() == state);
    }

    private String waitsFor(Job job) {
        return Objects.requireNonNullElse(queue.show(job.id()).waitsFor(), "");
    }

    @Test
    void aSecondAgentOfTheSameNameIsToldSoAndTakesNothingFromTheFirst() {
        Optional<String> first = Optional.of("host1-1");
        assertTrue(poll("a1", 2, first).discover());
        queue.desk().saw("a1", List.of(vm("a1", "web", "esx1", 1)));
        Job job = ask("web", 0);
        Waiting.until("it is given", SOON, () -> !poll("a1", 2, first).start().isEmpty());
        String why = String.valueOf(assertThrows(
                        ControlException.Conflict.class, () -> poll("a1", 2, Optional.of("host2-2"), ended(job, 143)))
                .getMessage());
        assertTrue(
                why.contains("host1-1") && why.contains("host2-2") && why.contains("a name and a token of its own"),
                why);
        assertEquals(Job.State.GIVEN, queue.show(job.id()).job().state());
        assertTrue(poll("a1", 2, first, runs(job)).cancel().isEmpty());
        assertTrue(poll("a2", 2, Optional.of("host2-2")).discover(), "with a name of its own it is welcome");
    }

    @Test
    void anAgentThatHasMovedIsHeardOnceTheOldOneWasSilent() {
        var seats = new Seats(Duration.ofMillis(200));
        seats.heard("a1", Optional.of("old"));
        assertThrows(ControlException.Conflict.class, () -> seats.heard("a1", Optional.of("new")));
        Waiting.until("it is heard", SOON, () -> {
            try {
                seats.heard("a1", Optional.of("new"));
                return true;
            } catch (ControlException.Conflict _) {
                return false;
            }
        });
        assertThrows(ControlException.Conflict.class, () -> seats.heard("a1", Optional.of("old")));
    }

    @Test
    void aJobGoesToTheAgentThatSeesItsVmAndIsDoneWhenThatSaysSo() {
        Job job = ask("web", 0);
        assertTrue(waitsFor(job).contains("no agent of this hub has seen the VM"), () -> waitsFor(job));
        assertTrue(poll("a1", 2).discover(), "a new agent is asked what it sees");
        queue.desk().saw("a1", List.of(vm("a1", "web", "esx1", 1)));
        awaitState(job, Job.State.GIVEN);
        AgentDesk.Orders orders = poll("a1", 2);
        assertEquals(List.of(job.id()), orders.start().stream().map(Job::id).toList());
        assertTrue(poll("a1", 2, runs(job)).start().isEmpty());
        assertEquals("copying", queue.show(job.id()).job().said());
        assertFalse(queue.ask(
                        new Queue.Wish(Optional.empty(), "web", "web", 0, false, "x", Instant.now(), Optional.empty()))
                .created());
        poll("a1", 2, ended(job, 0));
        awaitState(job, Job.State.DONE);
        assertTrue(queue.ask(new Queue.Wish(
                        Optional.of("again"), "web", "web", 0, false, "x", Instant.now(), Optional.empty()))
                .created());
        assertThrows(
                ControlException.Conflict.class,
                () -> queue.ask(new Queue.Wish(
                        Optional.of(job.id()), "other", "other", 0, false, "x", Instant.now(), Optional.empty())));
    }

    @Test
    void noLimitIsEverExceededAndWhoeverWaitsIsToldWhy() {
        List<Sighting> seen = new ArrayList<>();
        List<Job> jobs = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            seen.add(vm("a1", "vm" + i, i % 2 == 0 ? "esx1" : "esx2", 2));
        }
        queue.limit(new Limits(16, 16, 4, 100, Map.of("host:esx2", 2), List.of()));
        poll("a1", 5);
        queue.desk().saw("a1", seen);
        seen.forEach(one -> jobs.add(ask(one.vm(), 0)));
        Set<String> done = new TreeSet<>();
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        boolean toldOfHost = false;
        List<Job> running = new ArrayList<>();
        while (done.size() < jobs.size()) {
            assertTrue(System.nanoTime() - end < 0, () -> "done: " + done);
            running.addAll(poll("a1", 5, running.stream().map(QueueTest::runs).toArray(AgentDesk.Report[]::new))
                    .start());
            assertTrue(running.size() <= 5, running::toString);
            for (String host : List.of("esx1", "esx2")) {
                int disks = 2
                        * (int) running.stream()
                                .filter(job -> job.uses().containsKey("host:" + host))
                                .count();
                assertTrue(disks <= (host.equals("esx1") ? 4 : 2), running::toString);
            }
            for (Job job : jobs) {
                String why = waitsFor(job);
                toldOfHost |= why.contains("host esx2 has 2 of at most 2 disks at once");
                assertFalse(why.matches(".*\\b" + job.vmName() + "\\b.*"), () -> "it waits for itself: " + why);
            }
            if (!running.isEmpty()) {
                Job first = running.removeFirst();
                poll("a1", 5, ended(first, 0));
                done.add(first.id());
            }
        }
        assertTrue(toldOfHost, "somebody waited for esx2 and was told so");
    }

    @Test
    void theMoreUrgentBeginFirst() {
        queue.limit(new Limits(1, 16, 16, 16, Map.of(), List.of()));
        Job low = ask("low", 0);
        Job high = ask("high", 5);
        poll("a1", 5);
        queue.desk().saw("a1", List.of(vm("a1", "low", "esx1", 1), vm("a1", "high", "esx1", 1)));
        awaitState(high, Job.State.GIVEN);
        assertEquals(Job.State.QUEUED, queue.show(low.id()).job().state());
        assertTrue(waitsFor(low).contains("this hub has 1 of at most 1 jobs at once (high)"), () -> waitsFor(low));
        poll("a1", 5, ended(high, 0));
        awaitState(low, Job.State.GIVEN);
    }

    @Test
    void whatCannotGetBetterFailsAtOnceAndWhatMayIsTriedAgain() {
        Job full = ask("full", 0);
        Job link = ask("link", 0);
        poll("a1", 5);
        queue.desk().saw("a1", List.of(vm("a1", "full", "esx1", 1), vm("a1", "link", "esx1", 1)));
        awaitState(full, Job.State.GIVEN);
        awaitState(link, Job.State.GIVEN);
        poll("a1", 5, ended(full, 40), ended(link, 20));
        awaitState(full, Job.State.FAILED);
        awaitState(link, Job.State.QUEUED);
        assertEquals("said 40", queue.show(full.id()).job().said());
        assertEquals(Set.of(full.id()), letGo, "only what nobody tries again gives way to others");
        assertTrue(waitsFor(link).startsWith("the next attempt, at "), () -> waitsFor(link));
        assertTrue(waitsFor(link).endsWith("the last one ended with code 20: said 20"), () -> waitsFor(link));
    }

    @Test
    void whatIsCancelledDoesNotBeginOrIsEnded() {
        Job waits = ask("waits", 0);
        queue.cancel(waits.id());
        awaitState(waits, Job.State.CANCELLED);
        Job runs = ask("runs", 0);
        poll("a1", 1);
        queue.desk().saw("a1", List.of(vm("a1", "runs", "esx1", 1)));
        awaitState(runs, Job.State.GIVEN);
        poll("a1", 1, runs(runs));
        queue.cancel(runs.id());
        assertEquals(List.of(runs.id()), poll("a1", 1, runs(runs)).cancel());
        poll("a1", 1, ended(runs, 143));
        awaitState(runs, Job.State.CANCELLED);
        assertTrue(abandoned.contains(runs.id()), abandoned::toString);
        assertThrows(ControlException.Conflict.class, () -> queue.cancel(runs.id()));
    }

    @Test
    void aScheduleAsksForTheVmsThatItIsForAndComesAgain() {
        poll("a1", 9);
        queue.desk()
                .saw(
                        "a1",
                        List.of(
                                vm("a1", "web01", "esx1", 1),
                                vm("a1", "web/02", "esx1", 1),
                                vm("a1", "db", "esx1", 1)));
        Schedule nightly = new Schedule(
                "nightly", "", "30 22 * * 1-5", "Europe/Berlin", List.of("web*"), 0, 3, Optional.empty(), null, null);
        queue.schedules().set(nightly);
        // A Friday in winter; the next time is on Monday.
        assertEquals(
                Optional.of(Instant.parse("2026-11-30T21:30:00Z")),
                nightly.next(Instant.parse("2026-11-27T21:30:00Z")));
        queue.schedules().carryOut(queue.schedules().all().getFirst());
        List<Job> jobs = queue.list(Optional.empty(), false, 10).stream()
                .map(Queue.Seen::job)
                .toList();
        assertEquals(
                Set.of("web01", "web/02"),
                new TreeSet<>(jobs.stream().map(Job::vm).toList()));
        assertEquals(
                Set.of("schedule nightly"),
                new TreeSet<>(jobs.stream().map(Job::askedBy).toList()));
        assertEquals(2, queue.schedules().all().getFirst().lastJobs());
        Schedule yearly = queue.schedules()
                .set(new Schedule("yearly", "", "0 0 1 1 *", "UTC", List.of("db"), 0, 0, Optional.empty(), null, null));
        queue.schedules().plan(yearly, Instant.now());
        Waiting.until(
                "its time came",
                SOON,
                () -> queue.list(Optional.of("db"), true, 10).size() == 1);
        queue.schedules().unset("yearly");
        assertThrows(ControlException.NotFound.class, () -> queue.schedules().unset("yearly"));
        for (String wrong : List.of("61 * * * *", "every day", "0 0 31 2 *")) {
            Schedule bad = new Schedule("bad", "", wrong, "UTC", List.of("*"), 0, 0, Optional.empty(), null, null);
            assertThrows(
                    ControlException.BadRequest.class, () -> queue.schedules().set(bad), wrong);
        }
    }

    @Test
    void whatAScheduleAsksForBeginsInItsHoursOnly() {
        poll("a1", 9);
        queue.desk().saw("a1", List.of(vm("a1", "web01", "esx1", 1), vm("a1", "db", "esx1", 1)));
        LocalTime now = LocalTime.now(ZoneOffset.UTC).truncatedTo(ChronoUnit.MINUTES);
        Window closed = new Window(now.minusHours(2), now.minusHours(1), ZoneOffset.UTC);
        Window open = new Window(now.minusHours(1), now.plusHours(1), ZoneOffset.UTC);
        for (Schedule one : List.of(
                new Schedule("later", "", "0 0 1 1 *", "UTC", List.of("web*"), 0, 0, Optional.of(closed), null, null),
                new Schedule("now", "", "0 0 1 1 *", "UTC", List.of("db"), 0, 0, Optional.of(open), null, null))) {
            queue.schedules().carryOut(queue.schedules().set(one));
        }
        Job db = queue.list(Optional.of("db"), false, 1).getFirst().job();
        Job web = queue.list(Optional.of("web01"), false, 1).getFirst().job();
        awaitState(db, Job.State.GIVEN);
        assertEquals(Job.State.QUEUED, queue.show(web.id()).job().state());
        assertTrue(
                waitsFor(web).matches("its hours, .*, which begin again at " + closed.opens(Instant.now()) + ".*"),
                () -> waitsFor(web));
        assertTrue(Duration.between(Instant.now(), closed.opens(Instant.now())).toHours() >= 20, closed::toString);
    }

    @Test
    void anAgentIsToldHowFastItsJobsMayBe() {
        assertEquals(OptionalLong.empty(), poll("a1", 1).bytesPerSecond());
        queue.limit(new Limits(
                16,
                16,
                16,
                16,
                Map.of(),
                List.of(
                        new Rate(Optional.empty(), Optional.empty(), 5000),
                        new Rate(Optional.of("a1"), Optional.empty(), 1000))));
        assertEquals(OptionalLong.of(1000), poll("a1", 1).bytesPerSecond());
        assertEquals(OptionalLong.of(5000), poll("a2", 1).bytesPerSecond());
    }

    @Test
    void vmsOfOneNameGetAJobEach() {
        String name = "a-machine-whose-name-is-as-long-as-the-names-of-machines-are";
        poll("a1", 9);
        queue.desk()
                .saw(
                        "a1",
                        List.of(
                                new Sighting("a1", "vm-1", name, "vc", "esx1", List.of(), 1),
                                new Sighting("a1", "vm-2", name, "vc", "esx1", List.of(), 1),
                                new Sighting("a1", "vm-3", name + "-2", "vc", "esx1", List.of(), 1)));
        queue.schedules()
                .set(new Schedule(
                        "nightly", "", "0 0 1 1 *", "UTC", List.of("a-*"), 0, 0, Optional.empty(), null, null));
        queue.schedules().carryOut(queue.schedules().all().getFirst());
        assertEquals(
                Set.of("vm-1", "vm-2", "vm-3"),
                new TreeSet<>(queue.list(Optional.empty(), false, 10).stream()
                        .map(seen -> seen.job().vm())
                        .toList()));
    }

    @Test
    void aScheduleThatBrokeOffAsksForNoVmTwice() {
        poll("a1", 9);
        queue.desk().saw("a1", List.of(vm("a1", "web", "esx1", 1), vm("a1", "db", "esx2", 1)));
        queue.schedules()
                .set(new Schedule("nightly", "", "0 0 1 1 *", "UTC", List.of("*"), 0, 0, Optional.empty(), null, null));
        queue.schedules().carryOut(queue.schedules().all().getFirst());
        Job web = queue.list(Optional.of("web"), false, 1).getFirst().job();
        awaitState(web, Job.State.GIVEN);
        poll("a1", 9, ended(web, 0));
        awaitState(web, Job.State.DONE);
        // Its hub died before it had noted that it came.
        queue.schedules().carryOut(queue.schedules().all().getFirst());
        assertEquals(1, queue.list(Optional.of("web"), true, 10).size());
        assertEquals(2, queue.schedules().all().getFirst().lastJobs());
    }

    @Test
    void onlyTheAgentThatHasAJobIsBelieved() {
        Job job = ask("web", 0);
        poll("a1", 1);
        queue.desk().saw("a1", List.of(vm("a1", "web", "esx1", 1)));
        awaitState(job, Job.State.GIVEN);
        assertEquals(List.of(job.id()), poll("a2", 1, runs(job)).cancel());
        assertEquals(Job.State.GIVEN, queue.show(job.id()).job().state());
        poll("a2", 1, ended(job, 130));
        assertEquals(Job.State.GIVEN, queue.show(job.id()).job().state());
    }

    @Test
    void anAgentThatIsSilentForLongLosesItsJobForGood() {
        queue.close();
        lostAfter = Duration.ofSeconds(3);
        queue = open("first");
        Job lost = ask("web", 0);
        poll("a1", 1);
        queue.desk().saw("a1", List.of(vm("a1", "web", "esx1", 1)));
        awaitState(lost, Job.State.GIVEN);
        poll("a1", 1, runs(lost));
        assertFalse(queue.isGivenUp(lost.id()));
        awaitState(lost, Job.State.FAILED);
        assertTrue(queue.isGivenUp(lost.id()), "nobody may go on with it");
        assertTrue(abandoned.contains(lost.id()), abandoned::toString);
        assertEquals(
                "agent a1 was not heard for 3 s; another job takes its place",
                queue.show(lost.id()).job().said());
        Job next = queue.list(Optional.of("web"), false, 9).getFirst().job();
        assertTrue(!next.id().equals(lost.id()) && next.askedBy().equals("test"), next::toString);
        // The old one wakes up.
        assertEquals(List.of(lost.id()), poll("a1", 1, runs(lost)).cancel());
        poll("a1", 1, ended(lost, 0));
        assertEquals(Job.State.FAILED, queue.show(lost.id()).job().state());
    }

    @Test
    void aJobThatWasSealedBeforeItsAgentWasLostIsDone() {
        queue.close();
        lostAfter = Duration.ofSeconds(3);
        queue = open("first");
        Job job = ask("web", 0);
        poll("a1", 1);
        queue.desk().saw("a1", List.of(vm("a1", "web", "esx1", 1)));
        awaitState(job, Job.State.GIVEN);
        poll("a1", 1, runs(job));
        sealed.add(job.id());
        awaitState(job, Job.State.DONE);
        assertTrue(queue.list(Optional.of("web"), false, 9).isEmpty());
    }

    @Test
    void aQueueThatComesBackGoesOnAndALostOneIsToldByItsAgents() {
        Job runs = ask("runs", 0);
        Job waits = ask("waits", 0);
        poll("a1", 1);
        queue.desk().saw("a1", List.of(vm("a1", "runs", "esx1", 1), vm("a1", "waits", "esx1", 1)));
        awaitState(runs, Job.State.GIVEN);
        queue.close();
        queue = open("first");
        assertEquals(Job.State.QUEUED, queue.show(waits.id()).job().state());
        poll("a1", 1, ended(runs, 0));
        awaitState(runs, Job.State.DONE);
        awaitState(waits, Job.State.GIVEN);
        queue.close();
        queue = open("second");
        assertTrue(poll("a1", 1, runs(waits)).cancel().isEmpty());
        assertEquals(Job.State.RUNNING, queue.show(waits.id()).job().state());
        poll("a1", 1, ended(waits, 0));
        awaitState(waits, Job.State.DONE);
    }
}
