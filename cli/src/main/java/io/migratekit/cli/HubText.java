package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** How do backups read as text? */
final class HubText {
    private HubText() {}

    /** A field as text; empty if it is not there. */
    static String text(JsonObject json, String name) {
        return json.get(name) instanceof JsonPrimitive value ? value.getAsString() : "";
    }

    /** A field as a number; 0 if it is not there. */
    static long number(JsonObject json, String name) {
        return json.get(name) instanceof JsonPrimitive value && value.isNumber() ? value.getAsLong() : 0;
    }

    static String time(JsonObject json, String name) {
        String text = text(json, name);
        return text.isEmpty() ? "-" : text.replaceFirst("\\.[0-9]+Z$", "Z");
    }

    /** The objects of a list; none if it is not there. */
    static List<JsonObject> objects(JsonObject json, String name) {
        JsonArray array = json.has(name) ? json.getAsJsonArray(name) : new JsonArray();
        return array.asList().stream().map(JsonElement::getAsJsonObject).toList();
    }

    /** The keys of the disks that are part of a restore point. */
    static List<Integer> sealedDisks(JsonObject point) {
        return objects(point, "disks").stream()
                .filter(disk -> disk.has("root"))
                .map(disk -> (int) number(disk, "key"))
                .toList();
    }

    static List<List<String>> backups(List<JsonObject> backups) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("ID", "VM", "TAKEN", "STATE", "KIND", "DISKS", "STORED", "VERIFIED"));
        for (JsonObject backup : backups) {
            List<JsonObject> disks = objects(backup, "disks");
            String taken = time(backup, "takenAt");
            rows.add(List.of(
                    text(backup, "id"),
                    Printable.of(text(backup, "vmName")),
                    taken.equals("-") ? time(backup, "startedAt") : taken,
                    state(backup),
                    disks.stream().map(disk -> text(disk, "kind")).distinct().collect(Collectors.joining("+")),
                    Integer.toString(disks.size()),
                    Sizes.rounded(disks.stream()
                            .mapToLong(disk -> number(disk, "layerBytes"))
                            .sum()),
                    time(backup, "provedAt")));
        }
        return rows;
    }

    /** What a person wants to know of it in one word. */
    private static String state(JsonObject backup) {
        String state = text(backup, "state");
        if (!state.equals("sealed")) {
            return state;
        }
        String complete = backup.get("complete").getAsBoolean() ? "complete" : "INCOMPLETE";
        return backup.has("damage") ? "DAMAGED" : complete;
    }

    static String backup(JsonObject backup) {
        StringBuilder text = new StringBuilder();
        line(text, "backup", text(backup, "id"));
        line(text, "VM", text(backup, "vmName") + " (" + text(backup, "vm") + ")");
        line(text, "state", state(backup));
        line(text, "taken", time(backup, "takenAt"));
        line(text, "started", time(backup, "startedAt"));
        line(text, "sealed", time(backup, "sealedAt"));
        line(text, "kept until", keptUntil(backup));
        line(text, "lease until", time(backup, "leaseUntil"));
        line(text, "heard", time(backup, "heardAt"));
        line(text, "done", done(backup));
        line(text, "now", now(backup));
        line(text, "verified", time(backup, "provedAt"));
        for (JsonObject damage : objects(backup, "damage")) {
            line(
                    text,
                    "damage",
                    text(damage, "layer") + (damage.has("offset") ? " at offset " + text(damage, "offset") : "") + ": "
                            + text(damage, "what"));
        }
        for (JsonObject disk : objects(backup, "disks")) {
            text.append("disk ")
                    .append(text(disk, "key"))
                    .append(label(disk))
                    .append(", ")
                    .append(Sizes.rounded(number(disk, "capacityBytes")))
                    .append('\n');
            line(text, "  missing", text(disk, "missing"));
            line(text, "  kind", kind(disk));
            line(text, "  layer", text(disk, "layer"));
            line(text, "  stored", Sizes.rounded(number(disk, "layerBytes")));
            line(text, "  root", text(disk, "root"));
            line(text, "  hashed by", text(disk, "hashedBy"));
            line(text, "  export", export(disk));
            line(text, "  no export", text(disk, "exportFailure"));
        }
        return text.toString();
    }

    private static String keptUntil(JsonObject backup) {
        String until = text(backup, "keepUntil");
        return until.isEmpty() || Instant.parse(until).isAfter(Instant.now())
                ? time(backup, "keepUntil")
                : "may be deleted now";
    }

    /** How far its agent has said that it is, and how fast. */
    private static String done(JsonObject backup) {
        JsonObject progress = object(object(backup, "progress"), "progress");
        long planned = number(progress, "plannedBytes");
        return planned == 0
                ? ""
                : "%d %%, %s of %s, %s/s"
                        .formatted(
                                number(progress, "doneBytes") * 100 / planned,
                                Sizes.rounded(number(progress, "doneBytes")),
                                Sizes.rounded(planned),
                                Sizes.rounded(number(progress, "bytesPerSecond")));
    }

    /** What it waits for: at the hub, or as its agent has said. */
    private static String now(JsonObject backup) {
        JsonObject work = object(backup, "work");
        if (work.has("step")) {
            return "the hub seals it: " + text(work, "step") + " since " + time(work, "since");
        }
        JsonObject report = object(backup, "progress");
        JsonObject wait = object(report, "wait");
        if (wait.has("what")) {
            return "waits for " + text(wait, "what") + " since " + time(wait, "since") + ", at most "
                    + number(wait, "atMostSeconds") + " s";
        }
        String why = text(report, "why");
        return why.isEmpty() ? text(report, "motion") : text(report, "motion") + ": " + why;
    }

    /** An agent may have said anything: what is no object counts as an empty one. */
    private static JsonObject object(JsonObject json, String name) {
        return json.get(name) instanceof JsonObject object ? object : new JsonObject();
    }

    private static String label(JsonObject disk) {
        String label = text(disk, "label");
        return label.isEmpty() ? "" : " (" + Printable.of(label) + ")";
    }

    private static String kind(JsonObject disk) {
        String why = text(disk, "why");
        JsonObject parent = disk.getAsJsonObject("parent");
        return text(disk, "kind")
                + (parent == null ? "" : ", on " + text(parent, "backup"))
                + (why.isEmpty() ? "" : ": " + why);
    }

    private static String export(JsonObject disk) {
        String export = text(disk, "export");
        return export.isEmpty()
                ? ""
                : export + ", " + text(disk, "clients") + " of " + text(disk, "slots") + " slots held";
    }

    private static void line(StringBuilder text, String name, String value) {
        if (!value.isEmpty() && !value.equals("-")) {
            text.append("%-13s %s%n".formatted(name, Printable.of(value)));
        }
    }

    static String chain(JsonObject chain) {
        StringBuilder text = new StringBuilder();
        for (JsonObject disk : objects(chain, "disks")) {
            text.append("disk ").append(text(disk, "key")).append('\n');
            for (JsonObject layer : objects(disk, "layers")) {
                boolean full = text(layer, "kind").equals("full");
                String points = layer.getAsJsonArray("points").asList().stream()
                        .map(JsonElement::getAsString)
                        .collect(Collectors.joining(" "));
                text.append("  %s %-12s %9s  %s%n"
                        .formatted(
                                full ? "=" : "+",
                                text(layer, "layer").replaceFirst(".*/", ""),
                                Sizes.rounded(number(layer, "bytes")),
                                (layer.has("missing") ? "MISSING  " : "")
                                        + (layer.get("open").getAsBoolean() ? "(being written)" : points)));
            }
        }
        return text.append("= everything, + what changed since the layer above\n")
                .toString();
    }
}
