package io.migratekit.cli;

import io.migratekit.nbd.Extent;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How much of the disk is of which type? Sums an entire map and prints it, as text or JSON, to the byte as
 * {@code nbdinfo --map --totals [--json]} does.
 */
final class MapTotals implements MapSink {
    /** More types than this come from no sane server and would take our memory one by one. */
    static final int MOST_TYPES = 100_000;

    private static final int SIZE_COLUMNS = 10;
    private static final int PERCENT_COLUMNS = 5;
    private static final int TYPE_COLUMNS = 3;
    /** C's {@code %g}: so many digits, and no exponent from 10^-4 up to here. */
    private static final int G_DIGITS = 6;

    private static final int G_LEAST_EXPONENT = -4;

    private final Out out;
    private final String context;
    private final long sizeBytes;
    private final boolean json;
    private final SortedMap<Long, Long> bytesByType = new TreeMap<>(Long::compareUnsigned);

    private MapTotals(Appendable out, String context, long sizeBytes, boolean json) {
        this.out = new Out(out);
        this.context = context;
        this.sizeBytes = sizeBytes;
        this.json = json;
    }

    /** The percentages are those of {@code sizeBytes}: the disk's size, or the length of the part that is mapped. */
    static MapTotals text(Appendable out, String context, long sizeBytes) {
        return new MapTotals(out, context, sizeBytes, false);
    }

    static MapTotals json(Appendable out, String context, long sizeBytes) {
        return new MapTotals(out, context, sizeBytes, true);
    }

    @Override
    public void extent(Extent extent) {
        bytesByType.merge(extent.flags(), extent.length(), Long::sum);
        if (bytesByType.size() > MOST_TYPES) {
            throw new IllegalStateException("the server reports more than " + MOST_TYPES
                    + " different types in context " + context + "; a map without totals can still be printed");
        }
    }

    @Override
    public void end() {
        if (json) {
            printJson();
        } else {
            bytesByType.forEach(this::printText);
        }
    }

    private void printText(long type, long bytes) {
        StringBuilder line = new StringBuilder();
        MapText.padded(line, Long.toString(bytes), SIZE_COLUMNS).append(' ');
        MapText.padded(line, oneDecimal(percent(bytes)), PERCENT_COLUMNS).append("% ");
        MapText.padded(line, Long.toUnsignedString(type), TYPE_COLUMNS);
        String description = ContextNames.description(context, type);
        if (description != null) {
            line.append(' ').append(description);
        }
        out.print(line.append('\n'));
    }

    private void printJson() {
        if (sizeBytes == 0) {
            out.print("[]\n");
            return;
        }
        StringBuilder line = new StringBuilder("[\n");
        bytesByType.forEach((type, bytes) -> {
            line.append("{ \"size\": ").append(bytes);
            line.append(", \"percent\": ").append(asPercentG(percent(bytes)));
            line.append(", \"type\": ").append(Long.toUnsignedString(type));
            MapJson.description(line, context, type).append(" }");
            out.print(line);
            line.setLength(0);
            line.append(",\n");
        });
        out.print("\n]\n");
    }

    private double percent(long bytes) {
        return 100.0 * bytes / sizeBytes;
    }

    /** C's {@code %.1f}: the exact binary value, ties to even. Java's own formatter rounds the decimal form, half up. */
    static String oneDecimal(double value) {
        return new BigDecimal(value).setScale(1, RoundingMode.HALF_EVEN).toPlainString();
    }

    /** C's {@code %g}: six significant digits, no zeroes at the end, an exponent of at least two digits if it is small. */
    static String asPercentG(double value) {
        if (value == 0) {
            return "0";
        }
        BigDecimal rounded = new BigDecimal(value).round(new MathContext(G_DIGITS, RoundingMode.HALF_EVEN));
        BigDecimal shortest = rounded.stripTrailingZeros();
        int exponent = shortest.precision() - shortest.scale() - 1;
        if (exponent >= G_LEAST_EXPONENT && exponent < G_DIGITS) {
            return shortest.toPlainString();
        }
        String digits = shortest.movePointLeft(exponent).toPlainString();
        String power = Integer.toString(Math.abs(exponent));
        return digits + "e" + (exponent < 0 ? "-" : "+") + (power.length() < 2 ? "0" : "") + power;
    }
}
