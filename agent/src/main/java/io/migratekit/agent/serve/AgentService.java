package io.migratekit.agent.serve;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.agent.migration.Owner;
import io.migratekit.nbd.Durations;
import io.migratekit.vmware.VCenterSpec;
import io.migratekit.vmware.VSphereException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * What does an agent do all day? It asks the hub what there is to do, starts what it is told to, says how that goes, and looks now and
 * then which VMs there are. A hub that cannot be reached is asked again; jobs go on meanwhile.
 */
public final class AgentService implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(AgentService.class.getName());
    /** A question waits so long at the hub for something to do. */
    private static final Duration AT_THE_HUB = Duration.ofSeconds(5);

    /** What a hub says again until it is done (cancel, look) is not asked for again at once; the end of a job is told at once. */
    private static final Duration NOT_AGAIN_WITHIN = Duration.ofSeconds(1);

    /** A loop that has not come round for so long hangs; a hub that is away does not stop it. */
    private static final Duration HANGS = Duration.ofMinutes(5);

    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

    private final Spec spec;
    private final HubClient hub;
    private final GivenJobs jobs;
    private final CountDownLatch end = new CountDownLatch(1);
    private final Semaphore calls = new Semaphore(0);
    private volatile Optional<AgentDoor> door = Optional.empty();
    private final Thread discovery;
    private volatile boolean discoveryWanted = true;
    /** Whether the hub has heard us as the agent of this name; before that it is told nothing of VMs, either. */
    private volatile boolean isKnown;

    private volatile String status = "begins";
    private volatile long turnedNanos = System.nanoTime();

    /**
     * What is an agent to be like?
     *
     * @param name by which hubs know it
     * @param slots how many jobs it takes at once
     * @param askEvery how often it asks; without it always, and the hub takes its time to answer
     * @param discoverEvery how often it looks which VMs there are
     * @param reachedAt at this port of its loopback the hub reaches the place where the agent listens
     * @param bytesPerSecond how fast each backup may be, 0 for no limit
     * @param jobWords say how each backup is to be made
     */
    public record Spec(
            String name,
            String version,
            int slots,
            Duration askEvery,
            Duration discoverEvery,
            OptionalInt reachedAt,
            long bytesPerSecond,
            VCenterSpec vcenter,
            JobStore store,
            List<String> jobWords) {
        public Spec {
            jobWords = List.copyOf(jobWords);
        }
    }

    /** One that begins at once to look which VMs there are; what it is asked to do begins with {@link #run}. */
    public AgentService(Spec spec, HubClient hub) throws IOException {
        this.spec = spec;
        this.hub = hub;
        this.jobs =
                new GivenJobs(spec.store(), GivenJobs.ourselves(), spec.jobWords(), spec.bytesPerSecond(), this::wake);
        discovery = Thread.ofPlatform().daemon().name("agent-discovery").start(this::discover);
    }

    /** What belongs to the agent that serves with a state directory; its lock keeps out another one. */
    public static StateFolder folder(JobStore store) {
        return new StateFolder(store.path().resolve("agent"));
    }

    /** Begins to listen where the agent itself can be asked. */
    public void listen(InetSocketAddress at) throws IOException {
        door = Optional.of(new AgentDoor(at, folder(spec.store()).path(), this));
    }

    /** Asks and does, until the thread is interrupted. */
    public void run() {
        Duration pause = FIRST_PAUSE;
        try {
            while (end.getCount() > 0) {
                turnedNanos = System.nanoTime();
                try {
                    rest(once());
                    pause = FIRST_PAUSE;
                } catch (HubException.Cancelled e) {
                    return;
                } catch (HubException e) {
                    status = "the hub is not reached: " + e.getMessage();
                    LOG.log(WARNING, () -> "agent=" + spec.name() + " " + e.getMessage() + "; asked again");
                    rest(pause);
                    pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Until so much time is over, somebody calls, a job has ended, or the end has come. */
    private void rest(Duration atMost) throws InterruptedException {
        var _ = calls.tryAcquire(atMost.toMillis(), TimeUnit.MILLISECONDS);
        calls.drainPermits();
    }

    /** Asks and does; how long there is nothing to be told. */
    private Duration once() {
        List<JsonObject> reports = jobs.all().stream().map(jobs::report).toList();
        JsonObject question = new JsonObject();
        question.addProperty("version", spec.version());
        question.addProperty("slots", spec.slots());
        question.addProperty("place", Owner.of(spec.store()));
        // What has ended is kept until the hub has answered, so that is not to take long.
        boolean hasEnded = reports.stream().anyMatch(report -> report.has("code"));
        question.addProperty(
                "waitSeconds", hasEnded || !isKnown || spec.askEvery().isPositive() ? 0 : AT_THE_HUB.toSeconds());
        door.filter(_ -> spec.reachedAt().isPresent())
                .ifPresent(open ->
                        question.add("reached", open.reached(spec.reachedAt().getAsInt())));
        question.add("jobs", GivenJobs.reports(reports));
        JsonObject orders = hub.poll(spec.name(), question);
        isKnown = true;
        reports.stream().map(GivenJobs::ended).flatMap(Optional::stream).forEach(jobs::forget);
        jobs.share(orders.has("bytesPerSecond") ? orders.get("bytesPerSecond").getAsLong() : 0);
        List<JsonElement> start = list(orders, "start");
        start.forEach(order -> start(GivenJob.of(order.getAsJsonObject())));
        List<JsonElement> cancel = list(orders, "cancel");
        for (JsonElement id : cancel) {
            if (jobs.stop(new JobId(id.getAsString()))) {
                LOG.log(INFO, () -> "job=" + id.getAsString() + " is cancelled");
            }
        }
        boolean discover = orders.get("discover").getAsBoolean();
        if (discover) {
            discoveryWanted = true;
        }
        long running = reports.stream().filter(report -> !report.has("code")).count();
        status = running + (running == 1 ? " job runs" : " jobs run");
        if (!start.isEmpty() || hasEnded) {
            return Duration.ZERO;
        }
        boolean isToldAgain = discover || !cancel.isEmpty();
        return isToldAgain && spec.askEvery().compareTo(NOT_AGAIN_WITHIN) < 0 ? NOT_AGAIN_WITHIN : spec.askEvery();
    }

    /** Asks the hub now. */
    void wake() {
        calls.release();
    }

    void wantDiscovery() {
        discoveryWanted = true;
    }

    /** What the process of a job says this moment. */
    Optional<JsonObject> live(JobId id) {
        return jobs.live(id);
    }

    /** What is to be known of it, as JSON. */
    JsonObject view() {
        JsonObject view = new JsonObject();
        view.addProperty("name", spec.name());
        view.addProperty("version", spec.version());
        view.addProperty("slots", spec.slots());
        view.addProperty("status", status);
        view.add("jobs", GivenJobs.reports(jobs.all().stream().map(jobs::report).toList()));
        return view;
    }

    private static List<JsonElement> list(JsonObject orders, String name) {
        return orders.get(name) instanceof JsonArray all ? all.asList() : List.of();
    }

    private void start(GivenJob job) {
        if (jobs.has(job.id())) {
            return;
        }
        try {
            LOG.log(INFO, () -> "job=" + job.id() + " vm=" + job.vmName() + " begins");
            jobs.start(job);
        } catch (IOException e) {
            LOG.log(WARNING, () -> "job=" + job.id() + " cannot be started: " + e.getMessage());
        }
    }

    /** What systemd and people may read: in one line. */
    public String status() {
        return status;
    }

    /** Whether it asks the hub again and again, whatever comes of it. */
    public boolean isAlive() {
        return System.nanoTime() - turnedNanos < HANGS.toNanos();
    }

    // ---- discovery

    private void discover() {
        long lastNanos = System.nanoTime();
        try {
            do {
                boolean isDue =
                        System.nanoTime() - lastNanos >= spec.discoverEvery().toNanos();
                if (isKnown && (discoveryWanted || isDue)) {
                    discoveryWanted = false;
                    lastNanos = System.nanoTime();
                    look();
                }
            } while (!end.await(1, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void look() throws InterruptedException {
        long begun = System.nanoTime();
        try {
            Discovery.Found found = Discovery.look(spec.vcenter(), hub, spec.name());
            LOG.log(
                    INFO,
                    () -> "agent=" + spec.name() + " sees " + found.vms() + " VMs of "
                            + spec.vcenter().endpoint()
                            + ", told after " + Durations.show(Duration.ofNanos(System.nanoTime() - begun))
                            + (found.failed() == 0 ? "" : "; " + found.failed() + " could not be looked at"));
        } catch (HubException.Cancelled | VSphereException.Cancelled e) {
            throw new InterruptedException();
        } catch (RuntimeException e) {
            LOG.log(
                    WARNING,
                    () -> "agent=" + spec.name() + " could not see which VMs there are: " + e.getMessage()
                            + "; tried again");
            discoveryWanted = !end.await(LONGEST_PAUSE.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    /** Jobs that run go on without us, and are found again. */
    @Override
    public void close() {
        end.countDown();
        wake();
        door.ifPresent(AgentDoor::close);
        discovery.interrupt();
        try {
            var _ = discovery.join(Duration.ofSeconds(5));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
