package io.migratekit.hub.api;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jspecify.annotations.Nullable;

/** Where does the hub listen for HTTP? On loopback, on unix sockets that only their owner can enter, or on both. */
public final class HubServer implements AutoCloseable {
    private static final Duration STOP = Duration.ofSeconds(2);
    private static final int THREADS = 24;

    private final Server server;
    private final Doorman doorman;
    private final List<String> addresses = new ArrayList<>();
    private final List<UnixDoor> doors = new ArrayList<>();

    /** Where to listen. */
    public sealed interface Listen {
        /** A port of a loopback address; 0: any free one. */
        record Tcp(InetSocketAddress address) implements Listen {
            public Tcp {
                if (address.isUnresolved() || !address.getAddress().isLoopbackAddress()) {
                    throw new IllegalArgumentException(
                            "the hub listens on loopback only (others come through SSH), not on "
                                    + address.getHostString());
                }
            }

            @Override
            public String text() {
                return "http://" + address.getHostString() + ":" + address.getPort();
            }
        }

        /** A unix socket, which needs no token: whoever is let in by the file system is let in. */
        record Unix(Path path) implements Listen {
            @Override
            public String text() {
                return "unix:" + path;
            }
        }

        /** As it is given on the command line. */
        String text();
    }

    private HubServer(Server server, Doorman doorman) {
        this.server = server;
        this.doorman = doorman;
    }

    static HubServer start(
            List<Listen> listens,
            List<Route> routes,
            Tokens tokens,
            Function<Exception, Problem> explain,
            HttpLimits limits)
            throws IOException {
        QueuedThreadPool threads = new QueuedThreadPool(THREADS);
        threads.setName("hub-http");
        threads.setDaemon(true);
        Server server = new Server(threads);
        Doorman doorman = new Doorman(routes, tokens, explain, limits);
        server.setHandler(doorman);
        server.setErrorHandler(new Errors());
        server.setStopTimeout(STOP.toMillis());
        HubServer hub = new HubServer(server, doorman);
        try {
            for (Listen listen : listens) {
                AbstractConnector connector = hub.connector(listen, limits);
                connector.addBean(doorman.visitors());
                server.addConnector(connector);
            }
            server.addBean(new NetworkConnectionLimit(limits.connections(), server));
            server.start();
            for (UnixDoor door : hub.doors) {
                door.open();
            }
            for (int i = 0; i < listens.size(); i++) {
                hub.addresses.add(address(listens.get(i), (AbstractConnector) server.getConnectors()[i]));
            }
        } catch (Exception e) {
            hub.close();
            throw new IOException(
                    "cannot listen on " + listens.stream().map(Listen::text).collect(Collectors.joining(" and ")) + ": "
                            + reason(e),
                    e);
        }
        return hub;
    }

    private static String reason(Throwable e) {
        return e.getCause() == null ? String.valueOf(e.getMessage()) : reason(e.getCause());
    }

    private AbstractConnector connector(Listen listen, HttpLimits limits) throws IOException {
        HttpConfiguration configuration = new HttpConfiguration();
        configuration.setSendServerVersion(false);
        configuration.setRequestHeaderSize(limits.headerBytes());
        configuration.setIdleTimeout(limits.idle().toMillis());
        HttpConnectionFactory http = new HttpConnectionFactory(configuration);
        AbstractConnector connector = switch (listen) {
            case Listen.Tcp(InetSocketAddress address) -> {
                ServerConnector tcp = new ServerConnector(server, 1, 1, http);
                tcp.setHost(address.getAddress().getHostAddress());
                tcp.setPort(address.getPort());
                tcp.setAcceptQueueSize(512);
                yield tcp;
            }
            case Listen.Unix(Path path) -> {
                UnixDoor door = UnixDoor.at(path);
                doors.add(door);
                UnixDomainServerConnector unix = new UnixDomainServerConnector(server, 1, 1, http);
                unix.setUnixDomainPath(door.inside());
                unix.setAcceptQueueSize(512);
                yield unix;
            }
        };
        connector.setIdleTimeout(limits.idle().toMillis());
        return connector;
    }

    private static String address(Listen listen, AbstractConnector connector) {
        return switch (listen) {
            case Listen.Tcp(InetSocketAddress asked) ->
                "http://" + asked.getAddress().getHostAddress() + ":" + ((ServerConnector) connector).getLocalPort();
            case Listen.Unix(Path path) -> "unix:" + path;
        };
    }

    /** Where it listens, as URLs or {@code unix:PATH}, in the order in which that was asked for. */
    public List<String> addresses() {
        return List.copyOf(addresses);
    }

    @Override
    public void close() {
        try {
            server.stop();
        } catch (Exception e) {
            System.getLogger(HubServer.class.getName())
                    .log(System.Logger.Level.WARNING, () -> "the HTTP server did not stop well: " + e.getMessage());
        } finally {
            doors.forEach(UnixDoor::close);
            doorman.close();
        }
    }

    /** What Jetty itself refuses (a malformed request, headers that are too large) is a problem as any other. */
    private static final class Errors extends ErrorHandler {
        @Override
        protected void generateResponse(
                Request request,
                Response response,
                int code,
                @Nullable String message,
                @Nullable Throwable cause,
                Callback callback) {
            // To Jetty a version or an encoding that nobody knows is its own lack; it is the client's mistake.
            int status = cause instanceof HttpException && code >= 500 ? 400 : code;
            Reply reply = Doorman.malformed(status, message == null ? "the request is malformed" : message);
            response.setStatus(status);
            response.getHeaders().put(HttpHeader.CONTENT_TYPE, reply.contentType());
            // Jetty ends the connection; a client that is not told so would send its next request into nothing.
            response.getHeaders().put(HttpHeader.CONNECTION, "close");
            response.write(true, ByteBuffer.wrap(reply.content().getBytes(StandardCharsets.UTF_8)), callback);
        }

        @Override
        public boolean errorPageForMethod(String method) {
            return true;
        }
    }
}
