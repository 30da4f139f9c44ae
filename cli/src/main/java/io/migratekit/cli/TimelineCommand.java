package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.tunnel.TunnelException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What happened to a job, step by step, and where does it stand? */
@Command(
        name = "timeline",
        description = {
            "Show what happened to a job at the agent and at the hub, side by side in the order of time, and which step is awaited.",
            "",
            "The agent's side is read from the state directory, so this works for a job that hangs or is dead. The hub's side is"
                    + " there with --hub or [hub] of the configuration; a hub that cannot be asked is said, and the rest is shown. Each"
                    + " side's times are of its own clock."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class TimelineCommand implements Callable<Integer> {
    private final Console console;

    @Option(names = "--job-id", paramLabel = "ID", description = "The job (default: the only one that runs).")
    private @Nullable String jobId;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "5s",
            converter = Times.class,
            description = "Longest silence of the hub (default: ${DEFAULT-VALUE}).")
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private Duration timeout;

    @Option(
            names = {"-v", "--verbose", "--debug"},
            description = "Tell on stderr what is being waited for; print stack traces.")
    private boolean verbose;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private StateOptions state;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubOptions hub;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private RoadOptions road;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ConfigOptions config;

    TimelineCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (verbose) {
            console.beVerbose();
        }
        JobStore store = state.store();
        JobId id = jobId == null ? JobFinder.find(store, null).id() : new JobId(jobId);
        Timeline timeline = new Timeline();
        timeline.agent(store, id);
        hub.fillFrom(config.find(), road);
        if (hub.given()) {
            askHub(timeline, id);
        }
        if (timeline.isEmpty()) {
            throw new CommandFailed(
                    ExitCode.USAGE,
                    hub.given()
                            ? "neither the state directory " + store.path() + " nor the hub knows a job " + id
                                    + "; `migratekit status` and `migratekit hub jobs --ended` list those there are"
                            : "the state directory " + store.path() + " knows no job " + id
                                    + "; `migratekit status` lists those there are");
        }
        if (json) {
            console.out().println(document(id, timeline));
        } else {
            print(timeline);
        }
        return ExitCode.DONE.code();
    }

    private void askHub(Timeline timeline, JobId id) {
        try (Way way = road.open(console, timeout, timeout);
                HubClient client = hub.client(way, timeout, Duration.ZERO, new HubWords(console))) {
            client.job(id.text()).ifPresent(timeline::queue);
            client.backup(id.text()).ifPresent(timeline::backup);
        } catch (HubException.Cancelled | TunnelException.Cancelled e) {
            throw e;
        } catch (HubException | TunnelException e) {
            console.say("the hub's side is missing: " + e.getMessage());
        }
    }

    private static JsonObject document(JobId id, Timeline timeline) {
        JsonObject document = new JsonObject();
        document.addProperty("job", id.text());
        document.add("steps", array(timeline.steps()));
        document.add("standsHere", array(timeline.standsHere()));
        return document;
    }

    private static JsonArray array(List<Timeline.Step> steps) {
        JsonArray array = new JsonArray();
        for (Timeline.Step step : steps) {
            JsonObject one = new JsonObject();
            one.addProperty("time", step.time().toString());
            one.addProperty("where", step.where());
            one.addProperty("what", step.what());
            array.add(one);
        }
        return array;
    }

    private void print(Timeline timeline) {
        List<Timeline.Step> steps = timeline.steps();
        Instant first = steps.getFirst().time();
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("TIME", "AFTER", "WHERE", "WHAT"));
        // Not before it is needed: time zones are read from a file, and every command line makes all commands.
        DateTimeFormatter clock =
                DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSS").withZone(ZoneId.systemDefault());
        steps.forEach(step -> rows.add(row(clock, first, step, "")));
        timeline.standsHere().forEach(step -> rows.add(row(clock, first, step, "stands here: ")));
        Columns.print(console.out(), rows);
    }

    private static List<String> row(DateTimeFormatter clock, Instant first, Timeline.Step step, String before) {
        return List.of(
                clock.format(step.time()),
                Timeline.after(first, step.time()),
                step.where(),
                before + Printable.of(step.what()));
    }
}
