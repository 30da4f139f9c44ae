package io.migratekit.hub;

import io.migratekit.hub.repository.Backup;
import java.util.List;

/** What does Prometheus get to see? Numbers of the whole hub, as text. */
final class Metrics {
    private Metrics() {}

    static String of(List<Hub.Seen> all, int unreadable, int exports, long freeBytes) {
        long sealed = all.stream()
                .filter(seen -> seen.backup().state() == Backup.State.SEALED)
                .count();
        long dormant = all.stream().filter(Hub.Seen::isDormant).count();
        return gauge("points", "Restore points", sealed)
                + gauge("backups_open", "Backups that are being written", all.size() - sealed - dormant)
                + gauge("backups_dormant", "Open backups whose lease has ended", dormant)
                + gauge("unreadable_records", "Records that cannot be read", unreadable)
                + gauge("exports", "Layers that are served", exports)
                + gauge("free_bytes", "Free on the repository's file system", freeBytes);
    }

    private static String gauge(String name, String help, long value) {
        String full = "migratekit_hub_" + name;
        return "# HELP " + full + " " + help + "\n# TYPE " + full + " gauge\n" + full + " " + value + "\n";
    }
}
