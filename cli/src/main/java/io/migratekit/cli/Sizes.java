package io.migratekit.cli;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How does a person write and read a number of bytes? {@code 64K} in, {@code 64K} or {@code 3.4 GiB} out. */
final class Sizes {
    private static final String UNITS = "KMGTPE";
    private static final int BITS_PER_UNIT = 10;
    private static final long KIB = 1L << BITS_PER_UNIT;
    private static final Pattern WRITTEN = Pattern.compile("([0-9]+)(?:([KMGTP])(?:IB)?)?");

    private Sizes() {}

    /**
     * Reads bytes with an optional unit K, M, G, T or P, each 1024 times the one before; {@code 64K}, {@code 64k} and
     * {@code 64KiB} are the same. KB is refused, because for half of its users it means 1000.
     *
     * @throws IllegalArgumentException with a message for the user
     */
    static long parse(String written) {
        Matcher matcher = WRITTEN.matcher(written.strip().toUpperCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + written + "' is not a size: write a whole number of bytes, or one"
                    + " with K, M, G, T or P (powers of 1024), such as 1048576, 64K or 200M");
        }
        String unit = matcher.group(2);
        int shift = unit == null ? 0 : BITS_PER_UNIT * (UNITS.indexOf(unit) + 1);
        BigDecimal bytes = new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(1L << shift));
        if (bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
            throw new IllegalArgumentException("'" + written + "' is too large: sizes end below 8192P (2^63 bytes)");
        }
        return bytes.longValueExact();
    }

    /** The shortest exact form, as nbdinfo's {@code export-size-str}: {@code 1M}, {@code 8T}, but {@code 1536}. */
    static String exact(long bytes) {
        long number = bytes;
        int units = 0;
        while (number != 0 && number % KIB == 0) {
            number /= KIB;
            units++;
        }
        return units == 0 ? Long.toString(number) : number + unit(units);
    }

    /** As nbdinfo's {@code export-size}: the bytes, and the short form in brackets where there is one. */
    static String withExact(long bytes) {
        String exact = exact(bytes);
        String plain = Long.toString(bytes);
        return exact.equals(plain) ? plain : plain + " (" + exact + ")";
    }

    /** For people: at most one decimal ({@code 3.4 GiB}), and none where the number is exact ({@code 10 GiB}). */
    static String rounded(long bytes) {
        int units = units(bytes);
        BigDecimal number = BigDecimal.valueOf(bytes).divide(BigDecimal.valueOf(bytesOf(units)));
        boolean whole = number.stripTrailingZeros().scale() <= 0;
        return (whole ? number.toBigInteger() : oneDecimal(number)) + " " + unitName(units);
    }

    /** In which unit people say this number: the power of 1024 that leaves, rounded, less than 1024. */
    static int units(long bytes) {
        int units = 0;
        BigDecimal number = BigDecimal.valueOf(bytes);
        while (oneDecimal(number).compareTo(BigDecimal.valueOf(KIB)) >= 0) {
            number = number.divide(BigDecimal.valueOf(KIB));
            units++;
        }
        return units;
    }

    static String unitName(int units) {
        return units == 0 ? "B" : unit(units) + "iB";
    }

    static long bytesOf(int units) {
        return 1L << (BITS_PER_UNIT * units);
    }

    private static BigDecimal oneDecimal(BigDecimal number) {
        return number.setScale(1, RoundingMode.HALF_UP);
    }

    /**
     * For people: one decimal, but only nothing reads as {@code 0%} and only everything as {@code 100%}. A few bytes of
     * a large disk are {@code <0.1%}.
     */
    static String percent(long bytes, long ofBytes) {
        if (bytes == ofBytes) {
            return "100%";
        }
        if (bytes == 0) {
            return "0%";
        }
        BigDecimal percent = BigDecimal.valueOf(bytes)
                .movePointRight(2)
                .divide(BigDecimal.valueOf(ofBytes), 1, RoundingMode.HALF_UP);
        if (percent.signum() == 0) {
            return "<0.1%";
        }
        return percent.compareTo(BigDecimal.valueOf(100)) == 0 ? ">99.9%" : percent.toPlainString() + "%";
    }

    private static String unit(int units) {
        return UNITS.substring(units - 1, units);
    }
}
