package io.migratekit.hub.api;

import static java.lang.System.Logger.Level.INFO;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Request;

/**
 * Which connections keep a place without asking anything? Those are shown out: Jetty's idle timeout sees only silence, not a
 * request that comes a byte at a time.
 */
final class Visitors implements Connection.Listener {
    private static final System.Logger LOG = System.getLogger(Visitors.class.getName());

    private final Duration limit;
    /** Since when each has asked nothing; one whose request is known is not here. */
    private final Map<Connection, Long> silentSince = new ConcurrentHashMap<>();

    Visitors(Duration limit) {
        this.limit = limit;
    }

    @Override
    public void onOpened(Connection connection) {
        silentSince.put(connection, System.nanoTime());
    }

    @Override
    public void onClosed(Connection connection) {
        silentSince.remove(connection);
    }

    /** Its request is known; from its end on the connection is expected to bring the next one. */
    void asks(Request request) {
        Connection connection = request.getConnectionMetaData().getConnection();
        silentSince.remove(connection);
        Request.addCompletionListener(request, _ -> {
            if (connection.getEndPoint().isOpen()) {
                silentSince.put(connection, System.nanoTime());
            }
        });
    }

    /** Closes those that have had their time. */
    void showOut() {
        long now = System.nanoTime();
        silentSince.forEach((connection, since) -> {
            if (now - since > limit.toNanos() && silentSince.remove(connection, since)) {
                LOG.log(
                        INFO,
                        () -> "connection=" + connection.getEndPoint().getRemoteSocketAddress()
                                + " closed, because no request came within " + limit.toMillis() + " ms");
                connection.close();
            }
        });
    }
}
