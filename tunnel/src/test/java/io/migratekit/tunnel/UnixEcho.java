package io.migratekit.tunnel;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** Says back what it hears, on a unix socket: to that, a network namespace is no wall. */
final class UnixEcho implements AutoCloseable {
    private final ServerSocketChannel listener;

    private UnixEcho(ServerSocketChannel listener) {
        this.listener = listener;
        Thread.ofPlatform().daemon().name("unix-echo").start(this::acceptAll);
    }

    static UnixEcho at(Path path) throws IOException {
        return new UnixEcho(
                ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path)));
    }

    private void acceptAll() {
        while (listener.isOpen()) {
            try {
                SocketChannel client = listener.accept();
                Thread.ofPlatform().daemon().name("unix-echo-client").start(() -> serve(client));
            } catch (IOException e) {
                // The loop's condition tells whether this is the end.
            }
        }
    }

    private static void serve(SocketChannel client) {
        try (client;
                InputStream in = Channels.newInputStream(client);
                OutputStream out = Channels.newOutputStream(client)) {
            in.transferTo(out);
        } catch (IOException e) {
            // The client is gone.
        }
    }

    @Override
    public void close() {
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
