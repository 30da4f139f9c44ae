package io.migratekit.cli;

import com.google.gson.JsonObject;
import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.BackupDisk;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** What is a restore point that a hub, or a folder, has shown as JSON? As far as it takes to describe its machine. */
final class PointJson {
    private PointJson() {}

    static Backup read(JsonObject json) {
        List<BackupDisk> disks = new ArrayList<>();
        for (JsonObject disk : HubText.objects(json, "disks")) {
            disks.add(new BackupDisk(
                    (int) HubText.number(disk, "key"),
                    disk.has("label") ? HubText.text(disk, "label") : null,
                    HubText.number(disk, "capacityBytes"),
                    HubText.text(disk, "kind").equals("full") ? BackupDisk.Kind.FULL : BackupDisk.Kind.INCREMENTAL,
                    null,
                    disk.has("layer") ? HubText.text(disk, "layer") : null,
                    HubText.number(disk, "layerBytes"),
                    null,
                    disk.has("root") ? HubText.text(disk, "root") : null,
                    null,
                    null,
                    disk.has("missing") ? HubText.text(disk, "missing") : null));
        }
        return new Backup(
                HubText.text(json, "id"),
                HubText.text(json, "vm"),
                HubText.text(json, "vmName"),
                Backup.State.SEALED,
                json.has("complete") && json.get("complete").getAsBoolean(),
                Instant.parse(HubText.text(json, "startedAt")),
                json.has("takenAt") ? Instant.parse(HubText.text(json, "takenAt")) : null,
                null,
                null,
                null,
                json.has("agent") ? HubText.text(json, "agent") : null,
                json.getAsJsonObject("configuration"),
                disks);
    }
}
