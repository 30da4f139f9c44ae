package io.migratekit.cli;

import io.migratekit.nbd.Durations;
import io.migratekit.vmware.VCenterListener;
import java.time.Duration;

/** When does the user hear of the source? Of what is notable always, of waits with {@code -v}, or when they may be long. */
final class VmwareAnnouncer implements VCenterListener {
    /** A wait that may be longer than this is a task, of which people want to know. */
    private static final Duration TASK = Duration.ofMinutes(5);

    private final Console console;

    VmwareAnnouncer(Console console) {
        this.console = console;
    }

    @Override
    public void waiting(String what, Duration atMost) {
        Duration rounded = Duration.ofSeconds((atMost.toMillis() + 999) / 1000);
        if (console.isVerbose() || atMost.compareTo(TASK) >= 0) {
            console.say("waiting up to " + Durations.show(rounded) + " for " + what);
        }
    }

    @Override
    public void note(String sentence) {
        console.say(sentence);
    }
}
