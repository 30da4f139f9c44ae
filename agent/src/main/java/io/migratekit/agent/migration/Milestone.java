package io.migratekit.agent.migration;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.nbd.files.JsonFields;
import io.migratekit.vmware.Baseline;
import io.migratekit.vmware.ChangeId;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Which moment of a disk does a target hold, completely and durably? From there on a backup needs only what has
 * changed.
 *
 * @param moment the change id, with everything that makes it valid
 * @param job the backup that brought the target there
 * @param hashes hash files of the full backup and of all since, oldest first; only those behind the last one without
 * @param unaudited so many increments were made since somebody last checked that change tracking had told the truth
 */
record Milestone(Baseline moment, String job, Instant at, List<Path> hashes, int unaudited) {
    private static final int VERSION = 1;
    private static final String OVERWRITING = "overwriting";

    Milestone {
        hashes = List.copyOf(hashes);
    }

    Milestone withHashes(List<Path> known) {
        return new Milestone(moment, job, at, known, unaudited);
    }

    /** What tells it from any other one. */
    String name() {
        return job + "@" + at;
    }

    String json() {
        JsonObject json = new JsonObject();
        json.addProperty("version", VERSION);
        json.addProperty("vcenter", moment.vcenterUuid());
        json.addProperty("vm", moment.vmUuid());
        json.addProperty("disk", moment.diskKey());
        json.addProperty("backingUuid", moment.backingUuid());
        json.addProperty("capacityBytes", moment.capacityBytes());
        if (!moment.parents().isEmpty()) {
            json.add("parents", Generation.texts(moment.parents()));
        }
        json.addProperty("changeId", moment.changeId().text());
        json.addProperty("job", job);
        json.addProperty("at", at.toString());
        json.add("hashes", Generation.texts(hashes.stream().map(Path::toString).toList()));
        json.addProperty("unaudited", unaudited);
        return json + "\n";
    }

    /** The document that stands in a milestone's place while there is none, because all is being overwritten. */
    static String overwritten(String state) {
        JsonObject json = new JsonObject();
        json.addProperty("version", VERSION);
        json.addProperty(OVERWRITING, state);
        return json + "\n";
    }

    static boolean isOne(String text) throws JsonFields.Unfit {
        return !fields(text).raw().has(OVERWRITING);
    }

    static String overwriting(String text) throws JsonFields.Unfit {
        return fields(text).string(OVERWRITING);
    }

    private static JsonFields fields(String text) throws JsonFields.Unfit {
        JsonFields fields = JsonFields.parse(text);
        if (fields.number("version") != VERSION) {
            throw new JsonFields.Unfit("its version is " + fields.number("version"));
        }
        return fields;
    }

    static Milestone parse(String text) throws JsonFields.Unfit {
        JsonFields fields = fields(text);
        List<Path> hashes = new ArrayList<>();
        for (JsonElement file : fields.raw().getAsJsonArray("hashes")) {
            hashes.add(Path.of(file.getAsString()));
        }
        Baseline moment = new Baseline(
                fields.string("vcenter"),
                fields.string("vm"),
                Math.toIntExact(fields.number("disk")),
                fields.string("backingUuid"),
                fields.number("capacityBytes"),
                Generation.texts(fields, "parents"),
                new ChangeId(fields.string("changeId")));
        return new Milestone(
                moment, fields.string("job"), fields.time("at"), hashes, Math.toIntExact(fields.number("unaudited")));
    }
}
