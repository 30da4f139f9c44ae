package io.migratekit.cli;

import org.jspecify.annotations.Nullable;

/** What do the flags of a metadata context mean? The same words that {@code nbdinfo --map} uses. */
final class ContextNames {
    static final String ALLOCATION = "base:allocation";
    static final String DEPTH = "qemu:allocation-depth";
    static final String DIRTY_PREFIX = "qemu:dirty-bitmap:";

    private ContextNames() {}

    /** The word for these flags, or null where nbdinfo prints none: an unknown context, or a flag unknown in it. */
    static @Nullable String description(String context, long flags) {
        if (context.equals(ALLOCATION)) {
            return allocation(flags);
        }
        if (context.equals(DEPTH)) {
            return depth(flags);
        }
        return context.startsWith(DIRTY_PREFIX) ? dirty(flags) : null;
    }

    private static @Nullable String allocation(long flags) {
        if (flags == 0) {
            return "data";
        }
        if (flags == 1) {
            return "hole";
        }
        if (flags == 2) {
            return "zero";
        }
        return flags == 3 ? "hole,zero" : null;
    }

    /** In this context the flags are a number: the layer of the chain, counted from the top, that has the data. */
    private static String depth(long flags) {
        if (flags == 0) {
            return "absent";
        }
        return flags == 1 ? "local" : "backing depth " + Long.toUnsignedString(flags);
    }

    private static @Nullable String dirty(long flags) {
        if (flags == 0) {
            return "clean";
        }
        return flags == 1 ? "dirty" : null;
    }
}
