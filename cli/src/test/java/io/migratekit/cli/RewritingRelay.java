package io.migratekit.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * What if a real server said something else? A relay on loopback that rewrites what the server says, piece by piece as it
 * comes; the rewritten text has to be as long as it was.
 */
final class RewritingRelay implements AutoCloseable {
    private final ServerSocket listener;
    private final int target;
    private final UnaryOperator<String> rewrite;
    private final List<Socket> sockets = new ArrayList<>();

    private RewritingRelay(int target, UnaryOperator<String> rewrite) throws IOException {
        this.target = target;
        this.rewrite = rewrite;
        listener = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        Thread.ofPlatform().daemon().name("relay").start(this::acceptAll);
    }

    static RewritingRelay to(int port, UnaryOperator<String> rewrite) throws IOException {
        return new RewritingRelay(port, rewrite);
    }

    int port() {
        return listener.getLocalPort();
    }

    private void acceptAll() {
        try {
            while (true) {
                Socket client = listener.accept();
                Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
                synchronized (sockets) {
                    sockets.add(client);
                    sockets.add(server);
                }
                pump(client, server, UnaryOperator.identity());
                pump(server, client, rewrite);
            }
        } catch (IOException e) {
            // Closed.
        }
    }

    private static void pump(Socket from, Socket to, UnaryOperator<String> how) {
        Thread.ofPlatform().daemon().name("relay-pump").start(() -> {
            byte[] buffer = new byte[1 << 16];
            try (InputStream in = from.getInputStream();
                    OutputStream out = to.getOutputStream()) {
                for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                    String said = new String(buffer, 0, n, StandardCharsets.ISO_8859_1);
                    out.write(how.apply(said).getBytes(StandardCharsets.ISO_8859_1));
                    out.flush();
                }
            } catch (IOException e) {
                // One of them has left.
            }
        });
    }

    @Override
    public void close() throws IOException {
        listener.close();
        synchronized (sockets) {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }
}
