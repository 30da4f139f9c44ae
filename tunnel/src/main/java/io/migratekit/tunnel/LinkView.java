package io.migratekit.tunnel;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * What is known of one SSH session?
 *
 * @param relays connections that run over it now
 * @param roundTrip of the latest sign of life, with the time it waited behind data; zero before the first
 * @param lost why it is not up any more
 */
public record LinkView(
        String name,
        Instant since,
        int relays,
        long bytesReceived,
        long bytesSent,
        Duration roundTrip,
        Optional<TunnelException> lost) {}
