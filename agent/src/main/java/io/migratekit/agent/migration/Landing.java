package io.migratekit.agent.migration;

import io.migratekit.nbd.NbdUri;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What do the targets of a VM's disks hold, and what becomes of it when all is copied? Open for one run of a backup. */
sealed interface Landing extends AutoCloseable permits ExportLanding, HubLanding {
    /** The target of each disk, by the disk's key. */
    Map<Integer, NbdUri> targets();

    /** The moment that the target holds, or stands on. */
    Optional<Milestone> find(int disk);

    /**
     * What tells the target's state from any other one: that a backup goes on where it was is only right if nobody has
     * written there since. See {@link Generation.Part#isWhereItWasLeft}.
     */
    String state(int disk);

    /** The target is about to be written in a way that no change id describes. */
    void forget(int disk);

    /** The target holds this moment, all of it durable. */
    void reached(int disk, Milestone milestone);

    /** All of the disk is going to be written: the target for that, through which nothing older shows. */
    NbdUri forAll(int disk);

    /** Why nothing is there that an increment could stand on, if whoever keeps the targets knows; the reason may be damage. */
    Optional<String> whyNothing(int disk);

    /** Whether who keeps the targets proves by itself that what an increment stands on is what it was. */
    boolean provesItself();

    /** Whether what was copied counts only once it was committed: then that can be made up for, without a snapshot. */
    boolean isCommittedLast();

    /** Whether it was committed already, by a run that did not live to say so. */
    boolean isCommitted();

    /** All that was copied is durable. */
    void commit(Commit commit);

    @Override
    void close();

    /**
     * What is to be recorded of a snapshot whose disks are there.
     *
     * @param configuration of the VM when it was frozen, as JSON
     */
    record Commit(Instant frozenAt, boolean quiesced, String configuration, List<Disk> disks) {
        public Commit {
            disks = List.copyOf(disks);
        }
    }

    /** One of its disks. */
    sealed interface Disk {
        int key();
    }

    /**
     * It is there, and durable.
     *
     * @param milestone where the next backup may begin; nothing if changes are not tracked
     */
    record Copied(int key, String reason, Optional<Milestone> milestone, Optional<Path> hashes) implements Disk {}

    /** It is not part of it. */
    record Missing(int key, String why) implements Disk {}
}
