package io.migratekit.tunnel;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** What stands behind a forward in a test: a real server on a loopback port that does one thing to each client. */
final class EchoServer implements AutoCloseable {
    /** What is done to a client. */
    interface Manner {
        void serve(InputStream in, OutputStream out) throws IOException;
    }

    private final ServerSocket listener;
    private final Queue<Socket> clients = new ConcurrentLinkedQueue<>();
    private final Manner manner;

    private EchoServer(Manner manner) throws IOException {
        this.manner = manner;
        this.listener = new ServerSocket();
        listener.bind(Forward.loopback(0), 100);
        Thread.ofPlatform().daemon().name("server").start(this::acceptAll);
    }

    static EchoServer start(Manner manner) throws IOException {
        return new EchoServer(manner);
    }

    /** Says back what it hears, until it hears the end. */
    static EchoServer echo() throws IOException {
        return start((in, out) -> {
            byte[] buffer = new byte[64 * 1024];
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                out.write(buffer, 0, count);
            }
        });
    }

    int port() {
        return listener.getLocalPort();
    }

    private void acceptAll() {
        while (!listener.isClosed()) {
            try {
                Socket client = listener.accept();
                client.setTcpNoDelay(true);
                clients.add(client);
                Thread.ofPlatform().daemon().name("server-client").start(() -> serve(client));
            } catch (IOException e) {
                // The loop's condition tells whether this is the end.
            }
        }
    }

    private void serve(Socket client) {
        try (client) {
            manner.serve(client.getInputStream(), client.getOutputStream());
        } catch (IOException e) {
            // The client is gone.
        }
    }

    @Override
    public void close() {
        try {
            listener.close();
            for (Socket client : clients) {
                client.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
