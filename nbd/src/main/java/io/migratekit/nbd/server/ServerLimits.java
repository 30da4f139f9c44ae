package io.migratekit.nbd.server;

import java.time.Duration;

/**
 * How long may each wait for a server process last, and how much of its output is kept?
 *
 * @param ready from the start until it is ready to serve
 * @param stop from the polite request to end until it is killed
 * @param kill from the kill until we give up on it
 * @param keptOutputBytes the last bytes of its output, kept for error messages
 */
public record ServerLimits(Duration ready, Duration stop, Duration kill, int keptOutputBytes) {
    public static final ServerLimits DEFAULTS =
            new ServerLimits(Duration.ofSeconds(15), Duration.ofSeconds(10), Duration.ofSeconds(5), 16 * 1024);

    public ServerLimits {
        if (ready.isNegative() || stop.isNegative() || kill.isNegative() || keptOutputBytes < 0) {
            throw new IllegalArgumentException("limits must not be negative");
        }
    }

    public ServerLimits withReady(Duration limit) {
        return new ServerLimits(limit, stop, kill, keptOutputBytes);
    }

    public ServerLimits withStop(Duration limit) {
        return new ServerLimits(ready, limit, kill, keptOutputBytes);
    }
}
