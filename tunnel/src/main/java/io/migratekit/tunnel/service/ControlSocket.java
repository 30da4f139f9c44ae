package io.migratekit.tunnel.service;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.migratekit.tunnel.Forward;
import io.migratekit.tunnel.SshTunnel;
import io.migratekit.tunnel.TunnelException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * How do other processes ask a running tunnel? One line of JSON each way: {@code {"do":"status"}}, or
 * {@code {"do":"forward","to":"127.0.0.1:10810"}}, whose forward stands until the asker hangs up. So a
 * job that is killed leaves nothing behind.
 */
final class ControlSocket implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(ControlSocket.class.getName());
    private static final int WAIT_MILLIS = 1000;
    private static final int MOST_CLIENTS = 256;
    private static final int LONGEST_QUESTION = 16 * 1024;

    private final String name;
    private final SshTunnel tunnel;
    private final Supplier<JsonObject> status;
    private final RuntimeDirectory directory;
    private final ServerSocketChannel listener;
    private final Selector selector;
    private final Set<SocketChannel> clients = ConcurrentHashMap.newKeySet();
    private final AtomicLong leases = new AtomicLong();
    /** A job whose lease ended with an earlier run may still try its address, which must not lead to another's disk. */
    private final String run = Long.toString(System.currentTimeMillis(), Character.MAX_RADIX);

    private volatile boolean closed;

    private ControlSocket(
            String name,
            SshTunnel tunnel,
            Supplier<JsonObject> status,
            RuntimeDirectory directory,
            ServerSocketChannel listener)
            throws IOException {
        this.name = name;
        this.tunnel = tunnel;
        this.status = status;
        this.directory = directory;
        this.listener = listener;
        this.selector = Selector.open();
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
    }

    static ControlSocket open(String name, SshTunnel tunnel, Supplier<JsonObject> status, RuntimeDirectory directory) {
        directory.prepare();
        Path path = directory.socket(name);
        try {
            ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                takeOver(path);
                directory.clearLeases(name);
                listener.bind(UnixDomainSocketAddress.of(path));
                ControlSocket socket = new ControlSocket(name, tunnel, status, directory, listener);
                Thread.ofPlatform().daemon().name("control-" + name).start(socket::serve);
                return socket;
            } catch (IOException | RuntimeException e) {
                listener.close();
                throw e;
            }
        } catch (IOException e) {
            throw new ServiceException("cannot listen at " + path + ": " + e.getMessage(), e);
        }
    }

    /** A socket that nobody answers at was left behind; one that somebody answers at is a tunnel that runs. */
    private static void takeOver(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        try (SocketChannel _ = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            throw new ServiceException(
                    "the tunnel runs already: somebody answers at " + path + ". `migratekit tunnel status` shows it.",
                    null);
        } catch (IOException e) {
            Files.delete(path);
        }
    }

    private void serve() {
        while (!closed) {
            try {
                selector.select(WAIT_MILLIS);
                selector.selectedKeys().clear();
                SocketChannel client = listener.accept();
                if (client == null) {
                    continue;
                }
                if (clients.size() >= MOST_CLIENTS) {
                    client.close();
                    continue;
                }
                clients.add(client);
                Thread.ofPlatform().daemon().name("control-client-" + name).start(() -> talk(client));
            } catch (IOException | RuntimeException e) {
                if (!closed) {
                    LOG.log(WARNING, () -> "tunnel=" + name + " control socket: " + e);
                }
            }
        }
    }

    private void talk(SocketChannel client) {
        try (client) {
            reply(client);
        } catch (IOException e) {
            // The asker is gone, and with it the question.
        } finally {
            clients.remove(client);
        }
    }

    private void reply(SocketChannel client) throws IOException {
        try {
            JsonObject question = JsonParser.parseString(readLine(client)).getAsJsonObject();
            switch (word(question, "do")) {
                case "status" -> answer(client, status.get());
                case "forward" -> lease(client, question);
                default -> answer(client, error("this tunnel does not know what to do with that question"));
            }
        } catch (TunnelException e) {
            answer(client, error(e.getMessage()));
        } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
            answer(client, error("that is not a question in JSON"));
        }
    }

    /** The forward stands for as long as the asker holds the connection. */
    private void lease(SocketChannel client, JsonObject question) throws IOException {
        Forward.Traffic traffic =
                word(question, "traffic").equals("control") ? Forward.Traffic.CONTROL : Forward.Traffic.DATA;
        Path near = directory.lease(name, run + "-" + leases.incrementAndGet());
        Forward.Local forward = Forward.local(UnixDomainSocketAddress.of(near), word(question, "to"), traffic);
        tunnel.add(forward);
        LOG.log(INFO, () -> "tunnel=" + name + " lease=\"" + forward + "\" begins");
        try {
            JsonObject answer = new JsonObject();
            answer.addProperty("listen", "unix:" + near);
            answer(client, answer);
            ByteBuffer nothing = ByteBuffer.allocate(64);
            while (client.read(nothing) >= 0) {
                nothing.clear(); // Nothing more is to be said; the end of the connection is the end of the lease.
            }
        } finally {
            tunnel.remove(forward);
            LOG.log(INFO, () -> "tunnel=" + name + " lease=\"" + forward + "\" ends");
        }
    }

    private static String word(JsonObject question, String key) {
        return question.has(key) ? question.get(key).getAsString() : "";
    }

    private static JsonObject error(String words) {
        JsonObject json = new JsonObject();
        json.addProperty("error", words);
        return json;
    }

    private static String readLine(SocketChannel client) throws IOException {
        ByteBuffer line = ByteBuffer.allocate(LONGEST_QUESTION);
        while (line.hasRemaining() && client.read(line) >= 0) {
            if (line.position() > 0 && line.get(line.position() - 1) == '\n') {
                break;
            }
        }
        return StandardCharsets.UTF_8.decode(line.flip()).toString();
    }

    private static void answer(SocketChannel client, JsonObject json) throws IOException {
        ByteBuffer bytes = StandardCharsets.UTF_8.encode(json + "\n");
        while (bytes.hasRemaining()) {
            client.write(bytes);
        }
    }

    @Override
    public void close() {
        closed = true;
        try {
            listener.close();
            selector.close();
            Files.deleteIfExists(directory.socket(name));
            for (SocketChannel client : clients) {
                client.close();
            }
        } catch (IOException e) {
            LOG.log(WARNING, () -> "tunnel=" + name + " control socket: closing failed: " + e);
        }
    }
}
