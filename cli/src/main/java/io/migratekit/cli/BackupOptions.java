package io.migratekit.cli;

import io.migratekit.agent.migration.AuditLimits;
import io.migratekit.agent.migration.MigrationSpec;
import io.migratekit.agent.migration.Targets;
import io.migratekit.nbd.NbdUri;
import io.migratekit.vmware.VmSnapshot.Quiesce;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What does the backup of a VM take, where does it go to, and how? The options that {@code doctor} takes as well. */
final class BackupOptions {
    /** What reads from VMware best: few large requests. */
    static final long REQUEST_BYTES = 2 << 20;

    private static final Pattern DISK_AND_URI = Pattern.compile("([0-9]{1,9})=(.+)");

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private CommandSpec mixee;

    @Option(
            names = "--nbd-target",
            paramLabel = "[DISK=]URI",
            description =
                    "The export that a disk is written to, by the disk's key as 'vmware list' shows it; without one,"
                            + " the export of the only disk. Repeatable.")
    private List<String> nbdTargets = new ArrayList<>();

    @Option(
            names = "--nbd-export-name",
            paramLabel = "NAME",
            description = "The same for exports of nbd://127.0.0.1:10808; {disk} in it becomes the disk's key.")
    private @Nullable String exportName;

    @Option(names = "--skip-disk", paramLabel = "DISK", description = "Leave this disk out, by its key. Repeatable.")
    private Set<Integer> skipped = new TreeSet<>();

    @Option(names = "--full", description = "Copy everything, whatever is known of changes.")
    private boolean full;

    @Option(
            names = "--quiesce",
            paramLabel = "yes|no|if-possible",
            defaultValue = "if-possible",
            description =
                    "Bring the guest's file systems to rest for the snapshot (default: ${DEFAULT-VALUE}; that it was"
                            + " not possible is said and recorded).")
    private String quiesce = "if-possible";

    @Option(
            names = "--disks-at-once",
            paramLabel = "N",
            defaultValue = "4",
            description = "Copy so many disks at the same time (default: ${DEFAULT-VALUE}).")
    private int disksAtOnce;

    @Option(
            names = "--lease",
            paramLabel = "TIME",
            defaultValue = "6h",
            converter = Times.class,
            description = "If this agent falls silent, others may remove its snapshot after so long (default:"
                    + " ${DEFAULT-VALUE}); renewed while it runs.")
    private Duration lease = MigrationSpec.DEFAULT_LEASE;

    @Option(
            names = "--audit-every",
            paramLabel = "N",
            defaultValue = "10",
            description =
                    "Before every Nth incremental of a disk, read a sample of what is said to be unchanged again; 0:"
                            + " never (default: ${DEFAULT-VALUE}). A difference makes it a full backup.")
    private int auditEvery;

    @Option(names = "--audit", description = "The same before this one.")
    private boolean audit;

    @Option(
            names = "--seal-incomplete",
            description =
                    "With --hub: if disks cannot be copied, make a restore point of the others all the same; it is"
                            + " listed as incomplete, and the command fails. Without it the same id may go on.")
    private boolean sealIncomplete;

    void requireSound() {
        require(disksAtOnce >= 1 && disksAtOnce <= 50, "--disks-at-once is 1 to 50: a host serves no more");
        require(lease.compareTo(Duration.ofMinutes(1)) >= 0, "--lease is one minute at least");
        require(auditEvery >= 0, "--audit-every is 0 or more");
    }

    Set<Integer> skipped() {
        return skipped;
    }

    boolean full() {
        return full;
    }

    int disksAtOnce() {
        return disksAtOnce;
    }

    Duration lease() {
        return lease;
    }

    boolean sealIncomplete() {
        return sealIncomplete;
    }

    AuditLimits audit() {
        return AuditLimits.DEFAULT.withEvery(audit ? 1 : auditEvery);
    }

    boolean exportsGiven() {
        return !nbdTargets.isEmpty() || exportName != null;
    }

    /** Into a hub or into exports that exist; a hub of the configuration, if nothing is said. */
    void requireOneDestination(HubOptions hub, VmwareOptions vmware, RoadOptions road) {
        boolean exports = exportsGiven();
        if (!exports) {
            hub.fillFrom(vmware.config().find(), road);
        }
        require(
                !(hub.given() && exports),
                "--hub makes places for the disks by itself: it goes neither with --nbd-target nor with"
                        + " --nbd-export-name");
        require(hub.given() || !sealIncomplete, "--seal-incomplete is for backups to a hub");
        require(
                hub.given() || exports,
                "say where to write to: --hub (or [hub] of the configuration), or an export that exists: --nbd-target"
                        + " or --nbd-export-name");
    }

    /** The exports that are named, reached that way. */
    Targets targets(@Nullable Way way) {
        Map<Integer, NbdUri> byDisk = new HashMap<>();
        String pattern = "";
        for (String target : nbdTargets) {
            Matcher named = DISK_AND_URI.matcher(target);
            if (named.matches()) {
                NbdUri before = byDisk.put(Integer.valueOf(named.group(1)), NbdUri.parse(named.group(2)));
                require(before == null, "--nbd-target is given twice for disk " + named.group(1));
            } else {
                require(pattern.isEmpty(), "--nbd-target without a disk is given twice; write DISK=URI");
                NbdUri.parse(target.replace("{disk}", "0"));
                pattern = target;
            }
        }
        if (exportName != null) {
            require(pattern.isEmpty(), "--nbd-export-name and --nbd-target without a disk exclude each other");
            pattern = "nbd://127.0.0.1:10808/" + exportName;
        }
        return new Targets(byDisk, pattern, uri -> Way.lead(way, uri));
    }

    Quiesce quiesce() {
        return switch (quiesce.toLowerCase(Locale.ROOT)) {
            case "yes" -> Quiesce.YES;
            case "no" -> Quiesce.NO;
            case "if-possible" -> Quiesce.IF_POSSIBLE;
            default ->
                throw new ParameterException(
                        mixee.commandLine(), "--quiesce is yes, no or if-possible, not '" + quiesce + "'");
        };
    }

    private void require(boolean sound, String rule) {
        if (!sound) {
            throw new ParameterException(mixee.commandLine(), rule);
        }
    }
}
