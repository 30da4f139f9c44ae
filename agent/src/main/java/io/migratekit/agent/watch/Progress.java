package io.migratekit.agent.watch;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * How far is a copy? Every worker counts into a {@link Tally} of its own; whoever wants to know adds them up.
 *
 * <p>Every planned byte ends up in exactly one of: durable before (the checkpoint said so), copied, zeroed, skipped. So
 * they are a proof at the end. What a worker counts for a unit it can take back as a whole: then what it had copied of
 * it counts as re-sent, for it has to be copied once more.
 */
public final class Progress {
    /** What the copy as a whole is about. */
    public enum Phase {
        PREPARING("preparing"),
        COPYING("copying"),
        FLUSHING("flushing"),
        VERIFYING("verifying"),
        DONE("done");

        private final String id;

        Phase(String id) {
            this.id = id;
        }

        public String id() {
            return id;
        }
    }

    private final List<Tally> tallies = new CopyOnWriteArrayList<>();
    private volatile Phase phase = Phase.PREPARING;
    private volatile long plannedBytes;
    private volatile long durableBeforeBytes;
    private volatile long toVerifyBytes;

    /** The plan is known: so many bytes in all, of which so many are durable from an earlier run. */
    public void planned(long bytes, long durableBefore) {
        plannedBytes = bytes;
        durableBeforeBytes = durableBefore;
    }

    public void phase(Phase next) {
        phase = next;
    }

    /** So many bytes will be read again and compared. */
    public void toVerify(long bytes) {
        toVerifyBytes = bytes;
    }

    /** The counters of one more worker, which alone may write them. */
    public Tally worker() {
        Tally tally = new Tally();
        tallies.add(tally);
        return tally;
    }

    /** The sums at this moment. */
    public Counts counts() {
        long[] sum = new long[Tally.FIELDS];
        for (Tally tally : tallies) {
            tally.addTo(sum);
        }
        return new Counts(
                phase,
                plannedBytes,
                durableBeforeBytes,
                sum[Tally.LISTED],
                sum[Tally.DATA],
                sum[Tally.COPIED],
                sum[Tally.ZEROED],
                sum[Tally.ZEROES_IN_DATA],
                sum[Tally.SKIPPED],
                sum[Tally.RESENT],
                toVerifyBytes,
                sum[Tally.VERIFIED]);
    }

    /** What one worker has done. */
    public static final class Tally {
        static final int LISTED = 0;
        static final int DATA = 1;
        static final int COPIED = 2;
        static final int ZEROED = 3;
        static final int ZEROES_IN_DATA = 4;
        static final int SKIPPED = 5;
        static final int RESENT = 6;
        static final int VERIFIED = 7;
        static final int FIELDS = 8;
        private static final VarHandle FIGURES = MethodHandles.arrayElementVarHandle(long[].class);

        private final long[] figures = new long[FIELDS];

        private Tally() {}

        /** The counters of one more unit of the plan, which is copied by this worker. */
        public UnitTally unit() {
            return new UnitTally(this);
        }

        private void add(int field, long bytes) {
            FIGURES.setOpaque(figures, field, figures[field] + bytes);
        }

        private void addTo(long[] sum) {
            for (int i = 0; i < FIELDS; i++) {
                sum[i] += (long) FIGURES.getOpaque(figures, i);
            }
        }
    }

    /** What was done of one unit; belongs to the worker. */
    public static final class UnitTally {
        private final Tally tally;
        private final long[] figures = new long[Tally.FIELDS];

        private UnitTally(Tally tally) {
            this.tally = tally;
        }

        /** The extents of a part of the unit are known: so much of it has to be copied. */
        public void listed(long bytes, long dataBytes) {
            add(Tally.LISTED, bytes);
            add(Tally.DATA, dataBytes);
        }

        /** Data was written to the target and acknowledged. */
        public void copied(long bytes) {
            add(Tally.COPIED, bytes);
        }

        /** A range that the plan wanted zeroed was. */
        public void zeroed(long bytes) {
            add(Tally.ZEROED, bytes);
        }

        /** What was listed as data turned out to be zeroes, and was zeroed or, where it is zero already, left alone. */
        public void zeroesInData(long bytes) {
            add(Tally.ZEROES_IN_DATA, bytes);
        }

        /** A range was right at the target already. */
        public void skipped(long bytes) {
            add(Tally.SKIPPED, bytes);
        }

        /** Data was read back. */
        public void verified(long bytes) {
            add(Tally.VERIFIED, bytes);
        }

        /** Copied data and zeroes of this unit, which a flush has to make durable. */
        public long writtenBytes() {
            return figures[Tally.COPIED] + figures[Tally.ZEROED] + figures[Tally.ZEROES_IN_DATA];
        }

        /** The unit has to be done again from its start: nobody knows what of it has landed. */
        public void giveBack() {
            tally.add(Tally.RESENT, figures[Tally.COPIED]);
            for (int field = 0; field < Tally.FIELDS; field++) {
                tally.add(field, -figures[field]);
                figures[field] = 0;
            }
        }

        private void add(int field, long bytes) {
            figures[field] += bytes;
            tally.add(field, bytes);
        }
    }

    /**
     * How far it is, in bytes.
     *
     * @param durableBefore of the planned, what an earlier run had made durable
     * @param listed of the planned, for how much the extents are known by now
     * @param data of the listed, what has to be copied
     * @param zeroesInData of the data, what turned out to be zeroes
     * @param resent what had been copied and had to be copied again; on top of the planned
     */
    public record Counts(
            Phase phase,
            long planned,
            long durableBefore,
            long listed,
            long data,
            long copied,
            long zeroed,
            long zeroesInData,
            long skipped,
            long resent,
            long toVerify,
            long verified) {

        /** What is settled of the planned. */
        public long done() {
            return durableBefore + copied + zeroed + zeroesInData + skipped;
        }

        /** What is known to be left of the data. */
        public long knownDataLeft() {
            return Math.max(0, data - copied - zeroesInData);
        }

        /** For how much nobody has asked yet whether it is data. */
        public long unlisted() {
            return Math.max(0, planned - durableBefore - listed);
        }

        /** What went through both ends: the rate is measured by this. Never goes backwards. */
        public long moved() {
            return copied + resent;
        }
    }
}
