package io.migratekit.hub;

import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.LastPoint;
import io.migratekit.hub.repository.Vm;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** What does Prometheus get to see? Numbers of the whole hub, as text. */
final class Metrics {
    private static final String NAME = "migratekit_hub_";

    private Metrics() {}

    static String of(List<Hub.Seen> all, int unreadable, int exports, long freeBytes, List<Vm> vms, Alarms alarms) {
        long sealed = all.stream()
                .filter(seen -> seen.backup().state() == Backup.State.SEALED)
                .count();
        long dormant = all.stream().filter(Hub.Seen::isDormant).count();
        return gauge("points", "Restore points", sealed)
                + gauge("backups_open", "Backups that are being written", all.size() - sealed - dormant)
                + gauge("backups_dormant", "Open backups whose lease has ended", dormant)
                + gauge("unreadable_records", "Records that cannot be read", unreadable)
                + gauge("exports", "Layers that are served", exports)
                + gauge("free_bytes", "Free on the repository's file system", freeBytes)
                + gauge(
                        "alarms",
                        "What somebody should look after",
                        alarms.of(vms).size())
                + alarms.spaceLeft()
                        .map(left -> gauge(
                                "space_seconds",
                                "How long the free space lasts at the pace of the last week",
                                left.toSeconds()))
                        .orElse("")
                + ofVms(vms);
    }

    private static String ofVms(List<Vm> vms) {
        StringBuilder ages = new StringBuilder();
        StringBuilder damaged = new StringBuilder();
        for (Vm vm : vms) {
            String labels = "{vm=\"" + vm.id() + "\",name=\"" + escaped(vm.name()) + "\"} ";
            LastPoint good = vm.lastGood();
            if (good != null) {
                ages.append(NAME + "vm_last_good_age_seconds")
                        .append(labels)
                        .append(Duration.between(good.moment(), Instant.now()).toSeconds())
                        .append('\n');
            }
            damaged.append(NAME + "vm_damaged_points")
                    .append(labels)
                    .append(vm.damaged().size())
                    .append('\n');
        }
        return head("vm_last_good_age_seconds", "Age of the newest restore point that is complete and not damaged")
                + ages
                + head("vm_damaged_points", "Restore points that are known to be damaged")
                + damaged;
    }

    private static String escaped(String label) {
        return label.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    }

    private static String gauge(String name, String help, long value) {
        return head(name, help) + NAME + name + " " + value + "\n";
    }

    private static String head(String name, String help) {
        return "# HELP " + NAME + name + " " + help + "\n# TYPE " + NAME + name + " gauge\n";
    }
}
