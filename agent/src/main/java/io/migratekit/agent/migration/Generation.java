package io.migratekit.agent.migration;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.agent.job.JobException;
import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.nbd.files.JsonFields;
import io.migratekit.vmware.ChangeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which snapshot does a backup read, and what was decided for its disks? Written down before the first byte of a
 * disk is copied, so that whoever resumes goes on with exactly this, or knows what it has to go on from.
 *
 * @param number 1 for the first snapshot of the backup
 * @param vm instance UUID
 * @param snapshot reference of the snapshot
 * @param frozenAt when it was taken, by the server's clock
 */
record Generation(
        int number, String vcenter, String vm, String snapshot, Instant frozenAt, boolean quiesced, List<Part> parts) {
    static final String NAME = "migration.json";
    private static final int VERSION = 1;

    Generation {
        parts = List.copyOf(parts);
    }

    /**
     * What was decided for one disk?
     *
     * @param target what tells the target from all others
     * @param parents as {@link io.migratekit.vmware.VmDisk#parents}
     * @param changeId the moment that the snapshot froze, if changes are tracked
     * @param whole whether all of the disk is copied; else the ranges stand in a file of their own
     * @param reason why all of it, or since when not
     * @param base the state of the target when this was decided, as {@link Landing#state} has it
     * @param plannedBytes so much of the disk is to be looked at
     * @param unitBytes in units of this size progress is recorded
     * @param audit what came of checking change tracking beforehand; empty if that was not due
     */
    record Part(
            int disk,
            String label,
            String target,
            long capacityBytes,
            String backingUuid,
            List<String> parents,
            Optional<ChangeId> changeId,
            boolean whole,
            String reason,
            String base,
            long plannedBytes,
            long unitBytes,
            String audit) {
        Part {
            parents = List.copyOf(parents);
        }

        /** The same in another target, with this reason. */
        Part in(String otherTarget, String why) {
            return new Part(
                    disk,
                    label,
                    otherTarget,
                    capacityBytes,
                    backingUuid,
                    parents,
                    changeId,
                    whole,
                    why,
                    base,
                    plannedBytes,
                    unitBytes,
                    audit);
        }

        boolean audited() {
            return !audit.isEmpty();
        }

        /**
         * Whether nobody else has written to the target since: what this backup has put there is there, and nothing
         * else is.
         *
         * @param state of the target now
         */
        boolean isWhereItWasLeft(JobId job, String state) {
            return state.equals(whole ? Milestones.overwrittenBy(job) : base);
        }
    }

    Optional<Part> part(int disk) {
        return parts.stream().filter(part -> part.disk() == disk).findFirst();
    }

    /** The name of the copy of a disk, among the jobs within the backup's. */
    JobId copyOf(int disk) {
        return new JobId(disk + "." + number);
    }

    /** Where the ranges of a disk stand that is not copied as a whole. */
    String rangesOf(int disk) {
        return "ranges-" + copyOf(disk) + ".json";
    }

    Generation with(List<Part> decided) {
        return new Generation(number, vcenter, vm, snapshot, frozenAt, quiesced, decided);
    }

    /** The name of what the VM looked like when it was frozen. */
    String configurationName() {
        return "vm-" + number + ".json";
    }

    void write(StateFolder folder) {
        folder.write(NAME, json() + "\n");
    }

    static Optional<Generation> read(StateFolder folder) {
        return folder.read(NAME).map(text -> {
            try {
                return parse(text);
            } catch (JsonFields.Unfit | RuntimeException e) {
                throw JobException.damaged(folder.path().resolve(NAME), String.valueOf(e.getMessage()));
            }
        });
    }

    private JsonObject json() {
        JsonObject json = new JsonObject();
        json.addProperty("version", VERSION);
        json.addProperty("generation", number);
        json.addProperty("vcenter", vcenter);
        json.addProperty("vm", vm);
        json.addProperty("snapshot", snapshot);
        json.addProperty("frozenAt", frozenAt.toString());
        json.addProperty("quiesced", quiesced);
        JsonArray list = new JsonArray();
        for (Part part : parts) {
            JsonObject disk = new JsonObject();
            disk.addProperty("disk", part.disk());
            disk.addProperty("label", part.label());
            disk.addProperty("target", part.target());
            disk.addProperty("capacityBytes", part.capacityBytes());
            disk.addProperty("backingUuid", part.backingUuid());
            if (!part.parents().isEmpty()) {
                disk.add("parents", texts(part.parents()));
            }
            part.changeId().ifPresent(id -> disk.addProperty("changeId", id.text()));
            disk.addProperty("whole", part.whole());
            disk.addProperty("reason", part.reason());
            disk.addProperty("base", part.base());
            disk.addProperty("plannedBytes", part.plannedBytes());
            disk.addProperty("unitBytes", part.unitBytes());
            disk.addProperty("audit", part.audit());
            list.add(disk);
        }
        json.add("disks", list);
        return json;
    }

    static JsonArray texts(List<String> list) {
        JsonArray texts = new JsonArray();
        list.forEach(texts::add);
        return texts;
    }

    /** A list that is absent where there is nothing in it. */
    static List<String> texts(JsonFields fields, String name) {
        return !fields.raw().has(name)
                ? List.of()
                : fields.raw().getAsJsonArray(name).asList().stream()
                        .map(JsonElement::getAsString)
                        .toList();
    }

    private static Generation parse(String text) throws JsonFields.Unfit {
        JsonFields fields = JsonFields.parse(text);
        if (fields.number("version") != VERSION) {
            throw new JsonFields.Unfit(
                    "its version is " + fields.number("version") + ", and this program knows version " + VERSION);
        }
        List<Part> parts = new ArrayList<>();
        for (JsonElement element : fields.raw().getAsJsonArray("disks")) {
            JsonFields disk = JsonFields.known(element.toString());
            parts.add(new Part(
                    Math.toIntExact(disk.number("disk")),
                    disk.string("label"),
                    disk.string("target"),
                    disk.number("capacityBytes"),
                    disk.string("backingUuid"),
                    texts(disk, "parents"),
                    disk.raw().has("changeId") ? Optional.of(new ChangeId(disk.string("changeId"))) : Optional.empty(),
                    disk.truth("whole"),
                    disk.string("reason"),
                    disk.string("base"),
                    disk.number("plannedBytes"),
                    disk.number("unitBytes"),
                    disk.string("audit")));
        }
        return new Generation(
                Math.toIntExact(fields.number("generation")),
                fields.string("vcenter"),
                fields.string("vm"),
                fields.string("snapshot"),
                fields.time("frozenAt"),
                fields.truth("quiesced"),
                parts);
    }
}
