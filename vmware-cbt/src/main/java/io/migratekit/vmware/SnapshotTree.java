package io.migratekit.vmware;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.vmware.soap.MoRef;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Which snapshots has a VM, in its whole tree? */
final class SnapshotTree {
    private SnapshotTree() {}

    /** One snapshot of anybody's. */
    record Node(String moref, String name, String description, Instant created, boolean quiesced) {}

    static List<Node> of(VCenter vc, VmRef vm) {
        JsonElement tree = vc.facts(vm, Set.of(), Set.of("snapshot")).get("snapshot");
        List<Node> all = new ArrayList<>();
        for (JsonElement root : VmDisks.list(tree, "rootSnapshotList")) {
            collect(root, all);
        }
        return all;
    }

    private static void collect(JsonElement element, List<Node> all) {
        if (element instanceof JsonObject one) {
            MoRef.of(one.get("snapshot"))
                    .ifPresent(reference -> all.add(new Node(
                            reference.id(),
                            Inventory.plain(VmDisks.text(one, "name")),
                            VmDisks.text(one, "description"),
                            instant(VmDisks.text(one, "createTime")),
                            VmDisks.text(one, "quiesced").equals("true"))));
            for (JsonElement child : VmDisks.list(one, "childSnapshotList")) {
                collect(child, all);
            }
        }
    }

    private static Instant instant(String text) {
        try {
            return Instant.parse(text);
        } catch (DateTimeException e) {
            return Instant.EPOCH;
        }
    }
}
