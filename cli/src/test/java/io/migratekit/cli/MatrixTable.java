package io.migratekit.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** How does the matrix of faults look in docs/hangs.md? One row a fault, between two marks. */
final class MatrixTable {
    static final Path PAGE = Path.of("..", "docs", "hangs.md");
    private static final String BEGIN = "<!-- matrix -->\n";
    private static final String END = "<!-- /matrix -->\n";
    private static final String LAYER = "wrong layer";
    private static final String ALARM = "false alarm";
    private static final String LATE = "beyond its bound";
    private static final String NOT_AS = "not as expected";
    private static final int[] CLASSES = {1, 2, 5, 10, 20, 40, 60, 120};

    private MatrixTable() {}

    /** The page with the table of these results. */
    static String written(String page, List<MatrixCell.Result> results) {
        String before = page.substring(begin(page), page.indexOf(END));
        return page.substring(0, begin(page)) + table(before, results) + page.substring(page.indexOf(END));
    }

    private static int begin(String page) {
        return page.indexOf(BEGIN) + BEGIN.length();
    }

    /** What stands in the first column of the page, row by row. */
    static List<String> names(String page) {
        return page.substring(begin(page), page.indexOf(END))
                .lines()
                .filter(MatrixTable::isRow)
                .map(MatrixTable::name)
                .toList();
    }

    static String name(MatrixFault fault) {
        return fault.hop().words + ": " + fault.name();
    }

    /** Rows of faults that were not tried on both roads stay as they are. */
    private static String table(String before, List<MatrixCell.Result> results) {
        Map<String, String> rows = new LinkedHashMap<>();
        before.lines().filter(MatrixTable::isRow).forEach(line -> rows.put(name(line), line + "\n"));
        StringBuilder text = new StringBuilder();
        for (MatrixFault fault : MatrixFaults.all()) {
            List<MatrixCell.Result> cells = results.stream()
                    .filter(result -> name(result.fault()).equals(name(fault)))
                    .toList();
            text.append(
                    cells.size() == fault.roads()
                            ? row(fault, cells)
                            : java.util.Objects.requireNonNullElse(rows.get(name(fault)), ""));
        }
        return summary(text.toString()) + "\n\n"
                + "| fault | when | within | by `--ssh`: exit, said, after | by `--tunnel`: exit, said, after | data |\n"
                + "|---|---|---|---|---|---|\n" + text;
    }

    private static boolean isRow(String line) {
        return line.startsWith("| ") && !line.startsWith("| fault ");
    }

    private static String name(String row) {
        return row.substring(2, row.indexOf(" | "));
    }

    private static String row(MatrixFault fault, List<MatrixCell.Result> cells) {
        TreeSet<String> data = new TreeSet<>();
        cells.forEach(cell -> data.add(cell.data()));
        return "| " + name(fault) + " | "
                + (fault.when() == MatrixFault.When.BEFORE ? "before" : "midway") + " | " + bounds(fault) + " | "
                + cell(cells, MatrixLab.Road.EMBEDDED) + " | " + cell(cells, MatrixLab.Road.SERVICE) + " | "
                + String.join("; ", data) + " |\n";
    }

    private static String bounds(MatrixFault fault) {
        TreeSet<Long> seconds = new TreeSet<>();
        for (MatrixLab.Road road : MatrixLab.Road.values()) {
            MatrixFault.Expected expected = fault.expected(road);
            if (expected != null) {
                seconds.add(expected.bound().toSeconds());
            }
        }
        return seconds.last() + " s";
    }

    private static String cell(List<MatrixCell.Result> cells, MatrixLab.Road road) {
        for (MatrixCell.Result cell : cells) {
            if (cell.road() == road) {
                return cell.code() + ", " + said(cell) + ", " + rounded(cell.after()) + wrong(cell);
            }
        }
        return "-";
    }

    private static String said(MatrixCell.Result cell) {
        if (!cell.named().isEmpty()) {
            return "stalled in " + cell.named();
        }
        MatrixFault.@Nullable Expected expected = cell.fault().expected(cell.road());
        return expected == null || expected.said().isEmpty()
                ? "nothing"
                : "`" + expected.said().replace("|", " or ") + "`";
    }

    /** Coarse, so that the table tells of changes only. */
    private static String rounded(Duration after) {
        for (int seconds : CLASSES) {
            if (after.toMillis() <= seconds * 1000L) {
                return "<= " + seconds + " s";
            }
        }
        return "> 120 s";
    }

    /** What was not as it has to be stands in its row, so that it is counted whenever the row was written. */
    private static String wrong(MatrixCell.Result cell) {
        if (cell.wrong().isEmpty()) {
            return "";
        }
        String kind = !cell.wrongLayer() ? NOT_AS : cell.fault().hop() == MatrixFault.Hop.CONTROL ? ALARM : LAYER;
        return " (" + (cell.late() ? LATE + ", " : "") + kind + ")";
    }

    /** Counts what stands in the rows. */
    private static String summary(String rows) {
        List<String> all = rows.lines().toList();
        long controls = all.stream()
                .filter(row -> row.startsWith("| " + MatrixFault.Hop.CONTROL.words))
                .count();
        return (all.size() - controls) + " faults and " + controls + " controls, " + cells(all)
                + " cells: wrong layers " + count(rows, LAYER) + ", false alarms " + count(rows, ALARM)
                + ", beyond bound " + count(rows, LATE) + ", otherwise not as expected " + count(rows, NOT_AS) + ".";
    }

    private static long cells(List<String> rows) {
        return rows.stream()
                .mapToLong(row -> row.split(" [|] ", -1).length - 4 - (row.contains("| - |") ? 1 : 0))
                .sum();
    }

    private static int count(String text, String words) {
        return CopyProcess.count(text, words);
    }
}
