package io.migratekit.hub.control;

import com.google.gson.JsonObject;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** What do agents ask and say, and what is said to them? They come here; and where they can be, they are called. */
public final class AgentDesk implements AutoCloseable {
    /** So often it is looked whether there is something for an agent that waits, though nothing has changed here. */
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

    private final Queue queue;
    private final String hub;
    private final Database database;
    private final Queue.Backups backups;
    private final Bell bell;
    private final AgentCalls calls = new AgentCalls();
    private final Seats seats = new Seats(Agent.SILENCE);

    /** What an agent says of a job: that it runs, or with which code it has ended. */
    public record Report(
            String job,
            String vm,
            String vmName,
            @Nullable Integer code,
            @Nullable String said) {}

    /**
     * An agent asks for work.
     *
     * @param place names its host and its state directory, which it shares with no other
     */
    public record Question(
            String agent,
            String version,
            int slots,
            Optional<String> place,
            Optional<Agent.Reached> reached,
            List<Report> reports) {}

    /**
     * What an agent is to do.
     *
     * @param bytesPerSecond what its jobs may read, all of them together
     */
    public record Orders(List<Job> start, List<String> cancel, boolean discover, OptionalLong bytesPerSecond) {
        boolean isEmpty() {
            return start.isEmpty() && cancel.isEmpty() && !discover;
        }
    }

    AgentDesk(Queue queue, String hub, Database database, Queue.Backups backups, Bell bell) {
        this.queue = queue;
        this.hub = hub;
        this.database = database;
        this.backups = backups;
        this.bell = bell;
    }

    /**
     * Takes in what an agent says, and gives it what is to be done; if that is nothing, waits for something for a while.
     *
     * @param isGone whether the agent hears no more
     */
    public Orders poll(Question question, Duration atMost, BooleanSupplier isGone) throws InterruptedException {
        seats.heard(question.agent(), question.place());
        calls.asks(question.agent());
        try {
            return await(question, System.nanoTime() + atMost.toNanos(), isGone);
        } finally {
            calls.asksNoMore(question.agent());
        }
    }

    private Orders await(Question question, long end, BooleanSupplier isGone) throws InterruptedException {
        take(question);
        while (true) {
            long rung = bell.count();
            Orders orders = orders(question);
            if (!orders.isEmpty() || System.nanoTime() - end >= 0 || isGone.getAsBoolean() || queue.isGoingDown()) {
                return orders;
            }
            bell.await(rung, LOOK_EVERY);
        }
    }

    private void take(Question question) {
        List<Job> adopted = new ArrayList<>();
        boolean ended = database.alone(connection -> {
            adopted.clear();
            Instant now = Instant.now();
            Agents.heard(
                    connection, question.agent(), hub, question.version(), question.slots(), question.reached(), now);
            boolean any = false;
            for (Report report : question.reports()) {
                if (Jobs.find(connection, report.job()).isEmpty()) {
                    adopt(connection, question.agent(), report, now).ifPresent(adopted::add);
                }
                if (report.code() == null) {
                    Jobs.heard(connection, hub, question.agent(), report.job(), report.said(), now);
                } else {
                    Jobs.ended(connection, hub, question.agent(), report.job(), report.code(), report.said(), now);
                    any = true;
                }
            }
            return any;
        });
        adopted.forEach(queue::lookAfter);
        if (ended) {
            bell.ring();
        }
    }

    /** The database was lost, the job was not: it is remembered anew from what its agent says. */
    private Optional<Job> adopt(Connection connection, String agent, Report report, Instant now) throws SQLException {
        if (Jobs.live(connection, report.vm()).isPresent()) {
            return Optional.empty();
        }
        Job job = Job.asked(
                report.job(),
                hub,
                report.vm(),
                report.vmName(),
                0,
                false,
                "agent " + agent,
                now,
                now,
                Optional.empty());
        Jobs.add(connection, job);
        Jobs.give(connection, job, agent, Map.of("agent:" + agent, 1, "hub:" + hub, 1), now);
        return Optional.of(job);
    }

