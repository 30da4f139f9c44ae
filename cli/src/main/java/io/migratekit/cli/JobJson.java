package io.migratekit.cli;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.migratekit.agent.job.JobEntry;
import io.migratekit.agent.job.JobState;
import io.migratekit.agent.job.JobView;
import java.time.Duration;
import java.util.Optional;

/** How is a job told to machines? Its state as it was written down, and the last status that its process published. */
final class JobJson {
    private JobJson() {}

    static JsonObject of(JobView job, Optional<String> status, JobText text) {
        JsonObject json = new JsonObject();
        json.addProperty("job", job.id().text());
        json.addProperty("state", text.word());
        json.addProperty("live", job.live());
        json.addProperty("runs", job.attempts());
        json.addProperty("source", job.identity().source());
        json.addProperty("target", job.identity().target());
        json.addProperty("created", job.created().toString());
        json.addProperty("updated", job.updated().toString());
        job.runner().ifPresent(runner -> json.addProperty("pid", runner.pid()));
        text.silence().map(Duration::toMillis).ifPresent(millis -> json.addProperty("silentMillis", millis));
        switch (job.state()) {
            case JobState.Running r -> {}
            case JobState.Interrupted i -> json.addProperty("reason", i.reason());
            case JobState.Failed f -> {
                json.addProperty("exitCode", f.exitCode());
                json.addProperty("message", f.message());
            }
            case JobState.Finished f -> json.add("report", JsonParser.parseString(f.report()));
        }
        status.ifPresent(told -> {
            try {
                json.add("status", JsonParser.parseString(told));
            } catch (JsonParseException e) {
                json.addProperty("status", "not JSON"); // Somebody else wrote it; the rest is true all the same.
            }
        });
        return json;
    }

    static JsonObject of(JobEntry.Unreadable job) {
        JsonObject json = new JsonObject();
        json.addProperty("job", job.id().text());
        json.addProperty("state", "unreadable");
        json.addProperty("message", job.why());
        return json;
    }
}
