package io.migratekit.agent.copy;

import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.nbd.NbdException;
import org.jspecify.annotations.Nullable;

/** Why did the copy end without success? One subtype for each kind of cause. */
public abstract sealed class CopyException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private CopyException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** The two ends or the ranges do not fit; nothing was written. */
    public static final class Refused extends CopyException {
        private static final long serialVersionUID = 1L;

        public Refused(String message) {
            super(message, null);
        }
    }

    /** One end failed, for good or for longer than was waited for. */
    public static final class EndFailed extends CopyException {
        private static final long serialVersionUID = 1L;
        private final Side side;
        private final NbdException failure;

        EndFailed(Side side, NbdException failure, String message) {
            super(message, failure);
            this.side = side;
            this.failure = failure;
        }

        public Side side() {
            return side;
        }

        public NbdException failure() {
            return failure;
        }
    }

    /** The target has no space left. What is durable stays; the same job goes on when there is space again. */
    public static final class NoSpace extends CopyException {
        private static final long serialVersionUID = 1L;

        NoSpace(String message, NbdException cause) {
            super(message, cause);
        }
    }

    /** The time for the whole command is over. */
    public static final class DeadlinePassed extends CopyException {
        private static final long serialVersionUID = 1L;

        DeadlinePassed(String message) {
            super(message, null);
        }
    }

    /** Nothing moved for too long. */
    public static final class Stalled extends CopyException {
        private static final long serialVersionUID = 1L;

        private final Side side;

        Stalled(Side side, String message, @Nullable Throwable cause) {
            super(message, cause);
            this.side = side;
        }

        /** Where nothing moved, as far as that could be told. */
        public Side side() {
            return side;
        }
    }

    /** The road to an end is down, so nothing is known of the end itself. */
    public static final class RoadDown extends CopyException {
        private static final long serialVersionUID = 1L;

        /** @param failure what the copy has seen of it */
        public RoadDown(Road road, CopyException failure) {
            super(road.explains(failure), failure);
        }
    }

    /** The target does not hold what was read from the source. */
    public static final class Mismatch extends CopyException {
        private static final long serialVersionUID = 1L;
        private final long offset;

        Mismatch(String message, long offset) {
            super(message, null);
            this.offset = offset;
        }

        public long offset() {
            return offset;
        }
    }

    /** The source does not hold what it has to. What was right up to here stays. */
    public static final class Unproved extends CopyException {
        private static final long serialVersionUID = 1L;
        private final long offset;

        public Unproved(String message, long offset) {
            super(message, null);
            this.offset = offset;
        }

        public long offset() {
            return offset;
        }
    }

    /** Somebody asked us to stop; what is durable is remembered. */
    public static final class Interrupted extends CopyException {
        private static final long serialVersionUID = 1L;

        public Interrupted(String message) {
            super(message, null);
        }
    }
}
