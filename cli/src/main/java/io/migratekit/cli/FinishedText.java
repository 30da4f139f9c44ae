package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.migratekit.agent.copy.CopyReport;
import io.migratekit.agent.watch.Progress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What has a finished job done, in the words of its own end? From the report that it left: of a copy, or of a VM's disks. */
final class FinishedText {
    private FinishedText() {}

    /** Of a report that an older or newer program wrote as much as is understood. */
    static List<String> lines(String report) {
        JsonObject json;
        try {
            json = JsonParser.parseString(report).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException e) {
            return List.of(); // Somebody else wrote it; that the job is finished is true all the same.
        }
        List<String> lines = new ArrayList<>();
        if (!(json.get("disks") instanceof JsonArray disks)) {
            copy(json).lines().forEach(lines::add);
            return lines;
        }
        for (JsonElement element : disks) {
            if (element instanceof JsonObject disk) {
                boolean whole = HubText.text(disk, "mode").equals("full");
                lines.add("disk " + HubText.text(disk, "disk") + " (" + HubText.text(disk, "label") + "): "
                        + (whole ? "everything, " : "incremental, ") + HubText.text(disk, "reason"));
                if (disk.get("copy") instanceof JsonObject copy) {
                    copy(copy).lines().map(line -> "  " + line).forEach(lines::add);
                }
            }
        }
        warnings(json).stream().map(warning -> "warning: " + warning).forEach(lines::add);
        return lines;
    }

    private static String copy(JsonObject json) {
        Progress.Counts counts = new Progress.Counts(
                Progress.Phase.DONE,
                HubText.number(json, "planned"),
                HubText.number(json, "durable-before"),
                0,
                0,
                HubText.number(json, "copied"),
                HubText.number(json, "zeroed"),
                HubText.number(json, "zeroes-in-data"),
                HubText.number(json, "skipped"),
                HubText.number(json, "resent"),
                0,
                0);
        return CopyReportText.text(new CopyReport(
                counts,
                Duration.ofMillis(HubText.number(json, "millis")),
                (int) HubText.number(json, "workers"),
                json.get("verified") instanceof JsonPrimitive verified && verified.getAsBoolean(),
                Optional.of(HubText.text(json, "hash")).filter(hash -> !hash.isEmpty()),
                warnings(json)));
    }

    private static List<String> warnings(JsonObject json) {
        return json.get("warnings") instanceof JsonArray all
                ? all.asList().stream().map(JsonElement::getAsString).toList()
                : List.of();
    }
}
