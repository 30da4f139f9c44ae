package io.migratekit.hub.control;

import io.migratekit.nbd.Secret;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where is the queue of a hub kept? */
public sealed interface Control {
    /** In a file beside the repository: one hub. */
    record Embedded() implements Control {}

    /**
     * In a PostgreSQL that hubs share.
     *
     * @param url such as {@code jdbc:postgresql://127.0.0.1/migratekit}; without a password in it
     */
    record Shared(
            String url, Optional<String> user, @Nullable Secret password) implements Control {}

    /** Whether there has been one beside this repository. */
    static boolean isUsed(Path repository) {
        return Files.exists(folder(repository));
    }

    private static Path folder(Path repository) {
        return repository.resolve("control");
    }

    /**
     * Opens it.
     *
     * @param lostAfter an agent that was not heard for so long loses its jobs
     */
    default Queue open(Path repository, String hub, Queue.Backups backups, Duration lostAfter) {
        Database database = switch (this) {
            case Embedded _ -> Database.embedded(folder(repository));
            case Shared(String url, Optional<String> user, Secret password) -> Database.postgres(url, user, password);
        };
        return new Queue(hub, database, backups, lostAfter);
    }
}
