package io.migratekit.cli;

import java.util.List;

/**
 * How does the SVG of a disk lay out its parts? From top to bottom: title, size, one bar with the shares of all kinds,
 * the grid of cells with offsets on its left, legend.
 */
final class SvgPage {
    /** How many strengths of colour tell how much of a cell is of its kind. */
    static final int LEVELS = 4;

    private static final String[] OPACITY = {".45", ".65", ".82", "1"};

    private static final int MARGIN = 28;
    private static final int LABELS = 74;
    private static final int RIGHT = MARGIN + 8;
    private static final int LEAST_GRID_WIDTH = 600;
    private static final int LEAST_PITCH = 13;
    private static final int MOST_PITCH = 22;
    private static final int BAR_TOP = 82;
    private static final int BAR_HEIGHT = 10;
    private static final int GRID_TOP = 118;
    /** So many rows or fewer carry their offset. */
    private static final int MOST_LABELS = 8;

    private static final int ENTRY_WIDTH = 200;
    private static final int ENTRY_HEIGHT = 46;
    private static final int EMPTY_HEIGHT = 130;
    /** Width of a monospaced character of the title's size, generously. */
    private static final double TITLE_CHARACTER = 9.7;

    /** A bitmap may have a long name; the size behind it has to stay on the page. */
    private static final int MOST_CONTEXT_CHARACTERS = 48;

    private static final String STYLE = """
            text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #667085; }
            .page { fill: #ffffff; }
            .lines { stroke: #ffffff; stroke-width: 2; }
            .title { font: 600 16px ui-monospace, "DejaVu Sans Mono", monospace; fill: #1d2433; }
            .name { font-size: 13px; font-weight: 600; fill: #1d2433; }
            .offset { font-size: 11px; text-anchor: end; }
            """;
    private static final String DARK_STYLE = """
            text { fill: #98a2b3; }
            .page { fill: #14181f; }
            .lines { stroke: #14181f; }
            .title, .name { fill: #eef1f6; }
            """;

    private final Out out;
    private final Slices slices;
    private final List<Kind> kinds;
    private final int columns;
    private final int rows;
    /** From one cell to the next: picture points. */
    private final int pitch;

    private final int gridWidth;

    SvgPage(Out out, Slices slices, int columns) {
        this.out = out;
        this.slices = slices;
        this.kinds = slices.kinds();
        this.columns = columns;
        this.rows = (slices.count() + columns - 1) / columns;
        this.pitch = Math.clamp(LEAST_GRID_WIDTH / columns, LEAST_PITCH, MOST_PITCH);
        this.gridWidth = Math.max(LEAST_GRID_WIDTH, columns * pitch);
    }

    void open(String title) {
        int width = MARGIN + LABELS + gridWidth + RIGHT;
        int height = slices.count() == 0 ? EMPTY_HEIGHT : keyTop() + 12 + MARGIN;
        print("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height
                + "\" viewBox=\"0 0 " + width + " " + height + "\" role=\"img\">\n");
        print("<title>" + escaped(title) + "</title>\n<style>\n" + STYLE);
        for (int i = 0; i < kinds.size(); i++) {
            print(".k" + i + " { fill: " + kinds.get(i).ink().light() + "; }\n");
        }
        for (int level = 0; level < LEVELS - 1; level++) {
            print(".l" + level + " { fill-opacity: " + OPACITY[level] + "; }\n");
        }
        print("@media (prefers-color-scheme: dark) {\n" + DARK_STYLE);
        for (int i = 0; i < kinds.size(); i++) {
            print(".k" + i + " { fill: " + kinds.get(i).ink().dark() + "; }\n");
        }
        print("}\n</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n");
        int room = (int) ((width - 2 * MARGIN) / TITLE_CHARACTER);
        text("title", MARGIN, 42, shortened(title, room));
        text("", MARGIN, 64, subtitle());
    }

    private String subtitle() {
        DiskPart part = slices.part();
        String context = shortened(part.context(), MOST_CONTEXT_CHARACTERS);
        if (part.length() == 0) {
            return context + " · empty: 0 bytes";
        }
        return context + " · " + part.sizeForPeople() + " (" + part.length() + " bytes) · 1 cell = "
                + slices.cellSizeForPeople();
    }

    /** One bar with the share of each kind; a kind that occurs is at least a hair wide. */
    void shareBar() {
        int hairs = kinds.size();
        double x = 0;
        print("<g transform=\"translate(" + (MARGIN + LABELS) + " " + BAR_TOP + ")\">\n");
        for (int i = 0; i < kinds.size(); i++) {
            double share = (double) slices.total(kinds.get(i)) / slices.part().length();
            double width = 1 + share * (gridWidth - hairs);
            print("<rect class=\"k" + i + "\" x=\"" + number(x) + "\" width=\"" + number(width) + "\" height=\""
                    + BAR_HEIGHT + "\"><title>" + escaped(kinds.get(i).name() + ": " + amount(kinds.get(i)))
                    + "</title></rect>\n");
            x += width;
        }
        print("</g>\n");
    }

    void beginGrid() {
        int step = (rows + MOST_LABELS - 1) / MOST_LABELS;
        RowOffsets offsets = new RowOffsets(slices, columns, step);
        for (int row = 0; row < rows; row += step) {
            text("offset", MARGIN + LABELS - 10, GRID_TOP + row * pitch + pitch / 2 + 4, offsets.label(row));
        }
        print("<g transform=\"translate(" + (MARGIN + LABELS) + " " + GRID_TOP + ")\">\n");
    }

