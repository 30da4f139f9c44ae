package io.migratekit.agent.copy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
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

    /** What {@link #json} has written; of an older or newer program as much as is understood. */
    public static CopyReport of(JsonObject json) {
        Progress.Counts counts = new Progress.Counts(
                Progress.Phase.DONE,
                number(json, "planned"),
                number(json, "durable-before"),
                0,
                0,
                number(json, "copied"),
                number(json, "zeroed"),
                number(json, "zeroes-in-data"),
                number(json, "skipped"),
                number(json, "resent"),
                0,
                0);
        return new CopyReport(
                counts,
                Duration.ofMillis(number(json, "millis")),
                (int) number(json, "workers"),
                json.get("verified") instanceof JsonPrimitive verified && verified.getAsBoolean(),
                json.get("hash") instanceof JsonPrimitive hash ? Optional.of(hash.getAsString()) : Optional.empty(),
                json.get("warnings") instanceof JsonArray all
                        ? all.asList().stream().map(JsonElement::getAsString).toList()
                        : List.of());
    }

    private static long number(JsonObject json, String name) {
        return json.get(name) instanceof JsonPrimitive value && value.isNumber() ? value.getAsLong() : 0;
    }
}
