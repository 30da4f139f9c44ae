package io.migratekit.cli;

import io.migratekit.agent.watch.Motion;
import io.migratekit.agent.watch.Progress;
import io.migratekit.agent.watch.ProgressView;
import java.util.ArrayList;
import java.util.List;

/** How does progress look on one line of a terminal? What does not fit is left out, the least important first. */
final class ProgressBar {
    private static final int SHORTEST = 8;
    private static final int LONGEST = 30;
    private static final int FRAME = 3;
    private static final String EIGHTHS = " ▏▎▍▌▋▊▉";

    private ProgressBar() {}

    /** The line, at least one column shorter than the screen: terminals differ in what they do behind the last one. */
    static String draw(ProgressView view, Look look) {
        boolean trouble = view.motion() == Motion.STALLED || view.motion() == Motion.SLOW;
        String begin = view.counts().phase().id();
        String end = trouble ? ProgressText.motion(view) : ProgressText.left(view.eta());
        List<String> figures = figures(view);
        String most = figures.getFirst();
        int room = look.columns() - 1 - begin.length() - 1 - most.length();
        boolean ends = !end.isEmpty() && room >= end.length() + 2;
        room -= ends ? end.length() + 2 : 0;
        // Always as long on the same screen, or it would twitch with every word that comes and goes.
        int columns = Math.clamp(look.columns() / 8, SHORTEST, LONGEST);
        boolean bars = room >= columns + FRAME;
        room -= bars ? columns + FRAME : 0;
        StringBuilder shown = new StringBuilder(most);
        for (String figure : figures.subList(1, figures.size())) {
            if (room < figure.length() + 2) {
                break;
            }
            room -= figure.length() + 2;
            shown.append(", ").append(figure);
        }
        return begin + (bars ? " " + bar(view, columns, look.unicode()) : "") + " " + shown + (ends ? "; " + end : "");
    }

    /** The figures, what matters most first. */
    private static List<String> figures(ProgressView view) {
        Progress.Counts counts = view.counts();
        List<String> figures = new ArrayList<>();
        switch (counts.phase()) {
            case PREPARING -> figures.add("looking at both ends");
            case COPYING, FLUSHING, DONE -> {
                figures.add(Sizes.percent(counts.done(), counts.planned()));
                figures.add(shortly(counts.copied()) + " data at " + shortly(Math.round(view.bytesPerSecond())) + "/s");
                add(figures, counts.zeroed() + counts.zeroesInData(), "zeroed");
                add(figures, counts.skipped(), "skipped");
                add(figures, counts.resent(), "re-sent");
                add(figures, counts.durableBefore(), "done before");
            }
            case VERIFYING -> {
                figures.add(Sizes.percent(counts.verified(), counts.toVerify()));
                figures.add(shortly(counts.verified()) + " at " + shortly(Math.round(view.bytesPerSecond())) + "/s");
            }
        }
        return figures;
    }

    private static void add(List<String> figures, long bytes, String what) {
        if (bytes > 0) {
            figures.add(shortly(bytes) + " " + what);
        }
    }

    /** As sizes are written on the command line: 3.3G. */
    private static String shortly(long bytes) {
        return Sizes.rounded(bytes).replace(" ", "").replace("iB", "");
    }

    private static String bar(ProgressView view, int columns, boolean unicode) {
        double filled = ProgressText.share(view.counts()) * columns;
        int full = (int) filled;
        StringBuilder bar = new StringBuilder(columns + 2).append(unicode ? '▕' : '[');
        for (int column = 0; column < columns; column++) {
            if (column < full) {
                bar.append(unicode ? '█' : '#');
            } else {
                bar.append(unicode && column == full ? EIGHTHS.charAt((int) ((filled - full) * 8)) : ' ');
            }
        }
        return bar.append(unicode ? '▏' : ']').toString();
    }
}
