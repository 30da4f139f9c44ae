package io.migratekit.cli;

import io.migratekit.agent.copy.CopyReport;
import io.migratekit.agent.watch.Progress;
import io.migratekit.nbd.Durations;
import java.util.List;

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

    static String json(CopyReport report) {
        Progress.Counts counts = report.counts();
        StringBuilder text = new StringBuilder("{");
        number(text, "planned", counts.planned());
        number(text, "durable-before", counts.durableBefore());
        number(text, "copied", counts.copied());
        number(text, "zeroed", counts.zeroed());
        number(text, "zeroes-in-data", counts.zeroesInData());
        number(text, "skipped", counts.skipped());
        number(text, "resent", counts.resent());
        number(text, "millis", report.took().toMillis());
        number(text, "workers", report.workers());
        text.append("\"verified\":").append(report.verified()).append(',');
        report.hashRoot()
                .ifPresent(root ->
                        text.append("\"hash\":").append(Json.quote(root)).append(','));
        List<String> warnings = report.warnings().stream().map(Json::quote).toList();
        return text.append("\"warnings\":[")
                .append(String.join(",", warnings))
                .append("]}")
                .toString();
    }

    private static void number(StringBuilder text, String name, long value) {
        text.append('"').append(name).append("\":").append(value).append(',');
    }
}
