package io.migratekit.agent.plan;

import io.migratekit.nbd.Extent;
import java.util.Arrays;
import java.util.List;

/**
 * Where does an export read as zero, for certain? What {@code base:allocation} said, reduced to the
 * areas that read as zero; what was not said counts as data.
 *
 * <p>Only the flag ZERO counts. HOLE alone means that nothing is allocated here, not what can be read
 * here: below a hole in an overlay lies the backup before.
 */
public final class ZeroMap {
    private static final ZeroMap UNKNOWN = new ZeroMap(new long[0]);

    /** Start and end of each area in turn; ascending, never touching. */
    private final long[] borders;

    private ZeroMap(long[] borders) {
        this.borders = borders;
    }

    /** Nothing is known to be zero. */
    public static ZeroMap unknown() {
        return UNKNOWN;
    }

    /** From the extents of the context {@code base:allocation}, ascending and without overlap. */
    public static ZeroMap of(List<Extent> extents) {
        long[] borders = new long[16];
        int filled = 0;
        long described = 0;
        for (Extent extent : extents) {
            if (extent.offset() < described) {
                throw new IllegalArgumentException("extents in disorder: " + extent + " follows one to " + described);
            }
            described = extent.end();
            if ((extent.flags() & Extent.ZERO) == 0) {
                continue;
            }
            if (filled > 0 && borders[filled - 1] == extent.offset()) {
                borders[filled - 1] = extent.end();
                continue;
            }
            if (filled == borders.length) {
                borders = Arrays.copyOf(borders, 2 * filled);
            }
            borders[filled++] = extent.offset();
            borders[filled++] = extent.end();
        }
        return filled == 0 ? UNKNOWN : new ZeroMap(Arrays.copyOf(borders, filled));
    }

    /** Whether every byte of this range is known to read as zero. */
    public boolean isZero(long offset, long length) {
        int area = firstEndingAfter(offset);
        return area < count() && start(area) <= offset && end(area) - offset >= length;
    }

    int count() {
        return borders.length / 2;
    }

    long start(int area) {
        return borders[2 * area];
    }

    long end(int area) {
        return borders[2 * area + 1];
    }

    /** The number of the first area that ends behind this offset; {@link #count} if there is none. */
    int firstEndingAfter(long offset) {
        int low = 0;
        int high = count();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (end(middle) > offset) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }
}
