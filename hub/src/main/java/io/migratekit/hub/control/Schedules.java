package io.migratekit.hub.control;

import static java.lang.System.Logger.Level.INFO;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Which schedules does a hub have, and what happens when the time of one has come? */
public final class Schedules {
    private static final System.Logger LOG = System.getLogger(Schedules.class.getName());

    private final Queue queue;
    private final String hub;
    private final Database database;

    Schedules(Queue queue, String hub, Database database) {
        this.queue = queue;
        this.hub = hub;
        this.database = database;
    }

    public List<Schedule> all() {
        return database.once(connection -> Schedule.all(connection, hub));
    }

    Optional<Schedule> find(String name) {
        return all().stream().filter(one -> one.name().equals(name)).findFirst();
    }

    /** Sets one, or changes the one of this name. */
    public Schedule set(Schedule wanted) {
        Schedule schedule = wanted.of(hub);
        database.alone(connection -> {
            schedule.write(connection);
            return true;
        });
        plan(schedule, schedule.next(Instant.now()).orElseThrow());
        return schedule;
    }

    /** Its next time is this. */
    void plan(Schedule schedule, Instant next) {
        queue.plan(schedule.name(), next, true);
    }

    public void unset(String name) {
        Schedule schedule = find(name).orElseThrow(() -> new ControlException.NotFound("there is no schedule " + name));
        database.alone(connection -> {
            schedule.remove(connection);
            return true;
        });
        // Its execution finds nothing when its time comes, and goes.
    }

    /** Its time has come: a job for each VM that it is for, and has none. What died halfway goes on where it was. */
    void carryOut(Schedule schedule) {
        Instant now = Instant.now();
        Instant since = schedule.last(now).orElse(now);
        Set<String> asked = database.once(connection -> Jobs.asked(connection, hub, schedule.asker(), since));
        int jobs = asked.size();
        for (Sighting vm : database.once(connection -> Agents.sightings(connection, hub))) {
            if (schedule.isFor(vm) && asked.add(vm.vm())) {
                Queue.Wish wish = new Queue.Wish(
                        Optional.empty(),
                        vm.vm(),
                        vm.name(),
                        schedule.priority(),
                        false,
                        schedule.asker(),
                        schedule.begin(vm.vm(), now),
                        schedule.window());
                jobs += queue.ask(wish).created() ? 1 : 0;
            }
        }
        int created = jobs;
        database.once(connection -> {
            schedule.came(connection, now, created);
            return true;
        });
        LOG.log(INFO, () -> "schedule=" + schedule.name() + " asked for " + created + " jobs");
    }

    /** One whose hub died before it was planned is planned now. */
    void planAll() {
        for (Schedule schedule : all()) {
            schedule.next(Instant.now()).ifPresent(next -> queue.plan(schedule.name(), next, false));
        }
    }
}
