package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobView;
import io.migratekit.agent.watch.Motion;
import io.migratekit.nbd.Durations;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * In which words is a job told that another process works, or worked, on? From what that process has published, and
 * from how old it is: silence of the process itself is said first.
 */
final class JobText {
    /** A process that lives publishes twice a second. */
    private static final Duration FRESH = Duration.ofSeconds(5);

    private final JobView job;
    private final Instant now;
    private final @Nullable JsonObject status;
    private final StringBuilder text = new StringBuilder();

    JobText(JobView job, Optional<String> status, Instant now) {
        this.job = job;
        this.now = now;
        this.status = status.map(JobText::parse).orElse(null);
    }

    private static @Nullable JsonObject parse(String json) {
        try {
            JsonElement element = JsonParser.parseString(json);
            return element.isJsonObject() ? element.getAsJsonObject() : null;
        } catch (JsonParseException e) {
            return null; // It is replaced in one step, so somebody else wrote it; the job can be told without.
        }
    }

    /** One line, for lists. */
    String line() {
        // How far it was says nothing of a job that is finished.
        String progress = status == null || job.state() instanceof JobState.Finished ? "" : " " + share(status);
        return Printable.of(job.id() + ": " + word() + progress + " (" + when() + ")");
    }

    /** All that fits on a screen. */
    String full() {
        line("job " + job.id() + ": " + word() + " (run " + job.attempts() + ", " + when() + ")");
        line("  from " + job.identity().source());
        line("  to   " + job.identity().target());
        end();
        if (hasEnded()) {
            // It waits for nothing any more; of what it published last only the figures still hold.
            if (status != null && !(job.state() instanceof JobState.Finished)) {
                line("  by then: " + share(status) + ", " + figures(object(status, "progress")));
            }
        } else if (status != null) {
            told(status);
        } else if (job.live()) {
            line("  it has published nothing yet");
        }
        return text.toString();
    }

    /** The state in a word. */
    String word() {
        return switch (job.state()) {
            case JobState.Running r when job.live() -> "running";
            case JobState.Running r -> "died";
            case JobState.Interrupted i -> "interrupted";
            case JobState.Failed f -> "failed";
            case JobState.Finished f -> "finished";
        };
    }

    /** Whether its last run has come to an end of its own, and has said to which. */
    private boolean hasEnded() {
        return !(job.state() instanceof JobState.Running);
    }

    private String when() {
        if (hasEnded()) {
            return "ended " + Durations.show(age(job.updated())) + " ago";
        }
        Instant at = Optional.ofNullable(at()).orElse(job.updated());
        String ago = Durations.show(age(at)) + " ago";
        return job.runner()
                        .filter(runner -> job.live())
                        .map(runner -> "pid " + runner.pid() + ", ")
                        .orElse("") + "last seen " + ago;
    }

    private void end() {
        switch (job.state()) {
            case JobState.Running r
            when job.live() ->
                silence()
                        .ifPresent(
                                silent -> line(
                                        "  the process has said"
                                                + " nothing for " + Durations.show(silent)
                                                + ": it is stopped or overloaded, or the state directory hangs. What follows is from before"));
            case JobState.Running r ->
                line("  its process is gone without a word (killed, or the machine went down); the same command again"
                        + " resumes it. What follows is what it said last");
            case JobState.Interrupted i -> line("  " + i.reason() + "; the same command again resumes it");
            case JobState.Failed f -> line("  exit code " + f.exitCode() + ": " + f.message());
            case JobState.Finished f -> {
                line("  exit code 0");
                FinishedText.lines(f.report()).forEach(words -> line("  " + words));
            }
        }
    }

    /** For how long a process that lives has published nothing, if that is unusual. */
    Optional<Duration> silence() {
        Instant at = at();
        return at == null || !job.live()
                ? Optional.empty()
                : Optional.of(age(at)).filter(age -> age.compareTo(FRESH) > 0);
    }

