package io.migratekit.cli;

import io.migratekit.agent.hub.HubClient;
import io.migratekit.nbd.Durations;
import java.time.Duration;

/** What is said of waiting for a hub? To who wants to hear it, and to all that it is asked again. */
record HubWords(Console console) implements HubClient.Listener {
    @Override
    public void waiting(String what, Duration atMost) {
        if (console.isVerbose()) {
            console.say("waiting for " + what + ", of silence at most " + Durations.show(atMost));
        }
    }

    @Override
    public void waited(String what) {
        // What came of it is printed, or done.
    }

    @Override
    public void retrying(String why) {
        console.say(why + "; trying again");
    }
}
