package io.migratekit.agent.watch;

import java.time.Duration;

/**
 * How long will it take from now on? By the data that is left, not by the size of the disk. Where it is not known how
 * much data is left, the answer says so.
 *
 * @param left meaningless if the kind is UNKNOWN
 */
public record Eta(Kind kind, Duration left) {
    /** How sure is it? */
    public enum Kind {
        /** All that is left is known. */
        KNOWN("known"),
        /** The rest is assumed to be as full as what has been listed so far. */
        ESTIMATED("estimated"),
        /** Too little has been listed to estimate the rest: so long for what is known. */
        AT_LEAST("at-least"),
        UNKNOWN("unknown");

        private final String id;

        Kind(String id) {
            this.id = id;
        }

        public String id() {
            return id;
        }
    }

    private static final Eta NO_IDEA = new Eta(Kind.UNKNOWN, Duration.ZERO);
    /** Of the plan, so much must have been listed before the rest is estimated by it. */
    private static final double SAMPLE = 0.05;
    /** Beyond this nobody plans by it, and it is most likely wrong. */
    private static final double LONGEST_SECONDS = Duration.ofDays(365).toSeconds();

    /** The estimate for these counts at this rate. */
    public static Eta of(Progress.Counts counts, double bytesPerSecond) {
        return switch (counts.phase()) {
            case PREPARING, FLUSHING -> NO_IDEA;
            case COPYING -> copying(counts, bytesPerSecond);
            case VERIFYING -> in(Kind.KNOWN, (double) (counts.toVerify() - counts.verified()), bytesPerSecond);
            case DONE -> new Eta(Kind.KNOWN, Duration.ZERO);
        };
    }

    private static Eta copying(Progress.Counts counts, double bytesPerSecond) {
        double known = counts.knownDataLeft();
        long unlisted = counts.unlisted();
        if (unlisted == 0) {
            return in(Kind.KNOWN, known, bytesPerSecond);
        }
        if (counts.listed() < SAMPLE * (counts.listed() + (double) unlisted)) {
            return known == 0 ? NO_IDEA : in(Kind.AT_LEAST, known, bytesPerSecond);
        }
        double estimated = known + (double) unlisted * counts.data() / counts.listed();
        // "No data left" would be a bold thing to say of a disk that has not been looked at.
        return estimated == 0 ? NO_IDEA : in(Kind.ESTIMATED, estimated, bytesPerSecond);
    }

    private static Eta in(Kind kind, double bytes, double bytesPerSecond) {
        double seconds = bytes <= 0 ? 0 : bytes / bytesPerSecond;
        return seconds < LONGEST_SECONDS ? new Eta(kind, Duration.ofMillis(Math.round(seconds * 1000))) : NO_IDEA;
    }
}
