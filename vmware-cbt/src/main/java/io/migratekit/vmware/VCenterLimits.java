package io.migratekit.vmware;

import java.time.Duration;

/**
 * How long may vCenter take?
 *
 * @param connect for the TCP connection and TLS
 * @param call for the whole answer to a call, its body included
 * @param task for a task that we wait for, such as taking a snapshot
 * @param removal for removing a snapshot, which merges what was written meanwhile and may take long
 * @param retryFor how long a call that may be repeated is repeated while the server cannot be reached
 * @param keepAlive so often a session that is not used otherwise is used
 */
public record VCenterLimits(
        Duration connect, Duration call, Duration task, Duration removal, Duration retryFor, Duration keepAlive) {
    public static final VCenterLimits DEFAULT = new VCenterLimits(
            Duration.ofSeconds(15),
            Duration.ofSeconds(60),
            Duration.ofMinutes(10),
            Duration.ofHours(2),
            Duration.ofMinutes(2),
            Duration.ofMinutes(3));
}
