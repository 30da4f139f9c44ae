package io.migratekit.hub.control;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * How much may go on at once? Jobs of a hub and of a vCenter; disks of an ESXi host and on a datastore, since each of them is
 * a connection there. How many jobs an agent takes it says itself.
 *
 * @param only exceptions, such as {@code host:esx1} to 2
 * @param rates how fast the jobs of an agent may be; the lowest of those that hold counts
 */
public record Limits(int hub, int vcenter, int host, int datastore, Map<String, Integer> only, List<Rate> rates) {
    public static final Limits DEFAULTS = new Limits(16, 16, 8, 8, Map.of(), List.of());
    public static final int MOST = 10_000;

    public Limits {
        only = Map.copyOf(new TreeMap<>(only));
        rates = List.copyOf(rates);
    }

    /** How many bytes a second all jobs of an agent together may read now. */
    public OptionalLong rate(String agent, Instant now) {
        return rates.stream()
                .filter(rate -> rate.holds(agent, now))
                .mapToLong(Rate::bytesPerSecond)
                .min();
    }

    /** Of what there may be so many at once. */
    int of(String name) {
        Integer own = only.get(name);
        if (own != null) {
            return own;
        }
        return switch (name.substring(0, name.indexOf(':'))) {
            case "hub" -> hub;
            case "vcenter" -> vcenter;
            case "host" -> host;
            case "datastore" -> datastore;
            default -> MOST;
        };
    }
}
