package io.migratekit.cli;

import io.migratekit.agent.hub.HubException;
import io.migratekit.agent.watch.Road;
import io.migratekit.agent.watch.Side;
import io.migratekit.nbd.NbdException;
import io.migratekit.nbd.NbdUri;
import io.migratekit.tunnel.Forward;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Supplier;
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

    /** The same, seen this moment; may take as long as a question to the tunnel's service does. */
    default Road lookAgain(Side side) {
        return road(side);
    }

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

    /** Does something at an export or a hub by that way. One that is lost or silent behind a way that is closed is no news of it. */
    static <T> T at(@Nullable Way way, Supplier<T> work) {
        try {
            return work.get();
        } catch (NbdException | HubException e) {
            Set<ExitCode> away = EnumSet.of(
                    ExitCode.NBD_UNREACHABLE, ExitCode.NBD_NO_GREETING, ExitCode.NBD_SILENT, ExitCode.HUB_UNREACHABLE);
            if (way != null && away.contains(Console.codeOf(e))) {
                Road road = way.lookAgain(Side.TARGET);
                if (!road.up()) {
                    throw new CommandFailed(ExitCode.TUNNEL, road.explains(e));
                }
            }
            throw e;
        }
    }
}
