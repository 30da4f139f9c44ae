package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.migratekit.agent.copy.CopyReport;
import java.util.ArrayList;
import java.util.List;

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
            CopyReportText.text(CopyReport.of(json)).lines().forEach(lines::add);
            return lines;
        }
        for (JsonElement element : disks) {
            if (element instanceof JsonObject disk) {
                boolean whole = HubText.text(disk, "mode").equals("full");
                lines.add("disk " + HubText.text(disk, "disk") + " (" + HubText.text(disk, "label") + "): "
                        + (whole ? "everything, " : "incremental, ") + HubText.text(disk, "reason"));
                if (disk.get("copy") instanceof JsonObject copy) {
                    CopyReportText.text(CopyReport.of(copy))
                            .lines()
                            .map(line -> "  " + line)
                            .forEach(lines::add);
                }
            }
        }
        if (json.get("warnings") instanceof JsonArray warnings) {
            warnings.forEach(warning -> lines.add("warning: " + warning.getAsString()));
        }
        return lines;
    }
}
