package io.migratekit.hub.control;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Who carries jobs out?
 *
 * @param hub the repository for which it asks for work
 * @param slots how many jobs it takes at once
 * @param heardAt when it asked for work last
 * @param reached where it can be called
 * @param discoveryWanted whether somebody has asked it to look which VMs there are
 */
public record Agent(
        String name,
        String hub,
        String version,
        int slots,
        Optional<Reached> reached,
        Instant heardAt,
        boolean discoveryWanted,
        @Nullable Instant discoveredAt) {
    /** One that is there asks every few seconds. */
    static final Duration SILENCE = Duration.ofSeconds(60);

    /**
     * Where can it be called, and how does it know that it is the hub who calls?
     *
     * @param port of the hub's own loopback, where the agent's tunnel has a reverse forward
     */
    public record Reached(int port, String token) {
        @Override
        public String toString() {
            return "port " + port;
        }
    }

    public boolean isThere(Instant now) {
        return Duration.between(heardAt, now).compareTo(SILENCE) < 0;
    }
}
