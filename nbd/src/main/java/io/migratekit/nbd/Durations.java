package io.migratekit.nbd;

import java.time.Duration;

/** How is a time shown to a person? With the unit that fits: <0.1 ms, 0.4 ms, 92 ms, 3 s, 2.5 s, 5 min, 2 h. */
public final class Durations {
    private Durations() {}

    public static String show(Duration duration) {
        double millis = duration.toNanos() / 1e6;
        if (millis < 0.05) {
            return "<0.1 ms";
        }
        if (millis < 10) {
            return trim(millis, 1) + " ms";
        }
        if (millis < 1000) {
            return Math.round(millis) + " ms";
        }
        if (millis < 120_000) {
            return trim(millis / 1000, 1) + " s";
        }
        if (millis < 2 * 3_600_000.0) {
            return trim(millis / 60_000, 1) + " min";
        }
        return trim(millis / 3_600_000, 1) + " h";
    }

    /** Without String.format, which costs start-up time, and without a useless ".0". */
    private static String trim(double value, int decimals) {
        double scale = Math.pow(10, decimals);
        double rounded = Math.round(value * scale) / scale;
        return rounded == Math.rint(rounded) ? Long.toString((long) rounded) : Double.toString(rounded);
    }
}
