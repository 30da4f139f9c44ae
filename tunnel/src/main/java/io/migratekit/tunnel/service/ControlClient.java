package io.migratekit.tunnel.service;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import io.migratekit.tunnel.Forward;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** How does one ask a tunnel that runs in another process? Each answer is waited for with a limit. */
public final class ControlClient {
    private static final int LONGEST_ANSWER = 4 * 1024 * 1024;
    private static final int WAIT_MILLIS = 200;

    private final RuntimeDirectory directory;
    private final Duration limit;

    public ControlClient(RuntimeDirectory directory, Duration limit) {
        this.directory = directory;
        this.limit = limit;
    }

    /** What the tunnel of this name says about itself, as {@link StatusJson} writes it. */
    public JsonObject status(String tunnel) {
        JsonObject question = new JsonObject();
        question.addProperty("do", "status");
        SocketChannel channel = connect(tunnel);
        try (channel) {
            return ask(tunnel, channel, question);
        } catch (IOException e) {
            throw failure(tunnel, "broke off: " + e.getMessage(), e);
        }
    }

    /** A forward of a running tunnel that is ours until it is closed; it is lost when the service ends. */
    public static final class Lease implements AutoCloseable {
        private final SocketChannel channel;
        private final SocketAddress address;

        private Lease(SocketChannel channel, SocketAddress address) {
            this.channel = channel;
            this.address = address;
        }

        /** Where to connect on this machine. */
        public SocketAddress address() {
            return address;
        }

        /** Whether the tunnel still holds it for us: it lets go only when its service ends. Does not block. */
        public boolean isHeld() {
            try {
                return channel.read(ByteBuffer.allocate(64)) >= 0;
            } catch (IOException e) {
                return false;
            }
        }

        /** Lets nobody in by it any more; connections that stand go on. */
        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                // It is gone, which was the point.
            }
        }
    }

    /**
     * Asks for a way to something on the hub.
     *
     * @param to {@code HOST:PORT} as the hub sees it, a {@code PORT} of its own, or {@code unix:PATH}
     */
    public Lease lease(String tunnel, String to, Forward.Traffic traffic) {
        JsonObject question = new JsonObject();
        question.addProperty("do", "forward");
        question.addProperty("to", to);
        question.addProperty("traffic", traffic == Forward.Traffic.CONTROL ? "control" : "data");
        SocketChannel channel = connect(tunnel);
        boolean kept = false;
        try {
            JsonObject answer = ask(tunnel, channel, question);
            if (!answer.has("listen")) {
                throw failure(tunnel, "gave an answer without an address: " + answer, null);
            }
            kept = true;
            return new Lease(channel, Forward.near(answer.get("listen").getAsString()));
        } catch (IOException e) {
            throw failure(tunnel, "broke off: " + e.getMessage(), e);
        } finally {
            if (!kept) {
                closeQuietly(channel);
            }
        }
    }

    /** A service that stands still accepts nobody, and when its queue is full the system's connect has no limit. */
    private SocketChannel connect(String tunnel) {
        Path path = directory.socket(tunnel);
        SocketChannel channel = open(tunnel);
        FutureTask<Boolean> connecting = new FutureTask<>(() -> channel.connect(UnixDomainSocketAddress.of(path)));
        Thread.ofPlatform().daemon().name("control-connect-" + tunnel).start(connecting);
        boolean connected = false;
        try {
            connecting.get(limit.toNanos(), TimeUnit.NANOSECONDS);
            channel.configureBlocking(false);
            connected = true;
            return channel;
        } catch (TimeoutException e) {
            throw failure(tunnel, "did not let us in within " + Durations.show(limit) + "; is it stopped?", null);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failure(tunnel, "was not waited for: interrupted", null);
        } catch (ExecutionException | IOException e) {
            Throwable cause = e instanceof ExecutionException wrapped ? wrapped.getCause() : e;
            throw new ServiceException(
                    "the tunnel " + tunnel + " does not run, or belongs to another user: nobody answers at " + path
                            + " (" + (cause == null ? e : cause).getMessage()
                            + "). Start it: systemctl start migratekit-tunnel@" + tunnel + ", or migratekit tunnel run "
                            + tunnel + ".",
                    e);
        } finally {
            if (!connected) {
                closeQuietly(channel);
            }
        }
    }

    private static SocketChannel open(String tunnel) {
        try {
            return SocketChannel.open(StandardProtocolFamily.UNIX);
        } catch (IOException e) {
            throw failure(tunnel, "cannot be asked: no socket can be made: " + e.getMessage(), e);
        }
    }

    private JsonObject ask(String tunnel, SocketChannel channel, JsonObject question) throws IOException {
        ByteBuffer bytes = StandardCharsets.UTF_8.encode(question + "\n");
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
        try {
            JsonObject answer =
                    JsonParser.parseString(readLine(tunnel, channel)).getAsJsonObject();
            if (answer.has("error")) {
                throw failure(tunnel, "says: " + answer.get("error").getAsString(), null);
            }
            return answer;
        } catch (JsonParseException | IllegalStateException e) {
            throw failure(tunnel, "gave an answer that is not JSON", e);
        }
    }

    private String readLine(String tunnel, SocketChannel channel) throws IOException {
        Deadline deadline = Deadline.in(limit);
        ByteBuffer part = ByteBuffer.allocate(8192);
        var line = new java.io.ByteArrayOutputStream();
        try (Selector readable = Selector.open()) {
            channel.register(readable, SelectionKey.OP_READ);
            while (line.size() < LONGEST_ANSWER) {
                if (deadline.isOver()) {
                    throw failure(tunnel, "did not answer within " + Durations.show(limit) + "; is it stopped?", null);
                }
                readable.select(WAIT_MILLIS);
                readable.selectedKeys().clear();
                int count = channel.read(part);
                line.write(part.array(), 0, part.position());
                boolean whole = part.position() > 0 && part.get(part.position() - 1) == '\n';
                part.clear();
                if (whole) {
                    break;
                }
                if (count < 0) {
                    throw failure(tunnel, "hung up before it answered", null);
                }
                if (Thread.currentThread().isInterrupted()) {
                    throw failure(tunnel, "was not waited for: interrupted", null);
                }
            }
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    private static ServiceException failure(
            String tunnel, String what, @org.jspecify.annotations.Nullable Throwable cause) {
        return new ServiceException("the tunnel " + tunnel + " " + what, cause);
    }

    private static void closeQuietly(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // It is gone, which was the point.
        }
    }
}
