package io.migratekit.cli;

/** What do the marks mean and how much is there of each? The text below a picture on a terminal. */
final class Legend {
    private static final String GAP = "   ";

    private final Out out;
    private final Look look;
    private final Pen pen;
    private int usedColumns;

    private Legend(Out out, Look look) {
        this.out = out;
        this.look = look;
        this.pen = new Pen(look.colour());
    }

    /** Prints one entry per kind and one for the size, as many per line as fit. */
    static void print(Out out, Look look, Slices slices) {
        new Legend(out, look).print(slices, false);
    }

    /** The same, then what one cell stands for and, where a cell may hold several kinds, which of them it shows. */
    static void printWithScale(Out out, Look look, Slices slices) {
        new Legend(out, look).print(slices, true);
    }

    private void print(Slices slices, boolean withScale) {
        DiskPart part = slices.part();
        if (part.length() == 0) {
            out.print("empty: 0 bytes\n");
            return;
        }
        for (Kind kind : slices.kinds()) {
            entry(kind, slices.total(kind), part.length());
        }
        goOn("of " + part.sizeForPeople());
        if (withScale) {
            newLine();
            scale(slices);
        }
        out.print(pen.takeLine());
    }

    private void scale(Slices slices) {
        goOn("1 cell = " + slices.cellSizeForPeople());
        Ink first = slices.kinds().getFirst().ink();
        String marks = look.blockMarks(first);
        if (slices.kinds().size() > 1 && marks.length() > 1) {
            String words = " = a little ... all of the cell";
            makeRoom(marks.length() + words.length());
            marks.chars().forEach(mark -> pen.mark((char) mark, first, null));
            pen.plain(words);
        }
        if (slices.kinds().size() > 1) {
            goOn("mixed cells show the kind named first");
        }
    }

    private void entry(Kind kind, long bytes, long ofBytes) {
        String words = " " + kind.name() + ": " + Sizes.rounded(bytes) + " (" + Sizes.percent(bytes, ofBytes) + ")";
        makeRoom(1 + words.length());
        String marks = look.barMarks(kind.ink());
        pen.mark(marks.charAt(marks.length() - 1), kind.ink(), kind).plain(words);
    }

    private void goOn(String words) {
        makeRoom(words.length());
        pen.plain(words);
    }

    /** In the line that is begun, or else in the next one. */
    private void makeRoom(int columns) {
        if (usedColumns > 0 && usedColumns + GAP.length() + columns > look.columns()) {
            newLine();
        }
        if (usedColumns > 0) {
            pen.plain(GAP);
            usedColumns += GAP.length();
        }
        usedColumns += columns;
    }

    private void newLine() {
        out.print(pen.takeLine());
        usedColumns = 0;
    }
}
