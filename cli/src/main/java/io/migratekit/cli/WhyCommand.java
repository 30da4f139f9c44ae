package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.JobView;
import io.migratekit.agent.job.Runner;
import io.migratekit.nbd.Durations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What does a job wait for right now? Asks its process; that it does not answer is an answer, too. */
@Command(
        name = "why",
        description = {
            "Ask a running job what it waits for right now, and since when: one screen.",
            "",
            "If its process does not answer, that is said, with what it published last. Of a job that is not running"
                    + " anymore it is shown how it ended, and, if it was stuck, what it waited for last. The same comes on stderr of the process at kill -USR1."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class WhyCommand implements Callable<Integer> {
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private final Console console;

    @Option(names = "--job-id", paramLabel = "ID", description = "The job (default: the only one that runs).")
    private @Nullable String jobId;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private StateOptions state;

    WhyCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        JobStore store = state.store();
        JobView job = JobFinder.find(store, jobId);
        JobId id = job.id();
        long begun = System.nanoTime();
        Optional<String> answer = job.live() ? store.askWhy(id, PATIENCE) : Optional.empty();
        Duration waited = Duration.ofNanos(System.nanoTime() - begun);
        // It may have ended while it was asked.
        JobView now = answer.isPresent() ? job : JobFinder.find(store, id.text());
        boolean silent = answer.isEmpty() && now.live();
        String words = answer.orElseGet(() -> silent ? silence(now, store, waited) : past(now, store));
        if (json) {
            print(now, answer.isPresent(), words);
        } else {
            words.lines().map(Printable::of).forEach(console.out()::println);
        }
        return silent ? ExitCode.STALLED.code() : ExitCode.DONE.code();
    }

    private void print(JobView job, boolean answered, String words) {
        JsonObject document = new JsonObject();
        document.addProperty("job", job.id().text());
        document.addProperty("live", job.live());
        document.addProperty("answered", answered);
        document.addProperty("text", words);
        console.out().println(document);
    }

    /** The process lives, for it holds the job's lock, but it does not answer. */
    private static String silence(JobView job, JobStore store, Duration waited) {
        Optional<String> status = store.status(job.id());
        JobText text = new JobText(job, status, Instant.now());
        String since = text.silence()
                .map(silence -> " and has published nothing for " + Durations.show(silence))
                .orElse("");
        return "job " + job.id() + ": its process has not answered for " + Durations.show(waited) + since + ".\n"
                + job.runner().map(WhyCommand::look).orElse("")
                + "What it published last:\n\n" + text.full();
    }

    /** Of a job that says why it ended, that is the answer; what it waited for matters if that is why, or if it could not say. */
    static String past(JobView job, JobStore store) {
        boolean matters = switch (job.state()) {
            case JobState.Running _ -> true;
            case JobState.Failed failed -> failed.exitCode() == ExitCode.STALLED.code();
            case JobState.Interrupted _, JobState.Finished _ -> false;
        };
        String last = store.lastWhy(job.id())
                .filter(_ -> matters)
                .map(words -> "\nWhat it answered, or said at its end, when it ran:\n\n" + words)
                .orElse("");
        return new JobText(job, store.status(job.id()), Instant.now()).full() + last;
    }

    /** What the kernel says of the process. Only its state: its command line and environment are nobody's business. */
    private static String look(Runner runner) {
        String state = "";
        try {
            for (String line : Files.readAllLines(Path.of("/proc", Long.toString(runner.pid()), "status"))) {
                if (line.startsWith("State:")) {
                    state = line.substring("State:".length()).strip();
                }
            }
        } catch (IOException e) {
            return "Process " + runner.pid() + " cannot be seen from here: it may run in another container.\n";
        }
        String meaning = switch (state.isEmpty() ? ' ' : state.charAt(0)) {
            case 'T', 't' -> ": somebody stopped it; `kill -CONT " + runner.pid() + "` lets it go on";
            case 'D' -> ": it waits for a disk of this machine, most likely that of the state directory";
            default -> "";
        };
        return "Process " + runner.pid() + " is in the state " + state + meaning + ".\n";
    }
}
