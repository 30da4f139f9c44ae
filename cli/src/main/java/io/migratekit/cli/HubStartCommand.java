package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.hub.api.Answers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** How does somebody at the hub have a VM backed up? */
@Command(
        name = "start",
        description = {
            "Have VMs backed up, by an agent that sees them: `migratekit agent serve`.",
            "",
            "One that is queued or runs already is not queued again. `hub jobs` tells how far each is and what it waits for."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class HubStartCommand implements Callable<Integer> {
    private static final Duration LOOK_EVERY = Duration.ofSeconds(2);

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Parameters(arity = "1..*", paramLabel = "VM", description = "By its id or name, as `hub vms` shows them.")
    @SuppressWarnings("NullAway.Init")
    private List<String> vms;

    @Option(
            names = "--id",
            paramLabel = "ID",
            description = "What the backup is called (default: the VM's name and the time).")
    private @Nullable String id;

    @Option(
            names = "--priority",
            paramLabel = "N",
            defaultValue = "0",
            description = "Higher ones begin first, -100 to 100 (default: ${DEFAULT-VALUE}).")
    private int priority;

    @Option(names = "--full", description = "Copy everything, whatever is known of changes.")
    private boolean full;

    @Option(names = "--wait", description = "Come back when all have ended; 1 if one of them failed.")
    private boolean wait;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private HubViewOptions hub;

    HubStartCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (id != null && vms.size() > 1) {
            throw new ParameterException(spec.commandLine(), "--id is for one VM");
        }
        return hub.ask(console, view -> start(view, hub.requireHub(view)));
    }

    private int start(HubView view, HubClient client) {
        Map<String, JsonObject> jobs = new TreeMap<>();
        for (String vm : vms) {
            JsonObject wish = new JsonObject();
            wish.addProperty("vm", HubViewOptions.vm(view, vm));
            Optional.ofNullable(id).ifPresent(given -> wish.addProperty("id", given));
            wish.addProperty("priority", priority);
            wish.addProperty("whole", full);
            JsonObject job = client.wish(wish);
            jobs.put(HubText.text(job, "id"), job);
        }
        boolean isGood = !wait || awaitAll(client, jobs);
        if (hub.json()) {
            console.out().println(Answers.list("jobs", List.copyOf(jobs.values())));
        } else {
            HubJobs.print(console.out(), List.copyOf(jobs.values()));
        }
        return (isGood ? ExitCode.DONE : ExitCode.FAILED).code();
    }

    private boolean awaitAll(HubClient client, Map<String, JsonObject> jobs) {
        try {
            while (jobs.values().stream().anyMatch(HubJobs::isLive)) {
                TimeUnit.MILLISECONDS.sleep(LOOK_EVERY.toMillis());
                jobs.replaceAll((id, job) -> HubJobs.isLive(job) ? next(client, id, job) : job);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailed(ExitCode.INTERRUPTED, "not waited for any longer; the jobs go on");
        }
        return jobs.values().stream().allMatch(job -> HubText.text(job, "state").equals("done"));
    }

    private JsonObject next(HubClient client, String id, JsonObject before) {
        JsonObject job = client.job(id)
                .orElseThrow(() -> new CommandFailed(ExitCode.FAILED, "the hub does not know job " + id + " any more"));
        String line = HubJobs.line(job);
        if (!line.equals(HubJobs.line(before))) {
            console.say(line);
        }
        return job;
    }
}
