package io.migratekit.vmware;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** What was the listener told? */
final class Heard implements VCenterListener {
    final List<String> waits = new CopyOnWriteArrayList<>();
    final List<String> notes = new CopyOnWriteArrayList<>();

    @Override
    public void waiting(String what, Duration atMost) {
        waits.add(what + " / " + atMost.toMillis());
    }

    @Override
    public void note(String sentence) {
        notes.add(sentence);
    }
}
