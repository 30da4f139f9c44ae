package io.migratekit.hub.api;

import io.migratekit.hub.Hub;
import io.migratekit.hub.control.ControlException;
import io.migratekit.hub.export.ExportFailed;
import io.migratekit.hub.export.Exports;
import io.migratekit.hub.repository.Repository;
import io.migratekit.hub.repository.RepositoryException;
import io.migratekit.hub.repository.RepositoryLimits;
import java.io.IOException;
import java.util.List;

/** How does a hub come up and go? Repository, exports, the story of each backup, and the API above them; down in reverse. */
public final class HubService implements AutoCloseable {
    private static final String EXPORTS = "exports.json";
    private static final String LEASES = "leases.json";
    private static final String ALARMS = "alarms.json";

    private final Hub hub;
    private final List<Route> routes;
    private final HubServer server;
    private final LazyQueue queue;

    private HubService(Hub hub, LazyQueue queue, List<Route> routes, HubServer server) {
        this.hub = hub;
        this.queue = queue;
        this.routes = routes;
        this.server = server;
    }

    /**
     * Comes back when agents can be served.
     *
     * @throws RepositoryException if the folder cannot be used, or another process serves it
     * @throws IOException if it cannot listen
     */
    public static HubService start(HubSettings settings) throws IOException {
        Repository repository = Repository.open(
                settings.repository(),
                new RepositoryLimits(
                        settings.reserveBytes(), settings.keepAtLeast(), RepositoryLimits.DEFAULTS.toolLimit()));
        Hub hub;
        try {
            hub = Hub.over(
                    repository,
                    Exports.start(settings.places(), settings.repository().resolve(EXPORTS)),
                    settings.repository().resolve(LEASES),
                    settings.repository().resolve(ALARMS),
                    settings.habits());
        } catch (IOException | RuntimeException e) {
            repository.close();
            throw e;
        }
        LazyQueue queue = new LazyQueue(settings, hub);
        try {
            queue.openIfUsed();
            List<Route> routes = new Routes(hub, queue, settings.version()).all();
            return new HubService(
                    hub,
                    queue,
                    routes,
                    HubServer.start(
                            settings.listens(),
                            routes,
                            new Tokens(settings.repository()),
                            HubService::explain,
                            HttpLimits.DEFAULTS));
        } catch (IOException | RuntimeException e) {
            queue.close();
            hub.close();
            throw e;
        }
    }

    /** What a failure is to a client. Of those of programs, which nobody expects, the log alone tells more. */
    static Problem explain(Exception failure) {
        String detail = String.valueOf(failure.getMessage());
        return switch (failure) {
            case Problem problem -> problem;
            case RepositoryException.BadRequest _ -> new Problem(400, "bad-request", detail);
            case RepositoryException.NotFound _ -> new Problem(404, "not-found", detail);
            case RepositoryException.Conflict conflict -> new Problem(409, conflict.word(), detail);
            case RepositoryException.NoSpace _ -> new Problem(507, "no-space", detail);
            case RepositoryException.Damaged _ -> new Problem(409, "damaged", detail);
            case RepositoryException.Locked _ -> new Problem(409, "locked", detail);
            case RepositoryException.Storage _ -> new Problem(503, "storage", detail);
            case ControlException.NotFound _ -> new Problem(404, "not-found", detail);
            case ControlException.Conflict _ -> new Problem(409, "conflict", detail);
            case ControlException.BadRequest _ -> new Problem(400, "bad-request", detail);
            case ControlException.Unreached _ -> new Problem(503, "unreached", detail);
            case ControlException.Unavailable _ -> new Problem(503, "storage", detail);
            case ExportFailed _ -> new Problem(503, "no-export", detail);
            default -> new Problem(500, "internal", "the hub failed; its log says how");
        };
    }

    /** Where it listens. */
    public List<String> addresses() {
        return server.addresses();
    }

    /** What it answers to. */
    List<Route> routes() {
        return routes;
    }

    public boolean isAlive() {
        return hub.isAlive();
    }

    @Override
    public void close() {
        hub.goingDown();
        queue.goingDown();
        server.close();
        queue.close();
        hub.close();
    }
}
