package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.hub.Hub;
import io.migratekit.hub.api.HubServer;
import io.migratekit.hub.api.HubService;
import io.migratekit.hub.api.HubSettings;
import io.migratekit.hub.control.Control;
import io.migratekit.hub.control.Queue;
import io.migratekit.hub.export.Places;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A hub in this process and on unix sockets alone, for tests that need its answers and neither its start nor its death. */
final class HubHere implements AutoCloseable {
    private final HubService hub;
    private final Path socket;

    HubHere(Path repository, Path folder) throws IOException {
        socket = folder.resolve("api");
        hub = HubService.start(new HubSettings(
                repository,
                List.of(new HubServer.Listen.Unix(socket)),
                new Places.Sockets(folder.resolve("x")),
                Duration.ZERO,
                1 << 20,
                Hub.Habits.NONE,
                new Control.Embedded(),
                Queue.LOST_AFTER,
                "test"));
        assertTrue(hub.isAlive());
    }

    /** What {@code --hub} takes. */
    String address() {
        return "unix:" + socket;
    }

    @Override
    public void close() {
        hub.close();
    }
}
