package io.migratekit.agent.migration;

import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdUri;
import io.migratekit.vmware.VmDisk;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * Into which export that exists does each disk of the VM go?
 *
 * @param byDisk exports named for single disks, by the disk's key
 * @param pattern the export for all others, with {@code {disk}} where the disk's key is to stand; empty for none
 * @param road how an export is reached, when the address is as seen from elsewhere
 */
public record Targets(Map<Integer, NbdUri> byDisk, String pattern, UnaryOperator<NbdUri> road) implements Destination {
    private static final String DISK = "{disk}";

    public Targets {
        byDisk = Map.copyOf(byDisk);
    }

    @Override
    public String text() {
        String named = new TreeMap<>(byDisk)
                .entrySet().stream()
                        .map(entry -> entry.getKey() + "=" + entry.getValue().identity())
                        .collect(Collectors.joining(" "));
        return (pattern + " " + named).strip();
    }

    /** The export of each of these disks, by the disk's key; a mistake is told with what to write instead. */
    public Map<Integer, NbdUri> of(List<VmDisk> disks) {
        TreeSet<Integer> unknown = new TreeSet<>(byDisk.keySet());
        disks.forEach(disk -> unknown.remove(disk.key()));
        if (!unknown.isEmpty()) {
            throw new MigrationException.BadTargets(
                    "the VM has no disk " + unknown.getFirst() + " to copy; it has " + names(disks));
        }
        List<VmDisk> rest =
                disks.stream().filter(disk -> !byDisk.containsKey(disk.key())).toList();
        if (!rest.isEmpty() && pattern.isEmpty()) {
            throw new MigrationException.BadTargets("there is no target for " + names(rest) + ". Give --nbd-target "
                    + rest.getFirst().key() + "=URI for it, or leave it out with --skip-disk "
                    + rest.getFirst().key());
        }
        if (rest.size() > 1 && !pattern.contains(DISK)) {
            throw new MigrationException.BadTargets(rest.size() + " disks cannot be written to one export: "
                    + names(rest) + ". Give --nbd-target " + rest.getFirst().key()
                    + "=URI for each of them, or an export name with " + DISK + " in it, which becomes the disk's key");
        }
        Map<Integer, NbdUri> targets = new TreeMap<>();
        disks.forEach(disk -> targets.put(disk.key(), road.apply(of(disk))));
        if (targets.values().stream().map(NbdUri::identity).distinct().count() < targets.size()) {
            throw new MigrationException.BadTargets("two disks have the same target: " + targets);
        }
        return targets;
    }

    private NbdUri of(VmDisk disk) {
        NbdUri named = byDisk.get(disk.key());
        if (named != null) {
            return named;
        }
        try {
            return NbdUri.parse(pattern.replace(DISK, Integer.toString(disk.key())));
        } catch (NbdException.BadUri e) {
            throw new MigrationException.BadTargets(Objects.toString(e.getMessage()));
        }
    }

    private static String names(List<VmDisk> disks) {
        return disks.stream()
                .map(disk -> disk.key() + " (" + disk.label() + ", " + (disk.capacityBytes() >> 20) + " MiB)")
                .collect(Collectors.joining(", "));
    }
}
