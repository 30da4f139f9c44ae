package io.migratekit.agent.job;

import com.google.gson.JsonObject;
import io.migratekit.nbd.files.JsonFields;
import io.migratekit.nbd.files.JsonFields.Unfit;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What does job.json say? What the job is about and how it stands; replaced as a whole, never edited. */
record JobDocument(JobIdentity identity, JobState state, int attempts, Instant created, Instant updated) {
    static final String NAME = "job.json";
    private static final int VERSION = 1;

    static JobDocument first(JobIdentity identity, Instant now) {
        return new JobDocument(identity, new JobState.Running(now), 1, now, now);
    }

    JobDocument nextAttempt(Instant now) {
        return new JobDocument(identity, new JobState.Running(now), attempts + 1, created, now);
    }

    JobDocument with(JobState newState, Instant now) {
        return new JobDocument(identity, newState, attempts, created, now);
    }

    /** The present moment, as exact as these files are. */
    static Instant now() {
        return Instant.now().truncatedTo(ChronoUnit.MILLIS);
    }

    void write(Path folder) throws IOException {
        byte[] bytes = (toJson() + "\n").getBytes(StandardCharsets.UTF_8);
        SafeFiles.replace(folder.resolve(NAME), bytes, SafeFiles.Survives.POWER_CUT);
    }

    /** Nothing if there is none; {@link JobException.Damaged} if it makes no sense. */
    static Optional<JobDocument> read(Path folder) throws IOException {
        Path file = folder.resolve(NAME);
        Optional<String> text = SafeFiles.read(file);
        if (text.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(parse(text.get()));
        } catch (Unfit e) {
            throw new JobException.Damaged(
                    file + " cannot be used: " + e.getMessage() + ". To begin the job anew, remove the folder " + folder
                            + ".",
                    e);
        }
    }

    static JobDocument parse(String text) throws Unfit {
        JsonFields fields = JsonFields.parse(text);
        long version = fields.number("version");
        if (version != VERSION) {
            throw new Unfit("its version is " + version + ", and this program knows version " + VERSION);
        }
        try {
            return new JobDocument(
                    identity(fields.object("identity")),
                    state(fields.object("state")),
                    Math.toIntExact(fields.number("attempts")),
                    fields.time("created"),
                    fields.time("updated"));
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new Unfit("a number is out of its range (" + e.getMessage() + ")");
        }
    }

    String toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("version", VERSION);
        json.addProperty("attempts", attempts);
        json.addProperty("created", created.toString());
        json.addProperty("updated", updated.toString());
        json.add("state", stateJson());
        json.add("identity", identityJson());
        return json.toString();
    }

    private JsonObject stateJson() {
        JsonObject json = new JsonObject();
        switch (state) {
            case JobState.Running running -> {
                json.addProperty("kind", "running");
                json.addProperty("since", running.since().toString());
            }
            case JobState.Interrupted interrupted -> {
                json.addProperty("kind", "interrupted");
                json.addProperty("reason", interrupted.reason());
            }
            case JobState.Failed failed -> {
                json.addProperty("kind", "failed");
                json.addProperty("exitCode", failed.exitCode());
                json.addProperty("message", failed.message());
            }
            case JobState.Finished finished -> {
                json.addProperty("kind", "finished");
                json.add("report", JsonFields.known(finished.report()).raw());
            }
        }
        return json;
    }

    private static JobState state(JsonFields fields) throws Unfit {
        String kind = fields.string("kind");
        return switch (kind) {
            case "running" -> new JobState.Running(fields.time("since"));
            case "interrupted" -> new JobState.Interrupted(fields.string("reason"));
            case "failed" -> new JobState.Failed(Math.toIntExact(fields.number("exitCode")), fields.string("message"));
            case "finished" ->
                new JobState.Finished(fields.object("report").raw().toString());
            default -> throw new Unfit("the state '" + kind + "' is not known");
        };
    }

    private JsonObject identityJson() {
        JsonObject json = new JsonObject();
        json.addProperty("source", identity.source());
        json.addProperty("target", identity.target());
        json.addProperty("diskBytes", identity.diskBytes());
        json.addProperty("rangesFingerprint", identity.rangesFingerprint());
        json.addProperty("unitBytes", identity.unitBytes());
        json.addProperty("hashing", identity.hashing());
        JsonObject more = new JsonObject();
        new TreeMap<>(identity.more()).forEach(more::addProperty);
        json.add("more", more);
        return json;
    }

    private static JobIdentity identity(JsonFields fields) throws Unfit {
        JsonFields moreFields = fields.object("more");
        Map<String, String> more = new HashMap<>();
        for (String name : moreFields.names()) {
            more.put(name, moreFields.string(name));
        }
        return new JobIdentity(
                fields.string("source"),
                fields.string("target"),
                fields.number("diskBytes"),
                fields.string("rangesFingerprint"),
                fields.number("unitBytes"),
                fields.truth("hashing"),
                more);
    }
}