    /** Cells from {@code first} to before {@code end}, which look the same and stand in one row. */
    void run(int first, int end, boolean withTooltip) {
        Slices.Cell cell = slices.cell(first);
        String box = "x=\"" + first % columns * pitch + "\" y=\"" + first / columns * pitch + "\" width=\""
                + (end - first) * pitch + "\" height=\"" + pitch + "\"";
        Kind under = cell.under();
        if (under != null) {
            print("<rect class=\"k" + kinds.indexOf(under) + "\" " + box + "/>");
        }
        String classes = "k" + kinds.indexOf(cell.kind()) + strength(cell.level(LEVELS));
        String tooltip = withTooltip ? "><title>" + escaped(tooltip(first, end)) + "</title></rect>\n" : "/>\n";
        print("<rect class=\"" + classes + "\" " + box + tooltip);
    }

    private String tooltip(int first, int end) {
        long start = slices.start(first);
        long length = slices.start(end) - start;
        StringBuilder words = new StringBuilder("offset " + Sizes.withExact(start) + ", " + Sizes.rounded(length));
        for (Kind kind : kinds) {
            long bytes = 0;
            for (int i = first; i < end; i++) {
                bytes += slices.bytes(kind, i);
            }
            if (bytes > 0) {
                words.append('\n').append(kind.name()).append(' ').append(Sizes.rounded(bytes));
                words.append(", ").append(Sizes.percent(bytes, length));
            }
        }
        return words.toString();
    }

    /** Lines in the colour of the page cut the runs into cells. */
    void endGrid() {
        StringBuilder lines = new StringBuilder();
        for (int row = 0; row <= rows; row++) {
            lines.append("M0 ").append(row * pitch).append('h').append(columns * pitch);
        }
        for (int column = 0; column <= columns; column++) {
            lines.append('M').append(column * pitch).append(" 0v").append(rows * pitch);
        }
        print("<path class=\"lines\" pointer-events=\"none\" d=\"" + lines + "\"/>\n</g>\n");
    }

    /** Kinds with their totals, then how to read a cell that holds several of them. */
    void legend() {
        for (int i = 0; i < kinds.size(); i++) {
            int x = MARGIN + LABELS + i % entriesPerRow() * ENTRY_WIDTH;
            int y = legendTop() + i / entriesPerRow() * ENTRY_HEIGHT;
            swatch("k" + i, x, y);
            text("name", x + 20, y + 11, kinds.get(i).name());
            text("", x + 20, y + 28, amount(kinds.get(i)));
        }
        int x = MARGIN + LABELS;
        for (int level = 0; level < LEVELS; level++) {
            swatch("k0" + strength(level), x + level * 15, keyTop());
        }
        text("", x + LEVELS * 15 + 5, keyTop() + 11, "a little … all of a cell; mixed cells show the kind named first");
    }

    private void swatch(String classes, int x, int y) {
        print("<rect class=\"" + classes + "\" x=\"" + x + "\" y=\"" + y
                + "\" width=\"12\" height=\"12\" rx=\"2\"/>\n");
    }

    /** The class that makes a colour paler; nothing for the full colour. */
    private static String strength(int level) {
        return level < LEVELS - 1 ? " l" + level : "";
    }

    private String amount(Kind kind) {
        long total = slices.total(kind);
        return Sizes.rounded(total) + " · " + Sizes.percent(total, slices.part().length());
    }

    void close() {
        print("</svg>\n");
    }

    private int entriesPerRow() {
        return gridWidth / ENTRY_WIDTH;
    }

    private int legendTop() {
        return GRID_TOP + rows * pitch + MARGIN;
    }

    private int keyTop() {
        int legendRows = (kinds.size() + entriesPerRow() - 1) / entriesPerRow();
        return legendTop() + legendRows * ENTRY_HEIGHT + 4;
    }

    private void text(String style, int x, int y, String words) {
        String attribute = style.isEmpty() ? "" : " class=\"" + style + "\"";
        print("<text" + attribute + " x=\"" + x + "\" y=\"" + y + "\">" + escaped(words) + "</text>\n");
    }

    private void print(String text) {
        out.print(text);
    }

    private static String number(double value) {
        return Double.toString(Math.round(value * 10) / 10.0);
    }

    /** The middle goes: the ends of a URI, host and export name, say most. */
    private static String shortened(String words, int most) {
        if (words.length() <= most) {
            return words;
        }
        int tail = (most - 1) / 2;
        return words.substring(0, most - 1 - tail) + "…" + words.substring(words.length() - tail);
    }

    /** Also takes out what no XML may contain, such as control characters in the name of an export. */
    static String escaped(String words) {
        StringBuilder escaped = new StringBuilder();
        words.codePoints().forEach(c -> {
            switch (c) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                default -> escaped.appendCodePoint(isXml(c) ? c : '\ufffd');
            }
        });
        return escaped.toString();
    }

    private static boolean isXml(int c) {
        boolean control = c < ' ' && c != '\n' && c != '\t';
        boolean surrogate = c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
        return !control && !surrogate && c != 0xFFFE && c != 0xFFFF;
    }
}
