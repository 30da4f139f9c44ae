package io.migratekit.agent.migration;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.agent.copy.CopyReport;
import io.migratekit.vmware.ChangeId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What came of the backup of a VM?
 *
 * @param quiesced whether the guest's file systems were brought to rest
 * @param generations how many snapshots it took
 */
public record MigrationReport(
        String vm,
        String vmUuid,
        boolean quiesced,
        int generations,
        List<Disk> disks,
        List<String> warnings,
        Duration took) {
    public MigrationReport {
        disks = List.copyOf(disks);
        warnings = List.copyOf(warnings);
    }

    /**
     * What came of a disk?
     *
     * @param whole whether all of it was to be copied, not only what had changed
     * @param reason why
     * @param changeId the moment that the target now holds, if changes are tracked
     * @param audit what came of checking change tracking, if that was due; else empty
     * @param copy figures of this run; nothing if an earlier run had finished the disk
     * @param copyJson figures of the run that finished it
     */
    public record Disk(
            int key,
            String label,
            String target,
            boolean whole,
            String reason,
            Optional<ChangeId> changeId,
            String audit,
            Optional<CopyReport> copy,
            String copyJson) {}

    /** All of it as a JSON object; the names of its fields are a contract with scripts. */
    public String json() {
        JsonObject json = new JsonObject();
        json.addProperty("vm", vm);
        json.addProperty("vm-uuid", vmUuid);
        json.addProperty("quiesced", quiesced);
        json.addProperty("generations", generations);
        json.addProperty("millis", took.toMillis());
        JsonArray list = new JsonArray();
        for (Disk disk : disks) {
            JsonObject entry = new JsonObject();
            entry.addProperty("disk", disk.key());
            entry.addProperty("label", disk.label());
            entry.addProperty("target", disk.target());
            entry.addProperty("mode", disk.whole() ? "full" : "incremental");
            entry.addProperty("reason", disk.reason());
            disk.changeId().ifPresent(id -> entry.addProperty("change-id", id.text()));
            if (!disk.audit().isEmpty()) {
                entry.addProperty("audit", disk.audit());
            }
            entry.add("copy", JsonParser.parseString(disk.copyJson()));
            list.add(entry);
        }
        json.add("disks", list);
        JsonArray warned = new JsonArray();
        warnings.forEach(warned::add);
        json.add("warnings", warned);
        return json.toString();
    }
}
