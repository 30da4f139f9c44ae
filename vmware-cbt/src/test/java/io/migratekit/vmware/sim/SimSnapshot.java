package io.migratekit.vmware.sim;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** A snapshot of a VM: what its disks looked like, and its place in the tree. */
public final class SimSnapshot {
    /** A disk as it was. The file can be read for comparing. */
    record Frozen(
            SimDisk disk,
            Path file,
            long capacityBytes,
            Moment moment,
            @Nullable String changeId) {}

    final MoRef ref;
    final Instant created;
    final boolean quiesced;
    final String powerState;
    final Map<Integer, Frozen> disks = new ConcurrentSkipListMap<>();
    /** Independent disks and physical RDMs: listed, but neither frozen nor tracked. Our choice. */
    final List<SimDisk> leftOut = new CopyOnWriteArrayList<>();

    String name;
    String description;

    @Nullable
    SimSnapshot parent;

    volatile @Nullable Instant removed;
    /** Which file of the chain holds it: 0 is the base, n is {@code -00000n}. */
    int fileNumber;

    SimSnapshot(MoRef ref, String name, String description, boolean quiesced, String powerState) {
        this.ref = ref;
        this.name = name;
        this.description = description;
        this.quiesced = quiesced;
        this.powerState = powerState;
        this.created = Instant.now();
    }

    /** Its reference, such as {@code snapshot-1001}. */
    public String moref() {
        return ref.id();
    }

    /** When it began to be taken. */
    public Instant created() {
        return created;
    }

    /** When it was gone; empty while it is there. */
    public Optional<Instant> removed() {
        return Optional.ofNullable(removed);
    }

    public String name() {
        return name;
    }

    public String description() {
        return description;
    }

    @Override
    public String toString() {
        return name + " (" + moref() + ")";
    }
}
