package io.migratekit.cli;

import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * At which offset does a row of a picture begin? Writes the offsets of every n-th row in the same unit with the
 * same number of decimals, as few as tell the truth: a label is off by less than a hundredth of a cell.
 */
final class RowOffsets {
    private static final int MOST_DECIMALS = 4;

    private final Slices slices;
    private final int columns;
    private final int step;
    private final int units;
    private final int decimals;

    /** For rows of {@code columns} cells, of which those at 0, {@code step}, 2 * {@code step} and so on get a label. */
    RowOffsets(Slices slices, int columns, int step) {
        this.slices = slices;
        this.columns = columns;
        this.step = step;
        this.units = Sizes.units(slices.start(Math.max(0, rows() - 1) / step * step * columns));
        int enough = 0;
        while (enough < MOST_DECIMALS && !isEnough(enough)) {
            enough++;
        }
        this.decimals = enough;
    }

    int rows() {
        return (slices.count() + columns - 1) / columns;
    }

    String label(int row) {
        long offset = slices.start(row * columns);
        return offset == 0 ? "0" : inUnits(offset, decimals).toPlainString() + " " + Sizes.unitName(units);
    }

    private boolean isEnough(int decimals) {
        BigDecimal unit = BigDecimal.valueOf(Sizes.bytesOf(units));
        BigDecimal cell = BigDecimal.valueOf(slices.part().length() / Math.max(1, slices.count()));
        for (int row = 0; row < rows(); row += step) {
            long offset = slices.start(row * columns);
            BigDecimal error = inUnits(offset, decimals).multiply(unit).subtract(BigDecimal.valueOf(offset));
            if (error.abs().movePointRight(2).compareTo(cell) >= 0) {
                return false;
            }
        }
        return true;
    }

    private BigDecimal inUnits(long offset, int decimals) {
        return BigDecimal.valueOf(offset)
                .divide(BigDecimal.valueOf(Sizes.bytesOf(units)))
                .setScale(decimals, RoundingMode.HALF_UP);
    }
}
