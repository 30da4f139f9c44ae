package io.migratekit.hub.repository;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.migratekit.nbd.files.JsonFields;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Which merge is under way? The journal of one, written before its first step and removed after the last; with it, the
 * restore point is gone, and each step can be done again.
 *
 * @param point what is deleted
 * @param alone the layers of it on which nothing stands
 */
record Merge(String point, List<Step> steps, List<String> alone) {
    /**
     * The child's layer is copied into the one below it, and takes its place.
     *
     * @param child the restore point whose layer it is
     * @param from the child's layer
     * @param into the layer of the deleted point
     * @param kind of the deleted point's layer, and of the merged one; so is what follows
     */
    record Step(
            int key,
            String child,
            String from,
            String into,
            BackupDisk.Kind kind,
            @Nullable String why,
            @Nullable Parent parent) {}

    Merge {
        steps = List.copyOf(steps);
        alone = List.copyOf(alone);
    }

    /** All files of it are kept until it is over. */
    Set<String> layers() {
        Set<String> all = new TreeSet<>(alone);
        steps.forEach(step -> all.addAll(List.of(step.from(), step.into())));
        return all;
    }

    /** What is done, as a sentence. */
    String told() {
        return "restore point " + point + " goes: "
                + steps.stream()
                        .map(step -> "disk " + step.key() + " is merged into restore point " + step.child() + " ("
                                + Layers.name(step.from()) + " into " + Layers.name(step.into()) + ")")
                        .collect(Collectors.joining(", "))
                + (alone.isEmpty() ? "" : "; on " + String.join(" and ", alone) + " nothing stands");
    }

    JsonObject toJson() {
        JsonArray all = new JsonArray();
        for (Step step : steps) {
            JsonObject one = new JsonObject();
            one.addProperty("key", step.key());
            one.addProperty("child", step.child());
            one.addProperty("from", step.from());
            one.addProperty("into", step.into());
            one.addProperty("kind", Records.word(step.kind()));
            Records.put(one, "why", step.why());
            Parent parent = step.parent();
            if (parent != null) {
                one.add("parent", Records.of(parent));
            }
            all.add(one);
        }
        JsonArray others = new JsonArray();
        alone.forEach(others::add);
        JsonObject object = new JsonObject();
        object.addProperty("point", point);
        object.add("steps", all);
        object.add("alone", others);
        return object;
    }

    static Merge read(String vm, JsonFields fields) throws JsonFields.Unfit {
        List<Step> steps = new ArrayList<>();
        for (JsonFields step : Records.objects(fields, "steps")) {
            int key = Records.key(step);
            steps.add(new Step(
                    key,
                    step.string("child"),
                    layer(vm, key, step.string("from")),
                    layer(vm, key, step.string("into")),
                    Records.constant(step, "kind", BackupDisk.Kind.values()),
                    Records.string(step, "why"),
                    Records.has(step, "parent") ? Records.parent(step.object("parent")) : null));
        }
        List<String> alone = new ArrayList<>();
        if (!(fields.raw().get("alone") instanceof JsonArray others)) {
            throw new JsonFields.Unfit("'alone' is not an array");
        }
        for (var other : others) {
            if (!(other instanceof JsonPrimitive text)
                    || !text.getAsString().matches("vms/\\Q" + vm + "\\E/disks/[0-9]+/[0-9]{4,9}\\.qcow2")) {
                throw new JsonFields.Unfit("'alone' names what is no layer: " + other);
            }
            alone.add(text.getAsString());
        }
        return new Merge(fields.string("point"), steps, alone);
    }

    private static String layer(String vm, int key, String layer) throws JsonFields.Unfit {
        if (!Layers.isLayer(layer, vm, key)) {
            throw new JsonFields.Unfit("it names what is no layer of disk " + key + ": " + layer);
        }
        return layer;
    }
}
