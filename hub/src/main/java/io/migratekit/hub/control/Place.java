package io.migratekit.hub.control;

import java.time.Duration;
import java.time.Instant;

/**
 * Where can the restore points of VMs be kept? One of the hubs that share a queue.
 *
 * @param hub the id of its repository
 * @param freeBytes what was free on its file system when it was heard last
 * @param promisedBytes what the VMs may take that were sent there and have no restore point yet
 * @param vms how many VMs have their place there
 * @param jobs how many are not done there
 */
public record Place(String hub, long freeBytes, long promisedBytes, int vms, int jobs, Instant heardAt) {
    /** One that is there says so twice a minute. */
    private static final Duration SILENCE = Duration.ofMinutes(2);

    public boolean isThere(Instant now) {
        return Duration.between(heardAt, now).compareTo(SILENCE) < 0;
    }

    long roomBytes() {
        return freeBytes - promisedBytes;
    }
}
