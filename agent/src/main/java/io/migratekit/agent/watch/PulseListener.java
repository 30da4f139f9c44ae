package io.migratekit.agent.watch;

import io.migratekit.nbd.Wait;
import io.migratekit.nbd.WaitListener;
import java.time.Duration;

/** How does a pulse hear of its connection's handshake, and of bytes that are no answer yet? */
final class PulseListener implements WaitListener {
    private final ConnectionPulse pulse;
    private final WaitListener also;

    PulseListener(ConnectionPulse pulse, WaitListener also) {
        this.pulse = pulse;
        this.also = also;
    }

    @Override
    public void waiting(String connection, Wait wait, Duration limit) {
        also.waiting(connection, wait, limit);
        pulse.announced(wait);
    }

    @Override
    public void stillWaiting(String connection, Wait wait, Duration waited, Duration silent, Duration limit) {
        also.stillWaiting(connection, wait, waited, silent, limit);
        pulse.looked(silent);
    }

    @Override
    public void moved(String connection, boolean received) {
        also.moved(connection, received);
        if (received) {
            pulse.received();
        } else {
            pulse.progress();
        }
    }

    @Override
    public void answered(String connection, Wait wait, Duration waited) {
        also.answered(connection, wait, waited);
        pulse.announcedAnswered(wait, waited);
    }
}
