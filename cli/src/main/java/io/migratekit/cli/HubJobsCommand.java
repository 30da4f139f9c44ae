package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.hub.api.Answers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What is queued at a hub, what runs, and what does each wait for? */
@Command(
        name = "jobs",
        description = "List the backups that were asked for at the hub and are not done, or those that are named.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubJobsCommand implements Callable<Integer> {
    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Parameters(arity = "0..*", paramLabel = "JOB", description = "Only these, whether they are done or not.")
    private List<String> ids = new ArrayList<>();

    @Option(names = "--ended", description = "Those that ended, too.")
    private boolean ended;

    @Option(names = "--why", description = "Say of each what it waits for, or how it ended.")
    private boolean why;

    @Option(
            names = "--live",
            description =
                    "Ask the process of each that is named, through its agent, what it does this moment. The agent has"
                            + " to be reached by the hub: `agent serve --reached-at`.")
    private boolean live;

    @Option(
            names = "--cancel",
            description =
                    "Cancel those that are named: they do not begin, or are ended and what they have written is thrown away.")
    private boolean cancel;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubViewOptions hub;

    HubJobsCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (cancel && ids.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "--cancel wants the ids of jobs");
        }
        if (cancel && live) {
            throw new ParameterException(spec.commandLine(), "--cancel and --live do not go together");
        }
        if (live) {
            return live();
        }
        List<JsonObject> jobs = hub.ask(console, view -> jobs(hub.requireHub(view)));
        if (hub.json()) {
            console.out().println(Answers.list("jobs", jobs));
            return ExitCode.DONE.code();
        }
        if (why) {
            jobs.forEach(job -> console.out().println(HubJobs.line(job)));
        } else {
            HubJobs.print(console.out(), jobs);
        }
        return ExitCode.DONE.code();
    }

    private int live() {
        if (ids.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "--live wants the ids of jobs");
        }
        List<JsonObject> jobs = hub.ask(
                console, view -> ids.stream().map(hub.requireHub(view)::liveJob).toList());
        if (hub.json()) {
            console.out().println(Answers.list("jobs", jobs));
        } else {
            jobs.forEach(job -> console.out()
                    .print(
                            job.has("why")
                                    ? Printable.lines(HubText.text(job, "why"))
                                    : HubText.text(job, "job") + ": "
                                            + (job.get("running").getAsBoolean()
                                                    ? "its process says nothing: it has just begun, or it is frozen\n"
                                                    : "it has ended\n")));
        }
        return ExitCode.DONE.code();
    }

    private List<JsonObject> jobs(HubClient client) {
        if (ids.isEmpty()) {
            return client.jobs(ended);
        }
        List<JsonObject> jobs = new ArrayList<>();
        for (String id : ids) {
            jobs.add(
                    cancel
                            ? client.cancel(id)
                            : client.job(id)
                                    .orElseThrow(() -> new CommandFailed(
                                            ExitCode.USAGE,
                                            "there is no job " + id + "; `migratekit hub jobs --ended` lists them")));
        }
        return jobs;
    }
}
