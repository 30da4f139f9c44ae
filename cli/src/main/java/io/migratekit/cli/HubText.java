package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** How do backups read as text? */
final class HubText {
    private HubText() {}

    static String time(JsonObject json, String name) {
        String text = HubViewOptions.text(json, name);
        return text.isEmpty() ? "-" : text.replaceFirst("\\.[0-9]+Z$", "Z");
    }

    /** The objects of a list; none if it is not there. */
    static List<JsonObject> objects(JsonObject json, String name) {
        JsonArray array = json.has(name) ? json.getAsJsonArray(name) : new JsonArray();
        return array.asList().stream().map(JsonElement::getAsJsonObject).toList();
    }

    static List<List<String>> backups(List<JsonObject> backups) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("ID", "VM", "TAKEN", "STATE", "KIND", "DISKS", "STORED"));
        for (JsonObject backup : backups) {
            List<JsonObject> disks = objects(backup, "disks");
            String taken = time(backup, "takenAt");
            rows.add(List.of(
                    HubViewOptions.text(backup, "id"),
                    Printable.of(HubViewOptions.text(backup, "vmName")),
                    taken.equals("-") ? time(backup, "startedAt") : taken,
                    state(backup),
                    disks.stream()
                            .map(disk -> HubViewOptions.text(disk, "kind"))
                            .distinct()
                            .collect(Collectors.joining("+")),
                    Integer.toString(disks.size()),
                    Sizes.rounded(disks.stream()
                            .mapToLong(disk -> HubViewOptions.number(disk, "layerBytes"))
                            .sum())));
        }
        return rows;
    }

    /** What a person wants to know of it in one word. */
    private static String state(JsonObject backup) {
        String state = HubViewOptions.text(backup, "state");
        if (!state.equals("sealed")) {
            return state;
        }
        return backup.get("complete").getAsBoolean() ? "complete" : "INCOMPLETE";
    }

    static String backup(JsonObject backup) {
        StringBuilder text = new StringBuilder();
        line(text, "backup", HubViewOptions.text(backup, "id"));
        line(text, "VM", HubViewOptions.text(backup, "vmName") + " (" + HubViewOptions.text(backup, "vm") + ")");
        line(text, "state", state(backup));
        line(text, "taken", time(backup, "takenAt"));
        line(text, "started", time(backup, "startedAt"));
        line(text, "sealed", time(backup, "sealedAt"));
        line(text, "kept until", time(backup, "keepUntil"));
        line(text, "lease until", time(backup, "leaseUntil"));
        for (JsonObject disk : objects(backup, "disks")) {
            text.append("disk ")
                    .append(HubViewOptions.text(disk, "key"))
                    .append(label(disk))
                    .append(", ")
                    .append(Sizes.rounded(HubViewOptions.number(disk, "capacityBytes")))
                    .append('\n');
            line(text, "  missing", HubViewOptions.text(disk, "missing"));
            line(text, "  kind", kind(disk));
            line(text, "  layer", HubViewOptions.text(disk, "layer"));
            line(text, "  stored", Sizes.rounded(HubViewOptions.number(disk, "layerBytes")));
            line(text, "  root", HubViewOptions.text(disk, "root"));
            line(text, "  hashed by", HubViewOptions.text(disk, "hashedBy"));
            line(text, "  export", export(disk));
            line(text, "  no export", HubViewOptions.text(disk, "exportFailure"));
        }
        return text.toString();
    }

    private static String label(JsonObject disk) {
        String label = HubViewOptions.text(disk, "label");
        return label.isEmpty() ? "" : " (" + Printable.of(label) + ")";
    }

    private static String kind(JsonObject disk) {
        String why = HubViewOptions.text(disk, "why");
        JsonObject parent = disk.getAsJsonObject("parent");
        return HubViewOptions.text(disk, "kind")
                + (parent == null ? "" : ", on " + HubViewOptions.text(parent, "backup"))
                + (why.isEmpty() ? "" : ": " + why);
    }

    private static String export(JsonObject disk) {
        String export = HubViewOptions.text(disk, "export");
        return export.isEmpty()
                ? ""
                : export + ", " + HubViewOptions.text(disk, "clients") + " of " + HubViewOptions.text(disk, "slots")
                        + " slots held";
    }

    private static void line(StringBuilder text, String name, String value) {
        if (!value.isEmpty() && !value.equals("-")) {
            text.append("%-13s %s%n".formatted(name, Printable.of(value)));
        }
    }

    static String chain(JsonObject chain) {
        StringBuilder text = new StringBuilder();
        for (JsonObject disk : objects(chain, "disks")) {
            text.append("disk ").append(HubViewOptions.text(disk, "key")).append('\n');
            for (JsonObject layer : objects(disk, "layers")) {
                boolean full = HubViewOptions.text(layer, "kind").equals("full");
                String points = layer.getAsJsonArray("points").asList().stream()
                        .map(JsonElement::getAsString)
                        .collect(Collectors.joining(" "));
                text.append("  %s %-12s %9s  %s%n"
                        .formatted(
                                full ? "=" : "+",
                                HubViewOptions.text(layer, "layer").replaceFirst(".*/", ""),
                                Sizes.rounded(HubViewOptions.number(layer, "bytes")),
                                layer.get("open").getAsBoolean() ? "(being written)" : points));
            }
        }
        return text.append("= everything, + what changed since the layer above\n")
                .toString();
    }
}
