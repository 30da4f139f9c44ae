package io.migratekit.hub.control;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Does one agent ask under a name, or do two? Two would take each other's jobs: what one is given the other does not know, so it would be
 * begun twice and cancelled again. Whoever asks first has the name until it was silent for a while.
 */
final class Seats {
    private record Seat(String place, long heardNanos) {}

    private final Map<String, Seat> seats = new HashMap<>();
    private final long silenceNanos;

    /** Seats that are free after so much silence. */
    Seats(Duration silence) {
        silenceNanos = silence.toNanos();
    }

    /** It asks from there; one that does not say from where has no seat. */
    synchronized void heard(String agent, Optional<String> from) {
        if (from.isEmpty()) {
            return;
        }
        String place = from.get();
        long now = System.nanoTime();
        Seat taken = seats.get(agent);
        if (taken != null && !taken.place().equals(place) && now - taken.heardNanos() < silenceNanos) {
            throw new ControlException.Conflict("another agent is called " + agent + ": it asked from " + taken.place()
                    + " "
                    + Duration.ofNanos(now - taken.heardNanos()).toSeconds() + " s ago, this one asks from " + place
                    + " (a host and its state directory). Give each a name and a token of its own; one that has moved is heard "
                    + Duration.ofNanos(silenceNanos).toSeconds() + " s after the old one has ended");
        }
        seats.put(agent, new Seat(place, now));
    }
}
