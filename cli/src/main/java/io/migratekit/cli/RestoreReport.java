package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.restore.DiskRestore;
import io.migratekit.agent.restore.ProvedContent;
import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.Durations;
import io.migratekit.nbd.NbdUri;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** What came back, in JSON and in words? */
final class RestoreReport {
    private RestoreReport() {}

    /** A disk that this run restored, or went on with. */
    static JsonObject disk(int key, NbdUri target, ProvedContent content, DiskRestore.Restored restored) {
        JsonObject report = new JsonObject();
        report.addProperty("key", key);
        report.addProperty("target", target.toString());
        report.addProperty("root", content.root());
        report.addProperty("capacityBytes", content.diskBytes());
        restored.report()
                .ifPresentOrElse(
                        copied -> report.add("copy", JsonParser.parseString(copied.json())),
                        () -> report.addProperty("before", true));
        addWrong(report, restored.wrong());
        return report;
    }

    private static void addWrong(JsonObject report, List<ByteRange> ranges) {
        if (ranges.isEmpty()) {
            return;
        }
        JsonArray wrong = new JsonArray();
        for (ByteRange range : ranges) {
            JsonObject one = new JsonObject();
            one.addProperty("offset", range.offset());
            one.addProperty("length", range.length());
            wrong.add(one);
        }
        report.add("wrong", wrong);
    }

    /** A disk whose file an earlier run has finished. */
    static JsonObject diskBefore(int key, Path file, List<ByteRange> wrong) {
        JsonObject report = new JsonObject();
        report.addProperty("key", key);
        report.addProperty("file", file.toString());
        report.addProperty("before", true);
        addWrong(report, wrong);
        return report;
    }

    /**
     * All of a restore.
     *
     * @param beside the files that lie beside the disks
     */
    static JsonObject json(JsonObject point, JsonArray disks, List<Path> beside) {
        JsonObject all = new JsonObject();
        all.addProperty("point", HubText.text(point, "id"));
        all.addProperty("vm", HubText.text(point, "vm"));
        all.addProperty("vmName", HubText.text(point, "vmName"));
        all.add("disks", disks);
        JsonArray files = new JsonArray();
        beside.forEach(file -> files.add(file.toString()));
        all.add("files", files);
        return all;
    }

    /** Of which moment it is, and what of it is not right: for who finds the folder later. */
    static List<String> about(JsonObject point, JsonArray disks) {
        List<String> about = new ArrayList<>();
        about.add("restore point: " + HubText.text(point, "id") + ", taken "
                + HubText.text(point, point.has("takenAt") ? "takenAt" : "startedAt"));
        for (JsonElement one : disks) {
            JsonObject disk = one.getAsJsonObject();
            for (JsonObject range : HubText.objects(disk, "wrong")) {
                about.add("disk " + HubText.text(disk, "key") + ": " + range(range)
                        + " is NOT what was sealed; it was taken as it is");
            }
        }
        return about;
    }

    private static String range(JsonObject range) {
        return Sizes.rounded(HubText.number(range, "length")) + " at offset " + HubText.text(range, "offset");
    }

    static String text(JsonArray disks, List<Path> beside) {
        StringBuilder text = new StringBuilder();
        disks.forEach(one -> text.append(text(one.getAsJsonObject())));
        if (!beside.isEmpty()) {
            text.append("how to run it: ").append(beside.getFirst()).append(", with ");
            text.append(beside.stream()
                    .skip(1)
                    .map(file -> String.valueOf(file.getFileName()))
                    .collect(Collectors.joining(", ")));
            text.append('\n');
        }
        return text.toString();
    }

    private static String text(JsonObject disk) {
        StringBuilder text = new StringBuilder("disk " + HubText.text(disk, "key") + ": "
                + (disk.has("file") ? HubText.text(disk, "file") : HubText.text(disk, "target")));
        if (disk.has("before")) {
            text.append(", restored before, and not looked at now");
        } else {
            text.append(", ").append(Sizes.rounded(HubText.number(disk, "capacityBytes")));
        }
        JsonObject copy = disk.getAsJsonObject("copy");
        if (copy != null) {
            text.append(", ")
                    .append(Sizes.rounded(HubText.number(copy, "copied")))
                    .append(" of data in ")
                    .append(Durations.show(Duration.ofMillis(HubText.number(copy, "millis"))));
        }
        if (!disk.has("wrong")) {
            return text.append(disk.has("before") ? "\n" : "; every byte is what was sealed\n")
                    .toString();
        }
        text.append("; NOT what was sealed:\n");
        for (JsonObject range : HubText.objects(disk, "wrong")) {
            text.append("  ").append(range(range)).append('\n');
        }
        return text.toString();
    }
}
