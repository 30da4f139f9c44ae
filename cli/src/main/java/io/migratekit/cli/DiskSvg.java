package io.migratekit.cli;

import io.migratekit.nbd.Extent;
import java.util.Objects;

/**
 * How does a disk look as a picture in a file? A block picture as SVG that stands alone (no scripts, nothing from
 * elsewhere) and follows the reader's dark or light page.
 *
 * <p>It is as large as its cells need and no larger, whatever the number of extents: equal cells in a row are one
 * rectangle, and tooltips are left out where there would be too many.
 */
final class DiskSvg implements MapSink {
    static final int DEFAULT_COLUMNS = 64;
    static final int DEFAULT_ROWS = 32;
    /** With every cell different this is a file of about 2 MiB. */
    static final int MOST_CELLS = 16_384;
    /** More tooltips than this would be most of the file, and nobody can hit so small a target. */
    static final int MOST_TOOLTIPS = 2_048;

    private final Out out;
    private final String title;
    private final int columns;
    private final Slices slices;

    /**
     * A picture of the given shape.
     *
     * @param title stands on top, such as the URI without its secrets
     * @throws IllegalArgumentException with a message for the user when the picture is too large
     */
    DiskSvg(Appendable out, DiskPart part, String title, int columns, int rows) {
        int cells = DiskBlocks.cells(columns, rows);
        if (cells > MOST_CELLS) {
            throw new IllegalArgumentException("an SVG of " + columns + " x " + rows + " cells would be too large:"
                    + " the product of width and height is at most " + MOST_CELLS);
        }
        this.out = new Out(out);
        this.title = title;
        this.columns = columns;
        this.slices = new Slices(part, cells);
    }

    @Override
    public void extent(Extent extent) {
        slices.extent(extent);
    }

    @Override
    public void end() {
        slices.end();
        SvgPage page = new SvgPage(out, slices, columns);
        page.open(title);
        if (slices.count() > 0) {
            page.shareBar();
            page.beginGrid();
            boolean withTooltips = runs() <= MOST_TOOLTIPS;
            for (int first = 0; first < slices.count(); ) {
                int end = endOfRun(first);
                page.run(first, end, withTooltips);
                first = end;
            }
            page.endGrid();
            page.legend();
        }
        page.close();
    }

    private int runs() {
        int runs = 0;
        for (int first = 0; first < slices.count(); first = endOfRun(first)) {
            runs++;
        }
        return runs;
    }

    /** Cells that look the same and stand in the same row are one run. */
    private int endOfRun(int first) {
        int endOfRow = Math.min((first / columns + 1) * columns, slices.count());
        Slices.Cell cell = slices.cell(first);
        int end = first + 1;
        while (end < endOfRow && sameLook(cell, slices.cell(end))) {
            end++;
        }
        return end;
    }

    private static boolean sameLook(Slices.Cell one, Slices.Cell other) {
        return one.kind().equals(other.kind())
                && one.level(SvgPage.LEVELS) == other.level(SvgPage.LEVELS)
                && Objects.equals(one.under(), other.under());
    }
}
