package io.migratekit.hub.control;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.SchedulerName;
import com.github.kagkarlsson.scheduler.task.TaskDescriptor;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Which jobs are there, and which begins? One at a time for each VM; those under way are executions of db-scheduler. Agents ask
 * for theirs at the desk, and tell there how they ended. Several hubs may share one database, and with it what is limited; each looks after
 * its own jobs, which nobody else can, since they are about its repository.
 */
public final class Queue implements AutoCloseable {
    /** An agent that was not heard for so long loses its jobs, unless something else is said. */
    public static final Duration LOST_AFTER = Duration.ofMinutes(10);

    private static final System.Logger LOG = System.getLogger(Queue.class.getName());
    private static final Duration POLL = Duration.ofSeconds(1);
    private static final Duration BEAT = Duration.ofSeconds(5);
    private static final int MISSED_BEATS = 4;
    /** So many jobs are watched at once by one hub; each is a virtual thread that sleeps most of the time. */
    private static final int THREADS = 500;
    /** So often a hub looks whether something may begin, though nothing has changed here: another one may have made room. */
    private static final Duration LOOK_EVERY = Duration.ofSeconds(2);

    private static final Duration WAKE_EVERY = Duration.ofMillis(250);
    private static final Duration REPAIR_EVERY = Duration.ofSeconds(30);
    private static final Duration REMEMBER = Duration.ofDays(60);
    private static final DateTimeFormatter STAMP =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);
    private static final int LONGEST_NAME = 40;
    /** What another hub has of a database that shares no task with us is not ours to clear away. */
    private static final Duration NEVER = Duration.ofDays(36_500);

    private final String hub;
    private final Database database;
    private final Backups backups;
    private final Duration lostAfter;
    private final TaskDescriptor<Void> jobTask;
    private final TaskDescriptor<Void> scheduleTask;
    private final Bell bell = new Bell();
    private final AgentDesk desk;
    private final Schedules schedules;
    private final ExecutorService workers = Executors.newVirtualThreadPerTaskExecutor();
    private final Scheduler scheduler;
    private final CountDownLatch end = new CountDownLatch(1);
    private final Thread waker;
    /** What agents of this hub see, as long as it is that; nobody else writes it. */
    private volatile @Nullable List<Sighting> sightings;

    private long lookedAfterNanos = System.nanoTime() - REPAIR_EVERY.toNanos();

    /** What the queue has to know of backups, and may do with them. */
    public interface Backups {
        /** Whether there is a restore point of this id. */
        boolean isSealed(String id);

        /** What was begun under this id is thrown away. */
        void abandon(String id);

        /** Nobody goes on with it by himself: it stays, but another backup of the VM may take its place at once. */
        void letGo(String id);

        /** What is free on the repository's file system. */
        long freeBytes();

        /** The VMs that the repository knows. */
        List<KeptVm> vms();
    }

    /**
     * Who wants what backed up?
     *
     * @param id of the backup; without it one is made of the VM's name and the time
     * @param priority higher ones begin first
     * @param whole whether everything is to be copied
     */
    public record Wish(
            Optional<String> id,
            String vm,
            String vmName,
            int priority,
            boolean whole,
            String askedBy,
            Instant notBefore,
            Optional<Window> window) {}

    /** What became of a wish. */
    public record Asked(Job job, boolean created) {}

    /** A job, and what it waits for if it waits. */
    public record Seen(Job job, @Nullable String waitsFor) {}

    /** Begins to look after jobs. Closes the database in the end. */
    Queue(String hub, Database database, Backups backups, Duration lostAfter) {
        this.hub = hub;
        this.database = database;
        this.backups = backups;
        this.lostAfter = lostAfter;
        desk = new AgentDesk(this, hub, database, backups, bell);
        schedules = new Schedules(this, hub, database);
        jobTask = JobTask.of(hub);
        scheduleTask = ScheduleTask.of(hub);
        scheduler = Scheduler.create(
                        database.source(), new JobTask(this, lostAfter).task(), new ScheduleTask(this).task())
                .schedulerName(new SchedulerName.Fixed(
                        hub + "-" + ProcessHandle.current().pid()))
                .executorService(workers)
                .threads(THREADS)
                .pollingInterval(POLL)
                .heartbeatInterval(BEAT)
                .missedHeartbeatsLimit(MISSED_BEATS)
                .shutdownMaxWait(Duration.ofSeconds(5))
                .deleteUnresolvedAfter(NEVER)
                .enablePriority()
                .build();
        long free = backups.freeBytes();
        List<KeptVm> kept = backups.vms();
        database.alone(connection -> {
            Places.heard(connection, hub, free, Instant.now());
            Places.claim(connection, hub, kept);
            return true;
        });
        release();
        scheduler.start();
        waker = Thread.ofPlatform().daemon().name("job-waker").start(this::wake);
    }

    /** What the process before us had in its hands when it died is free at once: it is the only one of this hub. */
    private void release() {
        database.once(connection -> {
            Jobs.run(
                    connection,
                    "update scheduled_tasks set picked = ?, picked_by = null, version = version + 1"
                            + " where picked = ? and task_name in (?, ?)",
                    false,
                    true,
                    jobTask.getTaskName(),
                    scheduleTask.getTaskName());
            return true;
        });
    }

    Bell bell() {
        return bell;
    }

    /** Where agents come. */
    public AgentDesk desk() {
        return desk;
    }

    public Schedules schedules() {
        return schedules;
    }

    boolean isGoingDown() {
        return end.getCount() == 0;
    }

    /** From now on it is seen to that something becomes of it. */
    void lookAfter(Job job) {
        schedule(job, Instant.now());
    }

    /** Its next time is this; if it has one already, only if that is to be changed. */
    void plan(String schedule, Instant next, boolean isChange) {
        var instance = scheduleTask.instance(schedule).build();
        if (!scheduler.scheduleIfNotExists(instance, next) && isChange) {
            scheduler.reschedule(instance, next);
        }
    }

    /** Agents see something else now. */
    void forgetSightings() {
        sightings = null;
    }

    TaskDescriptor<Void> jobTask() {
        return jobTask;
    }

    TaskDescriptor<Void> scheduleTask() {
        return scheduleTask;
    }

    // ---- who asks for jobs

    /** Queues a job; if there is one of the VM, which was not begun or is not done, it is that one. */
    public Asked ask(Wish wish) {
        Asked asked = database.alone(connection -> {
            Optional<Job> live = Jobs.live(connection, wish.vm());
            return live.isPresent() ? new Asked(live.get(), false) : new Asked(add(connection, wish), true);
        });
        bell.ring();
        return asked;
    }

    private Job add(Connection connection, Wish wish) throws SQLException {
        return add(connection, wish, Places.of(connection, wish.vm(), hub, Instant.now()));
    }

    private Job add(Connection connection, Wish wish, String place) throws SQLException {
        String id = wish.id().orElseGet(() -> name(wish.vmName()));
        // Whether there is a backup of a name that somebody chose is looked for among those of all VMs.
        if (wish.id().isPresent() && (Jobs.find(connection, id).isPresent() || backups.isSealed(id))) {
            throw new ControlException.Conflict("there is a job or a backup " + id + " already; choose another id");
        }
        // VMs of one name are asked for in the same second, by a schedule.
        for (int i = 2; Jobs.find(connection, id).isPresent(); i++) {
            id = name(wish.vmName()) + "-" + i;
        }
        Instant now = Instant.now();
        Job job = Job.asked(
                id,
                place,
                wish.vm(),
                wish.vmName(),
                wish.priority(),
                wish.whole(),
                wish.askedBy(),
                now,
                wish.notBefore().isAfter(now) ? wish.notBefore() : now,
                wish.window());
        Jobs.add(connection, job);
        return job;
    }

    private void schedule(Job job, Instant when) {
        scheduler.scheduleIfNotExists(
                jobTask.instance(job.id()).priority(job.priority()).build(), when);
    }

    private static String name(String vmName) {
        String fit = vmName.replaceAll("[^A-Za-z0-9._-]+", "-").replaceAll("^[.-]+", "");
        String begin = fit.isEmpty() ? "vm" : fit.substring(0, Math.min(fit.length(), LONGEST_NAME));
        return begin + "-" + STAMP.format(Instant.now());
    }

    Optional<Job> find(String id) {
        return database.once(connection -> Jobs.find(connection, id));
    }

    public Seen show(String id) {
        return database.atOneMoment(connection -> {
            Job job =
                    Jobs.find(connection, id).orElseThrow(() -> new ControlException.NotFound("there is no job " + id));
            return seen(connection, List.of(job), job.hub()).getFirst();
        });
    }

    /** Whether nobody may go on with what was begun under this id, since its job was cancelled or its agent was lost. */
    public boolean isGivenUp(String id) {
        return find(id).filter(Job::isGivenUp).isPresent();
    }

    /** Those of this hub for which something is to be done, and if wanted those that ended. */
    public List<Seen> list(Optional<String> vm, boolean ended, int most) {
        return database.atOneMoment(connection -> seen(connection, Jobs.all(connection, hub, vm, ended, most), hub));
    }

    private List<Seen> seen(Connection connection, List<Job> jobs, String its) throws SQLException {
        if (jobs.stream().noneMatch(job -> job.state() == Job.State.QUEUED)) {
            return jobs.stream().map(job -> new Seen(job, null)).toList();
        }
        List<Sighting> seen = jobs.size() == 1
                ? Agents.sightings(connection, its, jobs.getFirst().vm())
                : Agents.sightings(connection, its);
        Admission admission = admission(connection, its, seen);
        return jobs.stream().map(job -> new Seen(job, waitsFor(job, admission))).toList();
    }

    private static @Nullable String waitsFor(Job job, Admission admission) {
        if (job.state() != Job.State.QUEUED) {
            return null;
        }
        if (job.notBefore().isAfter(Instant.now())) {
            return job.attempt() == 0
                    ? "its time, " + job.notBefore()
                    : "the next attempt, at " + job.notBefore() + ": the last one ended with code " + job.code()
                            + (job.said() == null ? "" : ": " + job.said());
        }
        return switch (admission.ask(job)) {
            case Admission.Answer.Wait(String why) -> why;
            case Admission.Answer.Begin _ -> "its turn";
        };
    }

    /** One that waits is gone at once; one that runs is ended by its agent, and what it has written is thrown away. */
    public Job cancel(String id) {
        Job job = database.alone(connection -> {
            Job found =
                    Jobs.find(connection, id).orElseThrow(() -> new ControlException.NotFound("there is no job " + id));
            if (!found.state().isLive()) {
                throw new ControlException.Conflict("job " + id + " has ended already");
            }
            Jobs.cancel(connection, id);
            return found;
        });
        bell.ring();
        return find(id).orElse(job);
    }

    // ---- what an execution does

    private Admission admission(Connection connection, String its, List<Sighting> seen) throws SQLException {
        Instant now = Instant.now();
        return new Admission(
                its,
                Settings.limits(connection),
                Agents.all(connection, its),
                seen,
                Jobs.takingUp(connection, its, now.minus(lostAfter)),
                now);
    }

    /**
     * Gives jobs to agents for as long as nothing forbids, each in its turn: none takes what one before it could have. Nobody else
     * decides meanwhile, so no limit is ever exceeded.
     */
    private List<Job> begin() {
        return database.alone(connection -> {
            List<Job> begun = new ArrayList<>();
            List<Sighting> seen = sightings == null ? Agents.sightings(connection, hub) : sightings;
            sightings = seen;
            Admission admission = admission(connection, hub, seen);
            Instant now = Instant.now();
            if (admission.isFull(hub)) {
                return begun;
            }
            for (Job job : Jobs.waiting(connection, hub, now)) {
                if (admission.ask(job) instanceof Admission.Answer.Begin(String agent, Map<String, Integer> uses)) {
                    admission.take(job.vmName(), uses);
                    Jobs.give(connection, job, agent, uses, now);
                    begun.add(job);
                }
                if (admission.isFull(hub)) {
                    break;
                }
            }
            return begun;
        });
    }

    void putBack(Job job, Instant notBefore, @Nullable String said) {
        database.once(connection -> {
            Jobs.putBack(connection, job.id(), notBefore, said);
            return true;
        });
        bell.ring();
    }

    void finish(Job job, Job.State state) {
        if (state == Job.State.CANCELLED) {
            backups.abandon(job.id());
        } else if (state == Job.State.FAILED) {
            backups.letGo(job.id());
        }
        database.once(connection -> {
            Jobs.finish(connection, job.id(), state, Instant.now());
            if (state == Job.State.DONE) {
                Places.filled(connection, job.vm());
            }
            return true;
        });
        LOG.log(INFO, () -> "job=" + job.id() + " vm=" + job.vm() + " " + state);
        bell.ring();
    }

    /**
     * Whoever has it may be gone, or cannot say what it does. It must not be written on by two, so from now on nobody may; what was
     * begun is thrown away, and then a new job takes its place. Whatever is left undone of this is done by the next call.
     *
     * @return false if it was heard of meanwhile
     */
    boolean lost(Job job, String why) {
        boolean isNobodys = job.isGivenUp()
                || database.once(connection -> Jobs.giveUp(connection, job, why + "; another job takes its place"));
        if (!isNobodys) {
            return false;
        }
        if (!backups.isSealed(job.id())) {
            backups.abandon(job.id());
        }
        if (backups.isSealed(job.id())) {
            finish(job, Job.State.DONE);
            return true;
        }
        Job next = database.alone(connection -> {
            Jobs.finish(connection, job.id(), Job.State.FAILED, Instant.now());
            return add(
                    connection,
                    new Wish(
                            Optional.empty(),
                            job.vm(),
                            job.vmName(),
                            job.priority(),
                            job.whole(),
                            job.askedBy(),
                            Instant.now(),
                            job.window()));
        });
        LOG.log(WARNING, () -> "job=" + job.id() + " is given up, job=" + next.id() + " takes its place: " + why);
        bell.ring();
        return true;
    }

    // ---- places

    /** The hubs that share this queue. */
    public List<Place> places() {
        return database.once(Places::all);
    }

    /** Where the restore points of a VM are kept, and its next one goes. */
    public Optional<String> placeOf(String vm) {
        return database.once(connection -> Places.home(connection, vm));
    }

    /** From now on a VM's restore points go to this hub, which should have a copy of the last one. */
    public void move(String vm, String to) {
        database.alone(connection -> {
            if (Places.all(connection).stream().noneMatch(place -> place.hub().equals(to))) {
                throw new ControlException.NotFound("no hub " + to + " shares the queue of this one");
            }
            if (Jobs.live(connection, vm).isPresent()) {
                throw new ControlException.Conflict("a job of the VM is not done yet; move it then, or cancel that");
            }
            Places.settle(connection, vm, to, 0);
            return true;
        });
    }

    /** The VM of this id, or of this name if only one has it, that an agent of any hub has seen. */
    public Optional<Sighting> sighted(String idOrName) {
        Map<String, Sighting> found = new TreeMap<>();
        database.once(connection -> Agents.sighted(connection, idOrName)).forEach(one -> found.put(one.vm(), one));
        Sighting byId = found.get(idOrName);
        return byId != null || found.size() != 1
                ? Optional.ofNullable(byId)
                : Optional.of(found.values().iterator().next());
    }

    // ---- limits

    public Limits limits() {
        return database.once(Settings::limits);
    }

    public void limit(Limits limits) {
        database.alone(connection -> {
            Settings.limit(connection, limits);
            return true;
        });
        bell.ring();
    }

    // ---- who is woken

    /** Whenever something has changed, those that may begin now do. */
    private void wake() {
        long rung = -1;
        try {
            while (!end.await(WAKE_EVERY.toMillis(), TimeUnit.MILLISECONDS)) {
                bell.await(rung, LOOK_EVERY);
                rung = bell.count();
                look();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void look() {
        try {
            if (System.nanoTime() - lookedAfterNanos > REPAIR_EVERY.toNanos()) {
                repair();
                lookedAfterNanos = System.nanoTime();
            }
            database.once(connection -> Jobs.cancelledWaiting(connection, hub)).forEach(this::lookAfter);
            desk.callAgents();
            List<Job> begun = begin();
            if (!begun.isEmpty()) {
                // If this process dies just here, the next one finds them.
                begun.forEach(this::lookAfter);
                scheduler.triggerCheckForDueExecutions();
                bell.ring();
            }
        } catch (RuntimeException e) {
            LOG.log(WARNING, () -> "jobs that might begin are not looked for: " + e.getMessage());
        }
    }

    /** Whoever died between writing something down and scheduling it has left what nobody executes. */
    private void repair() {
        long free = backups.freeBytes();
        List<Job> underWay = database.once(connection -> {
            Places.heard(connection, hub, free, Instant.now());
            Jobs.forget(connection, Instant.now().minus(REMEMBER));
            return Jobs.underWay(connection, hub);
        });
        underWay.forEach(this::lookAfter);
        schedules.planAll();
    }

    /** Who waits for something to do is answered now. */
    public void goingDown() {
        end.countDown();
        bell.ring();
    }

    @Override
    public void close() {
        goingDown();
        scheduler.stop();
        workers.shutdownNow();
        try {
            var _ = waker.join(BEAT);
            var _ = workers.awaitTermination(BEAT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        desk.close();
        database.close();
    }
}
