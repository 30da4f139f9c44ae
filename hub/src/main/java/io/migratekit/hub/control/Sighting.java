package io.migratekit.hub.control;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How did an agent see a VM last? What a backup of it takes up follows from that.
 *
 * @param host the ESXi host on which it ran; nothing if that was not told
 */
public record Sighting(
        String agent, String vm, String name, String vcenter, String host, List<String> datastores, int disks) {
    public Sighting {
        datastores = List.copyOf(datastores);
    }

    /** What of everything that is limited a backup of it takes up. */
    Map<String, Integer> uses(String hub) {
        Map<String, Integer> uses = new TreeMap<>();
        uses.put("hub:" + hub, 1);
        uses.put("agent:" + agent, 1);
        uses.put("vcenter:" + vcenter, 1);
        if (!host.isEmpty()) {
            uses.put("host:" + host, disks);
        }
        datastores.forEach(name -> uses.put("datastore:" + name, disks));
        return uses;
    }
}
