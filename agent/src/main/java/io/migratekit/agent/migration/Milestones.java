package io.migratekit.agent.migration;

import io.migratekit.agent.job.JobId;
import io.migratekit.agent.job.StateFolder;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.files.JsonFields;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What do we know of a VM's disks at the targets they were backed up to? One document for each disk and target, in
 * the VM's folder. Without one, or with one that makes no sense, the next backup of the disk is a full one.
 */
final class Milestones {
    private static final System.Logger LOG = System.getLogger(Milestones.class.getName());
    private static final int NAME_BYTES = 8;

    private final StateFolder folder;
    /** What was said to be of no use; it is read more than once. */
    private final Set<String> complained = ConcurrentHashMap.newKeySet();

    Milestones(StateFolder folderOfVm) {
        this.folder = folderOfVm;
    }

    Optional<Milestone> find(int disk, NbdUri target) {
        return document(
                disk, target, text -> Milestone.isOne(text) ? Optional.of(Milestone.parse(text)) : Optional.empty());
    }

    /**
     * What tells the target's state from any other one: the name of its milestone, or of the backup that began to
     * overwrite all of it last; empty if nothing is known.
     */
    String state(int disk, NbdUri target) {
        Optional<String> state = document(
                disk,
                target,
                text -> Optional.of(
                        Milestone.isOne(text) ? Milestone.parse(text).name() : Milestone.overwriting(text)));
        return state.orElse("");
    }

    /** What {@link #state} is while, and after, a backup overwrites all of a target. */
    static String overwrittenBy(JobId job) {
        return "overwritten by " + job;
    }

    private interface Reader<T> {
        Optional<T> read(String text) throws JsonFields.Unfit;
    }

    private <T> Optional<T> document(int disk, NbdUri target, Reader<T> reader) {
        String name = name(disk, target);
        return folder.read(name).flatMap(text -> {
            try {
                return reader.read(text);
            } catch (JsonFields.Unfit | RuntimeException e) {
                if (complained.add(name)) {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            folder.path().resolve(name) + " cannot be used, so the next backup is a full one: "
                                    + e.getMessage());
                }
                return Optional.empty();
            }
        });
    }

    /** The target holds this moment: only to be said when all of it was flushed there. */
    void reached(NbdUri target, Milestone milestone) {
        folder.write(name(milestone.moment().diskKey(), target), milestone.json());
    }

    /**
     * The target is about to be written in a way that no change id describes. Who does so is remembered: another
     * backup that had been interrupted must not go on as if the target still held what it wrote there.
     */
    void forget(int disk, NbdUri target, JobId job) {
        folder.write(name(disk, target), Milestone.overwritten(overwrittenBy(job)));
    }

    private static String name(int disk, NbdUri target) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256")
                    .digest(target.identity().getBytes(StandardCharsets.UTF_8));
            return "disk-" + disk + "-" + HexFormat.of().formatHex(digest, 0, NAME_BYTES) + ".json";
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
