package io.migratekit.agent.migration;

import io.migratekit.vmware.VCenterListener;
import java.time.Duration;

/** What is said of the talk with vCenter is said of the backup. */
record VCenterWords(MigrationListener listener) implements VCenterListener {
    @Override
    public void waiting(String what, Duration atMost) {
        listener.waiting(what, atMost);
    }

    @Override
    public void waited(String what) {
        listener.waited(what);
    }

    @Override
    public void note(String sentence) {
        listener.warned(sentence);
    }
}
