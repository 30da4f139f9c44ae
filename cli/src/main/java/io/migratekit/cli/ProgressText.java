package io.migratekit.cli;

import io.migratekit.agent.watch.Eta;
import io.migratekit.agent.watch.Motion;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.ProgressView;
import io.migratekit.nbd.Durations;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * In which words is progress told? Data, zeroes, and what was left alone are counted apart; the rate is that of data;
 * the time left is only as sure as what is known of the data left.
 */
final class ProgressText {
    private ProgressText() {}

    /** A whole line: where it is, and if it does not simply move, why. */
    static String line(ProgressView view) {
        String words = view.counts().phase().id() + ": " + String.join(", ", fields(view));
        boolean trouble = view.motion() == Motion.STALLED || view.motion() == Motion.SLOW;
        String left = left(view.eta());
        return words
                + (left.isEmpty() || trouble ? "" : "; " + left)
                + (trouble ? "; " + motion(view) + ": " + view.why() : "");
    }

    /** The figures, what matters most first. */
    static List<String> fields(ProgressView view) {
        Progress.Counts counts = view.counts();
        List<String> fields = new ArrayList<>();
        switch (counts.phase()) {
            case PREPARING -> fields.add("looking at both ends");
            case COPYING, FLUSHING, DONE -> {
                fields.add(Sizes.percent(counts.done(), counts.planned()) + " of " + Sizes.rounded(counts.planned()));
                fields.add(Sizes.rounded(counts.copied()) + " of data copied at " + rate(view));
                add(fields, counts.zeroed() + counts.zeroesInData(), "zeroed");
                add(fields, counts.skipped(), "skipped");
                add(fields, counts.durableBefore(), "done before");
                add(fields, counts.resent(), "re-sent");
            }
            case VERIFYING -> {
                fields.add(Sizes.percent(counts.verified(), counts.toVerify()) + " of "
                        + Sizes.rounded(counts.toVerify()));
                fields.add("read back at " + rate(view));
            }
        }
        return fields;
    }

    private static void add(List<String> fields, long bytes, String what) {
        if (bytes > 0) {
            fields.add(Sizes.rounded(bytes) + " " + what);
        }
    }

    private static String rate(ProgressView view) {
        return Sizes.rounded(Math.round(view.bytesPerSecond())) + "/s";
    }

    /** How far it is, from 0 to 1: what is settled of the plan, or read back of what is to be. */
    static double share(Progress.Counts counts) {
        boolean verifying = counts.phase() == Progress.Phase.VERIFYING;
        double all = verifying ? counts.toVerify() : counts.planned();
        double done = verifying ? counts.verified() : counts.done();
        return all <= 0 ? 0 : Math.clamp(done / all, 0.0, 1.0);
    }

    /** How long it will take, and how sure that is; empty when it is over. */
    static String left(Eta eta) {
        Duration whole = Duration.ofSeconds(eta.left().plusMillis(999).toSeconds());
        return switch (eta.kind()) {
            case KNOWN -> whole.isZero() ? "" : Durations.show(whole) + " left";
            case ESTIMATED -> "about " + Durations.show(whole) + " left";
            case AT_LEAST -> "at least " + Durations.show(whole) + " left";
            case UNKNOWN -> "time left unknown";
        };
    }

    /** Whether it moves, and the layer in which it does not. */
    static String motion(ProgressView view) {
        return view.motion().id()
                + (view.layer() == null ? "" : " in " + view.layer().id());
    }
}
