package io.migratekit.agent.job;

import com.google.gson.JsonObject;
import io.migratekit.nbd.files.JsonFields;
import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/** Who runs a job? A process, since when. Only for people: that a job is being run is known by its lock. */
public record Runner(long pid, Instant since) {
    static Runner current(Instant since) {
        return new Runner(ProcessHandle.current().pid(), since);
    }

    /** Whether this system has such a process: not if the runner lives in another container, or died. */
    boolean canBeSeen() {
        return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
    }

    void write(Path file) throws IOException {
        JsonObject json = new JsonObject();
        json.addProperty("pid", pid);
        json.addProperty("since", since.toString());
        SafeFiles.replace(file, (json + "\n").getBytes(StandardCharsets.UTF_8), SafeFiles.Survives.CRASH);
    }

    /** Nothing if there is no such file, or nothing sensible in it: then there is only less to say. */
    static Optional<Runner> read(Path file) {
        try {
            Optional<String> text = SafeFiles.read(file);
            if (text.isEmpty()) {
                return Optional.empty();
            }
            JsonFields fields = JsonFields.parse(text.get());
            return Optional.of(new Runner(fields.number("pid"), fields.time("since")));
        } catch (IOException | JsonFields.Unfit e) {
            return Optional.empty();
        }
    }
}
