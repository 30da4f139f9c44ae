package io.migratekit.tunnel;

import java.net.SocketAddress;
import java.time.Duration;
import java.util.Optional;

/**
 * What has happened at one forward?
 *
 * @param listening the address at the near end; for a reverse forward where it leads
 * @param open connections now
 * @param opened connections so far
 * @param refused connections that could not be forwarded
 * @param lastRefusal why the latest of those could not
 * @param forbidden whether it is the rules of the SSH server that let nobody through
 * @param firstByte from the latest client's connect to the first byte that came back for it
 */
public record ForwardView(
        Forward forward,
        SocketAddress listening,
        int open,
        long opened,
        long bytesToHub,
        long bytesFromHub,
        long refused,
        Optional<String> lastRefusal,
        boolean forbidden,
        Optional<Duration> firstByte) {}
