package io.migratekit.cli;

import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.nbd.NbdUri;
import org.jspecify.annotations.Nullable;

/** How does a command reach an export that only another host sees? */
sealed interface Way extends AutoCloseable permits SshRoad, ServiceRoad {
    /** The same export, reached this way. */
    NbdUri through(NbdUri uri);

    /** How the way is, for the watch; does not block. */
    Road road(Side side);

    /** How many connections it takes to write at full speed this way; asks the other end, for a second at the most. */
    int connectionsToFill();

    @Override
    void close();

    /** The export by that way, or as it is if there is none. */
    static NbdUri lead(@Nullable Way way, NbdUri uri) {
        return way == null ? uri : way.through(uri);
    }
}
