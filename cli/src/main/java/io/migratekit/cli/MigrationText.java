package io.migratekit.cli;

import io.migratekit.agent.migration.MigrationPreview;
import io.migratekit.agent.migration.MigrationReport;
import io.migratekit.nbd.Durations;

/** How is the backup of a VM reported? A line for each disk, and what should be known besides. */
final class MigrationText {
    private MigrationText() {}

    static String report(MigrationReport report) {
        StringBuilder text = new StringBuilder();
        text.append(report.vm())
                .append(": ")
                .append(report.disks().size())
                .append(report.disks().size() == 1 ? " disk" : " disks");
        text.append(" at one moment").append(report.quiesced() ? ", file systems at rest" : "");
        text.append(", in ").append(Durations.show(report.took())).append('\n');
        for (MigrationReport.Disk disk : report.disks()) {
            text.append("disk ")
                    .append(disk.key())
                    .append(" (")
                    .append(disk.label())
                    .append(") -> ");
            text.append(disk.target()).append('\n').append("  ");
            text.append(disk.whole() ? "everything, " : "incremental, ")
                    .append(disk.reason())
                    .append('\n');
            disk.copy()
                    .map(CopyReportText::text)
                    .orElse("finished by an earlier run\n")
                    .lines()
                    .forEach(line -> text.append("  ").append(line).append('\n'));
        }
        report.warnings()
                .forEach(warning -> text.append("warning: ").append(warning).append('\n'));
        return Printable.lines(text.toString());
    }

    static String preview(MigrationPreview preview) {
        StringBuilder text = new StringBuilder();
        text.append(preview.vm()).append(": would be frozen by a snapshot\n");
        for (MigrationPreview.Disk disk : preview.disks()) {
            text.append("disk ")
                    .append(disk.key())
                    .append(" (")
                    .append(disk.label())
                    .append(", ");
            text.append(Sizes.rounded(disk.capacityBytes()))
                    .append(") -> ")
                    .append(disk.target())
                    .append('\n');
            text.append("  ").append(disk.words()).append('\n');
        }
        preview.notes().forEach(note -> text.append(note).append('\n'));
        return Printable.lines(text.toString());
    }
}