    /** When the process published last, if it did. */
    @Nullable
    Instant at() {
        try {
            return status == null ? null : Instant.parse(string(status, "at"));
        } catch (DateTimeException e) {
            return null;
        }
    }

    private Duration age(Instant at) {
        Duration age = Duration.between(at, now);
        return age.isNegative() ? Duration.ZERO : age;
    }

    private void told(JsonObject told) {
        line("  " + share(told));
        JsonObject progress = object(told, "progress");
        String motion = string(told, "motion");
        boolean trouble = motion.equals(Motion.STALLED.id()) || motion.equals(Motion.SLOW.id());
        line("  " + figures(progress) + (job.live() && !trouble ? "; " + left(object(progress, "eta")) : ""));
        String why = string(told, "why");
        line("  " + motion + (string(told, "layer").isEmpty() ? "" : " in " + string(told, "layer"))
                + (why.isEmpty() ? "" : ": " + why));
        if (!string(told, "remedy").isEmpty()) {
            line("  look: " + string(told, "remedy"));
        }
        if (job.live()) {
            line("  workers: " + workers(told));
        }
    }

    /** A speed is one of this moment. */
    private String figures(JsonObject progress) {
        return Sizes.rounded(number(progress, "copiedBytes")) + " of data copied"
                + (job.live() ? " at " + Sizes.rounded(number(progress, "bytesPerSecond")) + "/s, " : ", ")
                + Sizes.rounded(number(progress, "zeroedBytes") + number(progress, "zeroesInDataBytes")) + " zeroed, "
                + Sizes.rounded(number(progress, "skippedBytes")) + " skipped, "
                + Sizes.rounded(number(progress, "durableBeforeBytes")) + " done before, "
                + Sizes.rounded(number(progress, "resentBytes"))
                // After the end nobody knows how much of it was sent once more.
                + (hasEnded() ? " sent but not durable" : " re-sent");
    }

    private static String workers(JsonObject told) {
        int inFlight = 0;
        int connections = 0;
        JsonArray workers = told.has("workers") ? told.getAsJsonArray("workers") : new JsonArray();
        for (JsonElement worker : workers) {
            for (JsonElement connection : worker.getAsJsonObject().getAsJsonArray("connections")) {
                connections++;
                inFlight += (int) number(connection.getAsJsonObject(), "inFlight");
            }
        }
        return workers.size() + ", with " + connections + " connections and " + inFlight
                + " requests in flight; `migratekit why` has the details";
    }

    private static String share(JsonObject told) {
        JsonObject progress = object(told, "progress");
        boolean verifying = string(progress, "phase").equals("verifying");
        long all = number(progress, verifying ? "toVerifyBytes" : "plannedBytes");
        long done = number(progress, verifying ? "verifiedBytes" : "doneBytes");
        return string(progress, "phase")
                + (all == 0 ? "" : " " + Sizes.percent(done, all) + " of " + Sizes.rounded(all));
    }

    private static String left(JsonObject eta) {
        Duration seconds = Duration.ofSeconds(number(eta, "seconds"));
        return switch (string(eta, "kind")) {
            case "known" -> Durations.show(seconds) + " left";
            case "estimated" -> "about " + Durations.show(seconds) + " left";
            case "at-least" -> "at least " + Durations.show(seconds) + " left";
            default -> "time left unknown";
        };
    }

    // A status that an older or newer program wrote is told as far as it is understood.

    private static JsonObject object(JsonObject in, String name) {
        JsonElement element = in.get(name);
        return element != null && element.isJsonObject() ? element.getAsJsonObject() : new JsonObject();
    }

    private static String string(JsonObject in, String name) {
        JsonElement element = in.get(name);
        return element != null && element.isJsonPrimitive() ? element.getAsString() : "";
    }

    private static long number(JsonObject in, String name) {
        JsonElement element = in.get(name);
        boolean number = element != null
                && element.isJsonPrimitive()
                && element.getAsJsonPrimitive().isNumber();
        return number ? element.getAsLong() : 0;
    }

    private void line(String words) {
        text.append(Printable.of(words)).append('\n');
    }
}
