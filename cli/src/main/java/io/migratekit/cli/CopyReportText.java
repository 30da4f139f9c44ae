package io.migratekit.cli;

import io.migratekit.agent.copy.CopyReport;
import io.migratekit.agent.watch.Progress;
import io.migratekit.nbd.Durations;

/** How is the end of a copy reported? Honest figures: data, zeroes and what was left alone apart. */
final class CopyReportText {
    private CopyReportText() {}

    static String text(CopyReport report) {
        Progress.Counts counts = report.counts();
        double seconds = Math.max(0.001, report.took().toNanos() / 1e9);
        StringBuilder text = new StringBuilder();
        text.append("copied ").append(Sizes.rounded(counts.copied())).append(" of data in ");
        text.append(Durations.show(report.took())).append(" (");
        text.append(Sizes.rounded((long) (counts.moved() / seconds))).append("/s), zeroed ");
        text.append(Sizes.rounded(counts.zeroed() + counts.zeroesInData())).append(", left alone ");
        text.append(Sizes.rounded(counts.skipped()));
        if (counts.durableBefore() > 0) {
            text.append(", done before ").append(Sizes.rounded(counts.durableBefore()));
        }
        if (counts.resent() > 0) {
            text.append(", sent again ").append(Sizes.rounded(counts.resent()));
        }
        text.append(report.verified() ? "; read back and compared: equal\n" : "\n");
        report.hashRoot().ifPresent(root -> text.append("hash ").append(root).append('\n'));
        report.warnings()
                .forEach(warning -> text.append("warning: ").append(warning).append('\n'));
        return text.toString();
    }
}
