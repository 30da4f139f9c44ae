package io.migratekit.hub.repository;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.nbd.files.JsonFields;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What came of looking at a layer? It speaks of one content: when the layer has another one, it means nothing.
 *
 * @param root the content that the layer was to have
 * @param at when it was looked at; null if only damage was met
 * @param since when the layer below that was looked at longest ago was, or this one
 * @param damage what makes the content wrong, here or in what it stands on; nothing if it is right
 * @param structure what the file's own tables were like, see {@link Structure}; null if it is not known
 */
record LayerProof(
        String root,
        @Nullable Instant at,
        @Nullable Instant since,
        List<Damage> damage,
        @Nullable String structure) {
    LayerProof {
        damage = List.copyOf(damage);
    }

    /** The same of a file with another structure. */
    LayerProof with(@Nullable String otherStructure) {
        return new LayerProof(root, at, since, damage, otherStructure);
    }

    JsonObject toJson() {
        JsonObject object = new JsonObject();
        object.addProperty("root", root);
        Records.put(object, "at", at);
        Records.put(object, "since", since);
        Records.put(object, "structure", structure);
        JsonArray all = new JsonArray();
        for (Damage one : damage) {
            JsonObject told = new JsonObject();
            told.addProperty("layer", one.layer());
            told.addProperty("offset", one.offset());
            told.addProperty("length", one.length());
            told.addProperty("what", one.what());
            all.add(told);
        }
        object.add("damage", all);
        return object;
    }

    static LayerProof read(JsonFields fields) throws JsonFields.Unfit {
        List<Damage> damage = new ArrayList<>();
        for (JsonFields one : Records.objects(fields, "damage")) {
            damage.add(new Damage(one.string("layer"), one.number("offset"), one.number("length"), one.string("what")));
        }
        return new LayerProof(
                fields.string("root"),
                Records.time(fields, "at"),
                Records.time(fields, "since"),
                damage,
                Records.string(fields, "structure"));
    }
}
