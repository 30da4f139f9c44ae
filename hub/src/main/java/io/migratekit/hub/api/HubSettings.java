package io.migratekit.hub.api;

import io.migratekit.hub.Hub;
import io.migratekit.hub.control.Control;
import io.migratekit.hub.export.Places;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * How shall a hub be run?
 *
 * @param repository the folder that keeps the backups; it is made if it is not there
 * @param listens where the API listens
 * @param places where exports listen
 * @param keepAtLeast for how long a restore point cannot be deleted, whoever asks
 * @param reserveBytes what has to stay free on the repository's file system
 * @param habits what is done without being asked
 * @param control where jobs are kept
 * @param lostAfter an agent that was not heard for so long loses its jobs
 * @param version of the program, for manifests and for who asks
 */
public record HubSettings(
        Path repository,
        List<HubServer.Listen> listens,
        Places places,
        Duration keepAtLeast,
        long reserveBytes,
        Hub.Habits habits,
        Control control,
        Duration lostAfter,
        String version) {
    public HubSettings {
        repository = repository.toAbsolutePath().normalize();
        listens = List.copyOf(listens);
    }
}
