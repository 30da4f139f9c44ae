package io.migratekit.tunnel;

import java.time.Instant;
import java.util.Optional;

/** How is the tunnel? Only {@link Up} means that the hub's SSH server has let us in and still answers. */
public sealed interface TunnelState {
    /** On the way to the hub, for the first time or again. */
    record Connecting(Instant since) implements TunnelState {}

    /** The base link stands. */
    record Up(Instant since, String serverVersion) implements TunnelState {}

    /**
     * There is no link.
     *
     * @param retryAt when the next attempt begins; empty: given up, or closed
     */
    record Down(Instant since, TunnelException cause, Optional<Instant> retryAt) implements TunnelState {}
}
