package io.migratekit.hub.control;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Who carries jobs out?
 *
 * @param hub the repository for which it asks for work
 * @param slots how many jobs it takes at once
 * @param heardAt when it asked for work last
 * @param discoveryWanted whether somebody has asked it to look which VMs there are
 */
public record Agent(
        String name,
        String hub,
        String version,
        int slots,
        Instant heardAt,
        boolean discoveryWanted,
        @Nullable Instant discoveredAt) {
    /** One that is there asks every few seconds. */
    private static final Duration SILENCE = Duration.ofSeconds(60);

    public boolean isThere(Instant now) {
        return Duration.between(heardAt, now).compareTo(SILENCE) < 0;
    }
}
