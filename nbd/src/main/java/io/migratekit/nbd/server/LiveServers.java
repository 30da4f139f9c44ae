package io.migratekit.nbd.server;

import static java.lang.System.Logger.Level.WARNING;

import io.migratekit.nbd.Deadline;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Which servers must be stopped when this JVM ends in an orderly way (end of main, exit, Ctrl-C, SIGTERM)? */
final class LiveServers {
    private static final System.Logger LOG = System.getLogger(LiveServers.class.getName());
    /** All servers together: an exit must not take longer because there are many of them. */
    private static final Duration EXIT_LIMIT = Duration.ofSeconds(5);

    private static final Set<ServerProcess> LIVE = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime()
                .addShutdownHook(Thread.ofPlatform().name("stop-servers").unstarted(LiveServers::stopAll));
    }

    private LiveServers() {}

    static void add(ServerProcess server) {
        LIVE.add(server);
    }

    static void remove(ServerProcess server) {
        LIVE.remove(server);
    }

    private static void stopAll() {
        Deadline deadline = Deadline.in(EXIT_LIMIT);
        LIVE.forEach(ServerProcess::ask);
        for (ServerProcess server : LIVE) {
            try {
                server.stop(deadline);
            } catch (RuntimeException e) {
                // One that cannot be stopped must not keep the others alive.
                LOG.log(WARNING, "a server is left behind: " + e.getMessage());
            }
        }
    }
}
