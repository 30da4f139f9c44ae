package io.migratekit.agent.copy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.agent.watch.Progress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What came of a copy?
 *
 * @param hashRoot stands for the content that was read, if it was hashed
 * @param warnings what did not stop the copy but should be known
 */
public record CopyReport(
        Progress.Counts counts,
        Duration took,
        int workers,
        boolean verified,
        Optional<String> hashRoot,
        List<String> warnings) {

    public CopyReport {
        warnings = List.copyOf(warnings);
    }

    /** All of it as a JSON object; the names of its fields are a contract with scripts. */
    public String json() {
        JsonObject json = new JsonObject();
        json.addProperty("planned", counts.planned());
        json.addProperty("durable-before", counts.durableBefore());
        json.addProperty("copied", counts.copied());
        json.addProperty("zeroed", counts.zeroed());
        json.addProperty("zeroes-in-data", counts.zeroesInData());
        json.addProperty("skipped", counts.skipped());
        json.addProperty("resent", counts.resent());
        json.addProperty("millis", took.toMillis());
        json.addProperty("workers", workers);
        json.addProperty("verified", verified);
        hashRoot.ifPresent(root -> json.addProperty("hash", root));
        JsonArray list = new JsonArray();
        warnings.forEach(list::add);
        json.add("warnings", list);
        return json.toString();
    }
}
