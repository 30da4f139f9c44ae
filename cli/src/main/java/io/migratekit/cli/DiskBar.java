package io.migratekit.cli;

import io.migratekit.nbd.Extent;

/**
 * How does a disk look in one line? A bar from its start to its end, one column per slice: the height of a column is
 * the share of data in it, and any data at all shows. Below it, the legend with totals.
 */
final class DiskBar implements MapSink {
    private static final int FRAME_COLUMNS = 2;

    private final Out out;
    private final Look look;
    private final Slices slices;

    /** The bar, with its frame, takes the width of the {@code look}. */
    DiskBar(Appendable out, Look look, DiskPart part) {
        this.out = new Out(out);
        this.look = look;
        this.slices = new Slices(part, look.columns() - FRAME_COLUMNS);
    }

    @Override
    public void extent(Extent extent) {
        slices.extent(extent);
    }

    @Override
    public void end() {
        slices.end();
        out.print(bar());
        Legend.print(out, look, slices);
    }

    private String bar() {
        Pen pen = new Pen(look.colour()).plain(look.unicode() ? "▕" : "[");
        int columns = look.columns() - FRAME_COLUMNS;
        for (int column = 0; column < columns; column++) {
            if (slices.count() == 0) {
                pen.plain(" ");
                continue;
            }
            // A disk with fewer bytes than columns is stretched, so that the bar still ends where the disk does.
            Slices.Cell cell = slices.cell((int) ((long) column * slices.count() / columns));
            Ink ink = cell.kind().ink();
            String marks = look.barMarks(ink);
            pen.mark(marks.charAt(cell.level(marks.length())), ink, cell.ground());
        }
        return pen.plain(look.unicode() ? "▏" : "]").takeLine();
    }
}
