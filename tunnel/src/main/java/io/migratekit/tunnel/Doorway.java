package io.migratekit.tunnel;

import static java.lang.System.Logger.Level.WARNING;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Where do clients of a forward come in? It stays open while the tunnel is down: what becomes of a
 * client that comes then is the {@link Usher}'s to decide.
 */
final class Doorway implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Doorway.class.getName());
    private static final int WAIT_MILLIS = 1000;
    private static final int BACKLOG = 128;

    /** Finds a way to the hub for a client, and carries its bytes until it is over. */
    interface Guide {
        void lead(Relay relay, Forward.Local forward, ForwardCounters counters);
    }

    private final String tunnel;
    private final Forward.Local forward;
    private final Guide guide;
    private final ServerSocketChannel listener;
    private final Selector selector;
    private final SocketAddress address;
    private final ForwardCounters counters = new ForwardCounters();
    private final AtomicLong clients = new AtomicLong();
    private volatile boolean closed;

    private Doorway(String tunnel, Forward.Local forward, Guide guide, ServerSocketChannel listener)
            throws IOException {
        this.tunnel = tunnel;
        this.forward = forward;
        this.guide = guide;
        this.listener = listener;
        this.address = listener.getLocalAddress();
        listener.configureBlocking(false);
        this.selector = Selector.open();
        listener.register(selector, SelectionKey.OP_ACCEPT);
    }

    static Doorway open(String tunnel, Forward.Local forward, Guide guide) {
        try {
            Doorway doorway = new Doorway(tunnel, forward, guide, listen(forward.listen()));
            Thread.ofPlatform().daemon().name("door-" + tunnel).start(doorway::welcome);
            return doorway;
        } catch (IOException | UnsupportedOperationException e) {
            throw new TunnelException.ListenFailed(
                    "tunnel " + tunnel + ": cannot listen for the forward " + forward + ": " + e.getMessage()
                            + ". Usual cause: another tunnel or server has that address; `ss -lnp` tells which.",
                    e);
        }
    }

    private static ServerSocketChannel listen(SocketAddress address) throws IOException {
        if (address instanceof UnixDomainSocketAddress unix) {
            return listen(unix.getPath());
        }
        ServerSocketChannel listener = ServerSocketChannel.open(
                ((InetSocketAddress) address).getAddress() instanceof java.net.Inet6Address
                        ? StandardProtocolFamily.INET6
                        : StandardProtocolFamily.INET);
        try {
            listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            return listener.bind(address, BACKLOG);
        } catch (IOException e) {
            listener.close();
            throw e;
        }
    }

    /** A socket that nobody listens on any more is taken over; only its owner may connect. */
    private static ServerSocketChannel listen(Path path) throws IOException {
        if (Files.exists(path) && isDead(path)) {
            Files.delete(path);
        }
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            listener.bind(UnixDomainSocketAddress.of(path), BACKLOG);
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
            return listener;
        } catch (IOException e) {
            listener.close();
            throw e;
        }
    }

    private static boolean isDead(Path path) throws IOException {
        if (!Files.readAttributes(path, java.nio.file.attribute.BasicFileAttributes.class)
                .isOther()) {
            return false;
        }
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            probe.connect(UnixDomainSocketAddress.of(path));
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    Forward.Local forward() {
        return forward;
    }

    SocketAddress address() {
        return address;
    }

    ForwardCounters counters() {
        return counters;
    }

    ForwardView view() {
        return counters.view(forward, address);
    }

    private void welcome() {
        while (!closed) {
            try {
                selector.select(WAIT_MILLIS);
                selector.selectedKeys().clear();
                SocketChannel client = listener.accept();
                if (client != null) {
                    welcome(client);
                }
            } catch (IOException | RuntimeException e) {
                if (!closed) {
                    LOG.log(WARNING, () -> "tunnel=" + tunnel + " forward=\"" + forward + "\" accept failed: " + e);
                    rest();
                }
            }
        }
    }

    private void welcome(SocketChannel client) throws IOException {
        if (address instanceof InetSocketAddress) {
            client.setOption(StandardSocketOptions.TCP_NODELAY, true);
        }
        String name = tunnel + "-" + clients.incrementAndGet();
        Relay relay = new Relay(name, client, counters);
        Thread.ofPlatform().daemon().name("relay-" + name).start(() -> guide.lead(relay, forward, counters));
    }

    /** When there are no descriptors left, trying again at once would only burn the processor. */
    private static void rest() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Lets nobody in any more; who is inside stays. */
    @Override
    public void close() {
        closed = true;
        try {
            listener.close();
            selector.close();
            if (address instanceof UnixDomainSocketAddress unix) {
                Files.deleteIfExists(unix.getPath());
            }
        } catch (IOException e) {
            LOG.log(WARNING, () -> "tunnel=" + tunnel + " forward=\"" + forward + "\" closing failed: " + e);
        }
    }
}
