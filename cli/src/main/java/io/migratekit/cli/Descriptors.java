package io.migratekit.cli;

import org.jspecify.annotations.Nullable;

/**
 * Has this process run out of descriptors? Java itself then breaks at any place, also where a class is to be loaded, and says it
 * somewhere among the causes of whatever it throws.
 */
final class Descriptors {
    static final String WORDS =
            "too many files are open in this process (Too many open files). The limits of this process are shown by ulimit -a.";

    private static final int DEEPEST = 20;

    private Descriptors() {}

    static boolean ranOutIn(@Nullable Throwable failure) {
        Throwable each = failure;
        for (int i = 0; each != null && i < DEEPEST; i++) {
            if (String.valueOf(each.getMessage()).contains("Too many open files")) {
                return true;
            }
            each = each.getCause();
        }
        return false;
    }
}
