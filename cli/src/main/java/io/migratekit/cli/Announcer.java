package io.migratekit.cli;

import io.migratekit.nbd.Durations;
import io.migratekit.nbd.Wait;
import io.migratekit.nbd.WaitListener;
import java.time.Duration;

/**
 * When does the user hear of a wait? At once with {@code -v}; otherwise when it begins to be noticed,
 * so that nobody sits in front of a silent terminal.
 */
final class Announcer implements WaitListener {
    private static final Duration NOTICED = Duration.ofSeconds(2);
    private static final Duration AGAIN = Duration.ofSeconds(30);

    private final Console console;
    private Duration next = NOTICED;

    Announcer(Console console) {
        this.console = console;
    }

    @Override
    public void waiting(String connection, Wait wait, Duration limit) {
        next = NOTICED;
        if (console.isVerbose() && !wait.isRequest()) {
            console.say(connection + ": waiting up to " + Durations.show(limit) + " for the " + wait.title());
        }
    }

    @Override
    public void stillWaiting(String connection, Wait wait, Duration waited, Duration silent, Duration limit) {
        if (waited.compareTo(next) < 0) {
            return;
        }
        next = waited.plus(AGAIN);
        String life = silent.compareTo(Duration.ofSeconds(1)) < 0
                ? "something arrives, slowly"
                : "silent for " + Durations.show(silent) + " of at most " + Durations.show(limit);
        console.say(connection + ": still waiting for the " + wait.title() + " (" + life + ")");
    }

    @Override
    public void answered(String connection, Wait wait, Duration waited) {
        if (console.isVerbose() && !wait.isRequest()) {
            console.say(connection + ": " + wait.title() + " after " + Durations.show(waited));
        }
    }
}
