package io.migratekit.agent.job;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Where is the state of all jobs? Where the user says, else where the system keeps such things. */
public final class StateDirectory {
    private static final String VARIABLE = "MIGRATEKIT_STATE_DIR";
    private static final Path FOR_ROOT = Path.of("/var/lib/migratekit");

    private StateDirectory() {}

    /**
     * The state directory, when no option on the command line names one.
     *
     * @param environment the variables of the process
     * @param root whether it belongs to the superuser: {@link #isRoot()}
     */
    public static Path byDefault(Map<String, String> environment, boolean root) {
        String named = environment.getOrDefault(VARIABLE, "");
        if (!named.isEmpty()) {
            return Path.of(named).toAbsolutePath();
        }
        if (root) {
            return FOR_ROOT;
        }
        String states = environment.getOrDefault("XDG_STATE_HOME", "");
        if (states.startsWith("/")) { // The XDG specification says that a relative one is to be ignored.
            return Path.of(states, "migratekit");
        }
        String home = environment.getOrDefault("HOME", "");
        if (!home.startsWith("/")) {
            throw new JobException.Storage(
                    "there is no place for the state of jobs: neither " + VARIABLE
                            + " nor XDG_STATE_HOME nor HOME is set. Name one with --state-dir.",
                    null);
        }
        return Path.of(home, ".local", "state", "migratekit");
    }

    /** Whether this process is the superuser's. */
    public static boolean isRoot() {
        try {
            return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
        } catch (IOException | UnsupportedOperationException e) {
            return System.getProperty("user.name", "").equals("root");
        }
    }
}
