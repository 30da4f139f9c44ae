package io.migratekit.vmware.sim;

import static java.lang.System.Logger.Level.DEBUG;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** Accepts connections on one address, a thread for each, with whatever certificate it has at that time. */
final class HttpsListener implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(HttpsListener.class.getName());
    private static final int MOST_CONNECTIONS = 500;
    private static final Duration END_LIMIT = Duration.ofSeconds(5);

    private final ServerSocket server;
    private final Function<Http.Request, Http.Answer> handler;
    private final AtomicInteger accepted;
    private final Set<Connection> open = new HashSet<>();
    private final List<Thread> threads = new ArrayList<>();
    private final Thread acceptor;
    private volatile Certificate certificate;

    HttpsListener(
            String address,
            int port,
            Certificate certificate,
            AtomicInteger accepted,
            Function<Http.Request, Http.Answer> handler) {
        this.certificate = certificate;
        this.accepted = accepted;
        this.handler = handler;
        try {
            server = new ServerSocket();
            server.setReuseAddress(true);
            server.bind(new InetSocketAddress(InetAddress.ofLiteral(address), port), 100);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot listen on " + address + " port " + port, e);
        }
        acceptor = Thread.ofVirtual().name("sim-accept").unstarted(this::accept);
    }

    HttpsListener start() {
        acceptor.start();
        return this;
    }

    int port() {
        return server.getLocalPort();
    }

    void certificate(Certificate next) {
        certificate = next;
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                synchronized (open) {
                    if (server.isClosed() || open.size() >= MOST_CONNECTIONS) {
                        socket.close();
                        continue;
                    }
                    Connection connection = new Connection(
                            accepted.incrementAndGet(),
                            socket,
                            certificate.context().getSocketFactory(),
                            handler);
                    open.add(connection);
                    threads.removeIf(t -> !t.isAlive());
                    threads.add(Thread.ofVirtual().name("sim-connection").start(() -> serve(connection)));
                }
            } catch (IOException e) {
                LOG.log(DEBUG, "no more connections: {0}", e.getMessage());
            }
        }
    }

    private void serve(Connection connection) {
        try (connection) {
            connection.serve();
        } catch (IOException e) {
            LOG.log(DEBUG, "a connection ended: {0}", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            synchronized (open) {
                open.remove(connection);
            }
        }
    }

    /** Ends every connection, as a network does that breaks; new ones are welcome. */
    void cutConnections() {
        List<Connection> all;
        synchronized (open) {
            all = List.copyOf(open);
        }
        for (Connection connection : all) {
            try {
                connection.close();
            } catch (IOException e) {
                LOG.log(DEBUG, "a connection did not close: {0}", e.getMessage());
            }
        }
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        cutConnections();
        List<Thread> all;
        synchronized (open) {
            all = new ArrayList<>(threads);
        }
        all.forEach(Thread::interrupt);
        all.add(acceptor);
        long end = System.nanoTime() + END_LIMIT.toNanos();
        for (Thread thread : all) {
            try {
                thread.join(Duration.ofNanos(Math.max(1, end - System.nanoTime())));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
