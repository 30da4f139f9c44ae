package io.migratekit.vmware;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * How is our label written on a snapshot? The name says whose it is, the description all the rest; only both
 * together make it ours, so that a snapshot of somebody who likes our name is never touched.
 */
final class SnapshotLabels {
    private static final String NAME = "migratekit ";
    private static final String FIRST_LINE = "migratekit snapshot, format 1";

    private SnapshotLabels() {}

    static String name(VmSnapshot.Label label) {
        return NAME + label.jobId();
    }

    /** What tells this snapshot from all others of the same job, also if nobody could tell us its reference. */
    static String newMark() {
        return HexFormat.of().toHexDigits(RandomGenerator.of("SecureRandom").nextLong());
    }

    static String text(VmSnapshot.Label label, String mark) {
        return FIRST_LINE + "\njob: " + label.jobId() + "\nowner: " + label.owner() + "\nexpires: " + label.expires()
                + "\nmark: " + mark
                + "\nIt belongs to a running backup, which removes it. Remove it by hand only after the time above.";
    }

    /** The description with a new label and the mark that it had. */
    static String description(VmSnapshot.Label label, String before) {
        return text(label, lines(before).getOrDefault("mark", ""));
    }

    static boolean hasMark(String description, String mark) {
        return mark.equals(lines(description).get("mark"));
    }

    /** The label, if it is ours. */
    static Optional<VmSnapshot.Label> read(String name, String description) {
        if (!name.startsWith(NAME) || !description.strip().startsWith(FIRST_LINE)) {
            return Optional.empty();
        }
        Map<String, String> lines = lines(description);
        String job = lines.getOrDefault("job", "");
        String owner = lines.getOrDefault("owner", "");
        try {
            return name.equals(NAME + job)
                    ? Optional.of(new VmSnapshot.Label(job, owner, Instant.parse(lines.getOrDefault("expires", ""))))
                    : Optional.empty();
        } catch (DateTimeException | VSphereException.BadSpec e) {
            // Somebody edited it: it is not clearly ours any more.
            return Optional.empty();
        }
    }

    private static Map<String, String> lines(String description) {
        Map<String, String> lines = new HashMap<>();
        for (String line : description.lines().toList()) {
            int colon = line.indexOf(": ");
            if (colon > 0) {
                lines.putIfAbsent(
                        line.substring(0, colon).strip(),
                        line.substring(colon + 2).strip());
            }
        }
        return lines;
    }
}
