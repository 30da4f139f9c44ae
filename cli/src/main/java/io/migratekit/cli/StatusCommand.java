package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.agent.job.JobEntry;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.JobStore;
import io.migratekit.agent.job.JobView;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How does a job stand, seen from another terminal, alive or dead? */
@Command(
        name = "status",
        description = {
            "Show how a job stands: one that is running, or how the last run ended.",
            "",
            "Without --job-id all jobs are listed. Nothing is asked of the job's process, so this works for one that"
                    + " hangs, too; `migratekit why` asks it."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class StatusCommand implements Callable<Integer> {
    private static final long WATCH_MILLIS = 1000;
    /** To the first column of the first line, and everything below is cleared. */
    private static final String CLEAR_SCREEN = "\u001b[H\u001b[J";

    private final Console console;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec spec;

    @Option(names = "--job-id", paramLabel = "ID", description = "The job.")
    private @Nullable String jobId;

    @Option(names = "--json", description = "Print JSON instead of text; with --watch, a line each second.")
    private boolean json;

    @Option(names = "--watch", description = "Show it again each second until the job's process ends.")
    private boolean watch;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private StateOptions state;

    StatusCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        JobStore store = state.store();
        if (jobId == null && !watch) {
            list(store);
            return ExitCode.DONE.code();
        }
        if (jobId == null) {
            throw new ParameterException(spec.commandLine(), "--watch needs a --job-id");
        }
        JobId id = new JobId(jobId);
        boolean redraw = watch && !json && isTerminal();
        while (true) {
            JobView job = JobFinder.find(store, id.text());
            console.out().print((redraw ? CLEAR_SCREEN : "") + words(job, store.status(id)));
            console.out().flush();
            if (!watch || !job.live()) {
                return ExitCode.DONE.code();
            }
            if (console.out().checkError()) {
                return ExitCode.OUTPUT_CLOSED.code();
            }
            if (!pause()) {
                return ExitCode.INTERRUPTED.code();
            }
        }
    }

    private static boolean isTerminal() {
        return Optional.ofNullable(System.console())
                .map(java.io.Console::isTerminal)
                .orElse(false);
    }

    private String words(JobView job, Optional<String> status) {
        JobText text = new JobText(job, status, Instant.now());
        return json ? JobJson.of(job, status, text) + "\n" : text.full();
    }

    private static boolean pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(WATCH_MILLIS);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void list(JobStore store) {
        JsonArray all = new JsonArray();
        StringBuilder text = new StringBuilder();
        for (JobEntry entry : store.list()) {
            switch (entry) {
                case JobView job -> {
                    Optional<String> status = store.status(job.id());
                    JobText words = new JobText(job, status, Instant.now());
                    text.append(words.line()).append('\n');
                    all.add(JobJson.of(job, status, words));
                }
                case JobEntry.Unreadable job -> {
                    text.append(Printable.of(job.id() + ": cannot be read: " + job.why()))
                            .append('\n');
                    all.add(JobJson.of(job));
                }
            }
        }
        if (json) {
            JsonObject document = new JsonObject();
            document.add("jobs", all);
            console.out().println(document);
        } else if (text.isEmpty()) {
            console.say("there are no jobs");
        } else {
            console.out().print(text);
        }
    }
}
