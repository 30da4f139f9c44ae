package io.migratekit.cli;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** How does it read what a policy did with the restore points of a VM, or would do? */
final class HubPruneText {
    private HubPruneText() {}

    static String head(JsonObject pruned) {
        return "VM " + Printable.of(HubText.text(pruned, "name")) + " (" + HubText.text(pruned, "vm") + "): keep "
                + HubText.text(pruned, "policy") + "; days begin in " + HubText.text(pruned, "zone");
    }

    static List<List<String>> rows(JsonObject pruned) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("POINT", "TAKEN", "STORED", "", "WHY"));
        for (JsonObject point : HubText.objects(pruned, "points")) {
            String taken = HubText.time(point, "takenAt");
            rows.add(List.of(
                    HubText.text(point, "id"),
                    taken.equals("-") ? HubText.time(point, "startedAt") : taken,
                    Sizes.rounded(HubText.number(point, "layerBytes")),
                    what(point),
                    Printable.of(why(point))));
        }
        return rows;
    }

    private static String what(JsonObject point) {
        return switch (HubText.text(point, "outcome")) {
            case "kept" -> "keep";
            case "unwanted" -> "remove";
            case "removed" -> "removed";
            default -> "FAILED";
        };
    }

    private static String why(JsonObject point) {
        String why = point.getAsJsonArray("why").asList().stream()
                .map(JsonElement::getAsString)
                .collect(Collectors.joining(", "));
        String incomplete = point.get("complete").getAsBoolean() ? "" : "incomplete; ";
        return incomplete
                + switch (HubText.text(point, "outcome")) {
                    case "kept" -> why;
                    case "removed" -> "freed " + Sizes.rounded(HubText.number(point, "freedBytes"));
                    case "failed" -> "see below";
                    default -> "no rule keeps it";
                };
    }

    static String total(JsonObject pruned) {
        long all = HubText.objects(pruned, "points").size();
        if (pruned.get("apply").getAsBoolean()) {
            return "removed " + HubText.number(pruned, "removed") + " of " + all + " restore points, freed "
                    + Sizes.rounded(HubText.number(pruned, "freedBytes"));
        }
        long unwanted = HubText.objects(pruned, "points").stream()
                .filter(point -> HubText.text(point, "outcome").equals("unwanted"))
                .count();
        return unwanted == 0
                ? "would remove none of " + all + " restore points"
                : "would remove " + unwanted + " of " + all + " restore points, and free up to "
                        + Sizes.rounded(HubText.number(pruned, "mostBytes")) + "; --apply does it";
    }
}
