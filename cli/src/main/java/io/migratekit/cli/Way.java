package io.migratekit.cli;

import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.nbd.NbdUri;
import io.migratekit.tunnel.Forward;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** How does a command reach a server that only another host sees? */
sealed interface Way extends AutoCloseable permits SshRoad, ServiceRoad {
    /** What it is called in messages. */
    String name();

    /** A socket here that leads to a server which the other host sees at that address. */
    Path door(NbdUri.Transport there, Forward.Traffic traffic);

    /** The same export, reached this way. */
    default NbdUri through(NbdUri uri) {
        Path door = door(uri.transport(), Forward.Traffic.DATA);
        return uri.through(name(), new NbdUri.Unix(door.toString()));
    }

    /** How the way is, for the watch; does not block. */
    Road road(Side side);

    /** How many connections it takes to write at full speed this way; asks the other end, for a second at the most. */
    int connectionsToFill();

    /**
     * Lets a port of the other host's loopback lead to one of ours, if that is for this way to say. What is refused there is told,
     * and otherwise nothing comes of it.
     */
    void callBack(int portThere, InetSocketAddress here);

    @Override
    void close();

    /** The export by that way, or as it is if there is none. */
    static NbdUri lead(@Nullable Way way, NbdUri uri) {
        return way == null ? uri : way.through(uri);
    }
}
