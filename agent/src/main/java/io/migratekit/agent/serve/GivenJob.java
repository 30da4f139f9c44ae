package io.migratekit.agent.serve;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.StateFolder;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What was given to us to do? As it is noted in a folder of its own, for one that comes after us.
 *
 * @param whole whether everything is to be copied
 * @param pid of the process that does it; 0 if none was started
 * @param startedAt when that process came into being, which tells it from another one with its number
 */
record GivenJob(
        JobId id,
        String vm,
        String vmName,
        boolean whole,
        long pid,
        @Nullable Instant startedAt) {
    private static final String FILE = "given.json";

    /** What a hub says of a job to be started. */
    static GivenJob of(JsonObject order) {
        return new GivenJob(
                new JobId(order.get("job").getAsString()),
                order.get("vm").getAsString(),
                order.get("vmName").getAsString(),
                order.get("whole").getAsBoolean(),
                0,
                null);
    }

    GivenJob startedAs(ProcessHandle process) {
        return new GivenJob(
                id,
                vm,
                vmName,
                whole,
                process.pid(),
                process.info().startInstant().orElse(Instant.now()));
    }

    static Optional<GivenJob> read(StateFolder folder) {
        return folder.read(FILE).map(text -> {
            JsonObject json = JsonParser.parseString(text).getAsJsonObject();
            GivenJob job = of(json);
            return new GivenJob(
                    job.id(),
                    job.vm(),
                    job.vmName(),
                    job.whole(),
                    json.get("pid").getAsLong(),
                    json.has("startedAt") ? Instant.parse(json.get("startedAt").getAsString()) : null);
        });
    }

    void write(StateFolder folder) {
        JsonObject json = new JsonObject();
        json.addProperty("job", id.text());
        json.addProperty("vm", vm);
        json.addProperty("vmName", vmName);
        json.addProperty("whole", whole);
        json.addProperty("pid", pid);
        if (startedAt != null) {
            json.addProperty("startedAt", startedAt.toString());
        }
        folder.write(FILE, json + "\n");
    }

    /** The process that does it, if it lives. */
    Optional<ProcessHandle> process() {
        return ProcessHandle.of(pid)
                .filter(ProcessHandle::isAlive)
                .filter(found -> found.info()
                        .startInstant()
                        .map(begun -> begun.equals(startedAt))
                        .orElse(false));
    }
}