    private Orders orders(Question question) {
        Set<String> running = new HashSet<>();
        question.reports().forEach(report -> running.add(report.job()));
        return database.once(connection -> {
            List<Job> mine = Jobs.ofAgent(connection, hub, question.agent());
            List<Job> start = mine.stream()
                    .filter(job -> job.state() != Job.State.ENDED && !job.cancelled() && !running.contains(job.id()))
                    .toList();
            List<String> cancel = new ArrayList<>();
            for (Report report : question.reports()) {
                Optional<Job> job = mine.stream()
                        .filter(one -> one.id().equals(report.job()))
                        .findFirst();
                if (report.code() == null && (job.isEmpty() || job.get().cancelled())) {
                    cancel.add(report.job());
                }
            }
            // One that was cancelled before the agent had it.
            for (Job job : mine) {
                if (job.cancelled() && job.state() == Job.State.GIVEN && !running.contains(job.id())) {
                    Jobs.ended(
                            connection,
                            hub,
                            question.agent(),
                            job.id(),
                            130,
                            "cancelled before it began",
                            Instant.now());
                }
            }
            boolean discover = Agents.all(connection, hub).stream()
                    .anyMatch(agent -> agent.name().equals(question.agent()) && agent.discoveryWanted());
            return new Orders(
                    start, cancel, discover, Settings.limits(connection).rate(question.agent(), Instant.now()));
        });
    }

    /** All VMs that an agent sees now. */
    public void saw(String agent, List<Sighting> seen) {
        List<KeptVm> kept = backups.vms();
        Map<String, Long> capacities = new HashMap<>();
        kept.forEach(vm -> capacities.put(vm.vm(), vm.capacityBytes()));
        // Alone, so that nobody decides by what was seen before and takes it for the newest afterwards.
        database.alone(connection -> {
            Agents.saw(connection, agent, hub, seen, capacities, Instant.now());
            Places.claim(connection, hub, kept);
            queue.forgetSightings();
            return true;
        });
        bell.ring();
    }

    /** Those of this hub that have something to do, and do not ask for it just now, are called. */
    void callAgents() {
        List<Agent> due = database.once(connection -> {
            List<Agent> found = new ArrayList<>();
            for (Agent agent : Agents.all(connection, hub)) {
                if (calls.isDue(agent)
                        && (agent.discoveryWanted()
                                || Jobs.ofAgent(connection, hub, agent.name()).stream()
                                        .anyMatch(job -> job.cancelled() || job.state() == Job.State.GIVEN))) {
                    found.add(agent);
                }
            }
            return found;
        });
        due.forEach(agent -> Thread.ofVirtual().start(() -> calls.wake(agent)));
    }

    /** What an agent says of itself, asked this moment. */
    public JsonObject live(String agent) {
        return calls.ask(callable(agent), "/api/v1/agent");
    }

    /** What the process of a job says of itself, asked this moment. */
    public JsonObject liveJob(String id) {
        Job job = queue.find(id).orElseThrow(() -> new ControlException.NotFound("there is no job " + id));
        if (job.agent() == null || !(job.state() == Job.State.GIVEN || job.state() == Job.State.RUNNING)) {
            throw new ControlException.Conflict("job " + id + " is with no agent now");
        }
        return calls.ask(callable(job.agent()), "/api/v1/jobs/" + id);
    }

    private Agent callable(String name) {
        return agents().stream()
                .filter(agent -> agent.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new ControlException.NotFound("there is no agent " + name + " of this hub"));
    }

    public List<Agent> agents() {
        return database.once(connection -> Agents.all(connection, hub));
    }

    /** Asks an agent, or all of this hub, to look which VMs there are. */
    public void discover(Optional<String> agent) {
        int asked = database.once(connection -> Agents.wantDiscovery(connection, hub, agent.orElse("")));
        if (asked == 0) {
            throw new ControlException.NotFound(
                    agent.map(name -> "there is no agent " + name).orElse("no agent has asked this hub for work yet"));
        }
        bell.ring();
    }

    @Override
    public void close() {
        calls.close();
    }
}
