package io.migratekit.agent.migration;

import io.migratekit.nbd.ByteRange;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Ranges;
import io.migratekit.nbd.proof.Grid;
import io.migratekit.vmware.DiskServer;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.VmDisk;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;

/**
 * May the next backup of a disk be an incremental one, going by the disk and the target themselves? Whatever of them
 * was looked at must be as it was left; that it could not be looked at is said, and no reason against it.
 */
final class Auditor {
    private final MigrationSpec spec;
    private final MigrationListener listener;

    Auditor(MigrationSpec spec, MigrationListener listener) {
        this.spec = spec;
        this.listener = listener;
    }

    /**
     * What was found.
     *
     * @param doubt why all of the disk has to be copied; nothing if that is not so
     * @param words what came of the audit of change tracking; empty if none was due
     */
    record Verdict(Optional<String> doubt, String words) {}

    /**
     * Looks at both ends of an incremental backup before it begins.
     *
     * @param target whose keeper does not look at it by itself
     * @param served makes the frozen disk readable
     */
    Verdict look(
            VmDisk disk,
            Optional<NbdUri> target,
            Milestone milestone,
            Ranges changed,
            Function<VmDisk, DiskServer> served) {
        Optional<String> other = target.flatMap(export -> otherTarget(disk, export, milestone, changed));
        if (other.isPresent()) {
            return new Verdict(other, "");
        }
        return spec.audit().isDue(milestone.unaudited())
                ? audit(disk, milestone, changed, served)
                : new Verdict(Optional.empty(), "");
    }

    private Optional<String> otherTarget(VmDisk disk, NbdUri target, Milestone milestone, Ranges changed) {
        if (spec.audit().targetCells() == 0) {
            return Optional.empty();
        }
        if (milestone.hashes().isEmpty()) {
            listener.told("the target of " + disk + " was not looked at: its last backup was made without hashes");
            return Optional.empty();
        }
        long seed = ThreadLocalRandom.current().nextLong();
        String what = "some cells of the target of " + disk + ", to be compared";
        listener.waiting(what, spec.audit().atMost());
        try {
            ChangeAudit.Result result = ChangeAudit.ofNewest(
                            milestone, changed, spec.audit().targetCells(), seed)
                    .compare(target, connect(), Deadline.in(spec.audit().atMost()));
            if (result.isFine()) {
                return Optional.empty();
            }
            String words = "the target of " + disk + " is not as the backup " + milestone.job() + " left it ("
                    + result.words() + "): it was replaced, rolled back or written to";
            listener.warned(words + ". Everything is copied again");
            return Optional.of(words);
        } catch (ChangeAudit.HashesLost e) {
            String words = "whether the target of " + disk + " is still as the backup " + milestone.job()
                    + " left it cannot be told: " + e.getMessage();
            listener.warned(words + ". Everything is copied again");
            return Optional.of(words);
        } catch (ChangeAudit.NotPossible e) {
            // Should the target be out of reach, the copy says so, and better.
            return Optional.empty();
        } finally {
            listener.waited(what);
        }
    }

    private Verdict audit(VmDisk disk, Milestone milestone, Ranges changed, Function<VmDisk, DiskServer> served) {
        long seed = ThreadLocalRandom.current().nextLong();
        String what = "some cells of " + disk + ", to audit change tracking";
        listener.waiting(what, spec.audit().atMost());
        try {
            ChangeAudit audit =
                    ChangeAudit.ofDisk(milestone, changed, spec.audit().cells(), seed);
            try (DiskServer server = served.apply(disk)) {
                return verdict(
                        disk,
                        milestone,
                        audit.compare(
                                server.uri(),
                                connect(),
                                Deadline.in(spec.audit().atMost())));
            }
        } catch (ChangeAudit.NotPossible | VSphereException.DiskServerFailed e) {
            String words = "change tracking of " + disk + " could not be audited: " + e.getMessage();
            listener.told(words);
            return new Verdict(Optional.empty(), words);
        } finally {
            listener.waited(what);
        }
    }

    private Verdict verdict(VmDisk disk, Milestone milestone, ChangeAudit.Result result) {
        if (result.isFine()) {
            String words = "change tracking of " + disk + " was audited: " + result.words() + ", nothing was missed";
            listener.told(words);
            return new Verdict(Optional.empty(), words);
        }
        String words = "change tracking of " + disk + " has missed changes since "
                + milestone.moment().changeId() + " (" + result.words() + ")";
        listener.warned("CHANGE TRACKING CANNOT BE TRUSTED: " + words + ". Everything is copied now; earlier"
                + " incremental backups may lack changes. Switch change tracking of the VM off and on again while it has"
                + " no snapshots");
        return new Verdict(Optional.of(words), words);
    }

    /**
     * Whether what is said never to have been written reads as zero: the same tracking tells it, and if that began
     * while there were snapshots it is wrong.
     *
     * @param disk as it is served
     */
    boolean isUnusedZero(VmDisk disk, NbdUri served, Ranges inUse) {
        long seed = ThreadLocalRandom.current().nextLong();
        String what = "some of " + disk + " that is said not to be in use";
        listener.waiting(what, spec.audit().atMost());
        try (NbdConnection connection = NbdConnection.open(
                        served, connect().withPurpose("audit").withContexts(List.of()));
                Arena arena = Arena.ofConfined()) {
            MemorySegment zeroes = arena.allocate(Grid.LEAF_BYTES);
            MemorySegment buffer = arena.allocate(Grid.LEAF_BYTES);
            Deadline deadline = Deadline.in(spec.audit().atMost());
            for (ByteRange leaf :
                    UnusedLeaves.of(inUse, disk.capacityBytes(), spec.audit().cells(), seed)) {
                if (deadline.isOver()) {
                    break;
                }
                connection.await(connection.read(buffer.asSlice(0, leaf.length()), leaf.offset()));
                if (buffer.asSlice(0, leaf.length()).mismatch(zeroes.asSlice(0, leaf.length())) >= 0) {
                    listener.warned("CHANGE TRACKING CANNOT BE TRUSTED: " + disk + " has data at offset "
                            + leaf.offset() + ", where nothing was ever written by its word. So all of it is read");
                    return false;
                }
            }
            return true;
        } catch (NbdException.Cancelled e) {
            throw new MigrationException.Interrupted("stopped");
        } catch (NbdException e) {
            return false; // Whoever copies it will say so better.
        } finally {
            listener.waited(what);
        }
    }

    private ConnectSpec connect() {
        return spec.connect();
    }
}
