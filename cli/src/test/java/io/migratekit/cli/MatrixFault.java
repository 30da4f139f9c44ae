package io.migratekit.cli;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is broken, where and when, and what has to come of it? One row of the matrix.
 *
 * @param name as it stands in docs/hangs.md
 * @param when before the backup begins, or in the midst of its copy
 * @param what breaks it
 * @param embedded what comes of it through {@code --ssh}; null if this road does not know the fault
 * @param service the same through {@code --tunnel}
 */
record MatrixFault(
        String name,
        Hop hop,
        When when,
        Plan plan,
        What what,
        @Nullable Expected embedded,
        @Nullable Expected service) {

    /** On the way from the agent to the restore point, in this order. */
    enum Hop {
        AGENT("agent's machine"),
        NAMES("names"),
        VCENTER("vCenter"),
        SOURCE("source disk"),
        SSH("ssh"),
        NETWORK("network"),
        SERVICE("tunnel service"),
        HUB("hub"),
        EXPORT("export"),
        CONTROL("control: nothing is broken");

        final String words;

        Hop(String words) {
            this.words = words;
        }
    }

    enum When {
        BEFORE,
        MIDWAY
    }

    /** When is it mended? */
    enum Cure {
        /** After the command has ended by itself. */
        AFTER_THE_END,
        /** As soon as the fault was said, or after a moment if nothing has to be said: the same run goes on. */
        MEANWHILE
    }

    /**
     * What the lab is like, and how the backup is begun.
     *
     * @param repositoryBytes of a file system of the hub's own; 0 if it needs none
     * @param stateBytes the same for the agent's state
     * @param previous whether there is a restore point already
     * @param limits of the command
     */
    record Plan(
            long diskBytes, long repositoryBytes, long stateBytes, boolean previous, Cure cure, List<String> limits) {
        /**
         * Short limits, in the usual proportion: silence, then a stall, then the end. And so slow that it is met midway on a
         * busy machine, too.
         */
        static final List<String> SHORT = List.of(
                "--timeout",
                "2s",
                "--call-timeout",
                "3s",
                "--extents-timeout",
                "4s",
                "--stall-after",
                "3s",
                "--retry-for",
                "6s",
                "--request-size",
                "256K",
                "--checkpoint-every",
                "1M",
                "--rate",
                "500K");

        static final Plan USUAL = new Plan(8 << 20, 0, 0, false, Cure.AFTER_THE_END, SHORT);
        /** The limits of who says nothing. */
        static final Plan CONTROL = new Plan(
                4 << 20,
                0,
                0,
                false,
                Cure.AFTER_THE_END,
                List.of(
                        "--timeout",
                        "15s",
                        "--call-timeout",
                        "60s",
                        "--stall-after",
                        "60s",
                        "--retry-for",
                        "5m",
                        "--checkpoint-every",
                        "1G"));

        /** What comes back gets the time to be found again. */
        Plan meanwhile() {
            List<String> patient = new java.util.ArrayList<>(limits);
            patient.set(patient.indexOf("--retry-for") + 1, "40s");
            return new Plan(diskBytes, repositoryBytes, stateBytes, previous, Cure.MEANWHILE, patient);
        }

        Plan repository(long bytes) {
            return new Plan(diskBytes, bytes, stateBytes, previous, cure, limits);
        }

        Plan state(long bytes) {
            return new Plan(diskBytes, repositoryBytes, bytes, previous, cure, limits);
        }

        Plan afterAnother() {
            return new Plan(diskBytes, repositoryBytes, stateBytes, true, cure, limits);
        }

        Plan disk(long bytes) {
            return new Plan(bytes, repositoryBytes, stateBytes, previous, cure, limits);
        }

        Plan with(String... more) {
            List<String> all = new java.util.ArrayList<>(limits);
            all.addAll(List.of(more));
            return new Plan(diskBytes, repositoryBytes, stateBytes, previous, cure, all);
        }
    }

    /** Breaks it, and gives what mends it. */
    interface What {
        AutoCloseable strike(MatrixLab lab) throws Exception;
    }

    /**
     * What has to come of it.
     *
     * @param said has to be found in what stderr says; empty if nothing has to be said
     * @param layers which layers may be said to have stalled
     * @param bound so soon after the fault it is said, or the command has ended if nothing has to be said
     * @param snapshot whether the end may leave our snapshot at the VM, for the resume to take over
     */
    record Expected(int code, String said, Set<String> layers, Duration bound, boolean snapshot) {
        /** It is said, and ends with this code; no stall is spoken of. */
        static Expected ends(int code, String said, int boundSeconds) {
            return new Expected(code, said, Set.of(), Duration.ofSeconds(boundSeconds), false);
        }

        /** The same run goes on to its end; nothing has to be said. */
        static Expected recovers(int boundSeconds) {
            return ends(0, "", boundSeconds);
        }

        /** These layers, and no others, are said to have stalled. */
        Expected stalling(String... names) {
            return new Expected(code, said, Set.of(names), bound, snapshot);
        }

        Expected leavingSnapshot() {
            return new Expected(code, said, layers, bound, true);
        }
    }

    static MatrixFault both(String name, Hop hop, When when, Plan plan, What what, Expected expected) {
        return new MatrixFault(name, hop, when, plan, what, expected, expected);
    }

    static MatrixFault ofService(String name, When when, Plan plan, What what, Expected expected) {
        return new MatrixFault(name, Hop.SERVICE, when, plan, what, null, expected);
    }

    /** How many roads know it. */
    int roads() {
        return (embedded == null ? 0 : 1) + (service == null ? 0 : 1);
    }

    @Nullable
    Expected expected(MatrixLab.Road road) {
        return road == MatrixLab.Road.EMBEDDED ? embedded : service;
    }
}
