package io.migratekit.cli;

import io.migratekit.nbd.Extent;

/**
 * How does a disk look as a picture of blocks? Columns times rows, one cell per slice of the disk, row by row, as
 * defragmenters show it; at each row's start its offset, below the legend and the size that one cell stands for.
 */
final class DiskBlocks implements MapSink {
    static final int DEFAULT_ROWS = 16;
    /** The offsets on the left take at most this: "1023.9 GiB" and a gap. */
    private static final int LABEL_COLUMNS = 12;

    private final Out out;
    private final Look look;
    private final int columns;
    private final Slices slices;

    /** @throws IllegalArgumentException with a message for the user when the picture is too large */
    DiskBlocks(Appendable out, Look look, DiskPart part, int columns, int rows) {
        this.out = new Out(out);
        this.look = look;
        this.columns = columns;
        this.slices = new Slices(part, cells(columns, rows));
    }

    /** How many columns fit when nobody asks for a number: a power of two if possible, so that offsets are round. */
    static int defaultColumns(Look look) {
        int room = Math.max(1, look.columns() - LABEL_COLUMNS);
        int round = Integer.highestOneBit(room);
        return room < round + round / 2 ? round : round + round / 2;
    }

    /** The number of cells, or an error the user understands when it is none. */
    static int cells(int columns, int rows) {
        long cells = (long) columns * rows;
        if (columns < 1 || rows < 1 || cells > Slices.MOST_CELLS) {
            throw new IllegalArgumentException("a picture of " + columns + " x " + rows + " cells is not possible:"
                    + " width and height are at least 1 and their product at most " + Slices.MOST_CELLS);
        }
        return (int) cells;
    }

    @Override
    public void extent(Extent extent) {
        slices.extent(extent);
    }

    @Override
    public void end() {
        slices.end();
        printRows();
        if (slices.count() > 0) {
            out.print("\n");
        }
        Legend.printWithScale(out, look, slices);
    }

    private void printRows() {
        RowOffsets offsets = new RowOffsets(slices, columns, 1);
        int widest = 0;
        for (int row = 0; row < offsets.rows(); row++) {
            widest = Math.max(widest, offsets.label(row).length());
        }
        for (int row = 0; row < offsets.rows(); row++) {
            Pen pen = new Pen(look.colour());
            pen.plain(MapText.padded(new StringBuilder(), offsets.label(row), widest))
                    .plain("  ");
            int end = Math.min((row + 1) * columns, slices.count());
            for (int i = row * columns; i < end; i++) {
                Slices.Cell cell = slices.cell(i);
                String marks = look.blockMarks(cell.kind().ink());
                pen.mark(marks.charAt(cell.level(marks.length())), cell.kind().ink(), cell.ground());
            }
            out.print(pen.takeLine());
        }
    }
}
