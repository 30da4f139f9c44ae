package io.migratekit.agent.migration;

import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.watch.Road;
import java.util.Map;
import java.util.Objects;

/** Why did the backup of a VM not come about, besides what its parts have to say? Messages are sentences for a person. */
public abstract sealed class MigrationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private MigrationException(String message, @org.jspecify.annotations.Nullable Throwable cause) {
        super(message, cause);
    }

    /** Never null: a failure without words would be half a silence. */
    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** Disks and targets do not go together: the user's mistake. */
    public static final class BadTargets extends MigrationException {
        private static final long serialVersionUID = 1L;

        BadTargets(String message) {
            super(message, null);
        }
    }

    /** The hub has made a place for a disk, but does not serve it. */
    public static final class NoExport extends MigrationException {
        private static final long serialVersionUID = 1L;

        NoExport(String message) {
            super(message, null);
        }
    }

    /** The road to the hub is down, so nothing is known of the hub itself. */
    public static final class RoadDown extends MigrationException {
        private static final long serialVersionUID = 1L;

        RoadDown(Road road, HubException failure) {
            super(road.explains(failure), failure);
        }
    }

    /** A disk cannot be backed up through a snapshot at all. */
    public static final class DiskRefused extends MigrationException {
        private static final long serialVersionUID = 1L;

        DiskRefused(String message) {
            super(message, null);
        }
    }

    /** Another backup works on this VM. */
    public static final class VmBusy extends MigrationException {
        private static final long serialVersionUID = 1L;

        VmBusy(String message) {
            super(message, null);
        }
    }

    /** Disks failed; what the others did is done. The first failure tells the kind. */
    public static final class DisksFailed extends MigrationException {
        private static final long serialVersionUID = 1L;
        private final RuntimeException first;

        @SuppressWarnings("serial") // Nobody serializes it.
        private final Map<Integer, String> failures;

        /** @param failures why, by the disk's key */
        DisksFailed(String message, RuntimeException first, Map<Integer, String> failures) {
            super(message, first);
            this.first = first;
            this.failures = Map.copyOf(failures);
        }

        Map<Integer, String> failures() {
            return failures;
        }

        public RuntimeException first() {
            return first;
        }
    }

    /** All is copied, but our snapshot is still there. */
    public static final class SnapshotLeft extends MigrationException {
        private static final long serialVersionUID = 1L;
        private final RuntimeException first;

        SnapshotLeft(String message, RuntimeException first) {
            super(message, first);
            this.first = first;
        }

        public RuntimeException first() {
            return first;
        }
    }

    /** The time for the whole backup is over. */
    public static final class DeadlinePassed extends MigrationException {
        private static final long serialVersionUID = 1L;

        DeadlinePassed(String message) {
            super(message, null);
        }
    }

    /** Somebody wants it to stop. */
    public static final class Interrupted extends MigrationException {
        private static final long serialVersionUID = 1L;

        public Interrupted(String message) {
            super(message, null);
        }
    }
}
