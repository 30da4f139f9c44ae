package io.migratekit.hub.guest;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.Durations;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/** How is a running qemu asked something? One line of JSON there, one back, each within a limit. */
final class Qmp implements AutoCloseable {
    private static final int LONGEST_LINE = 1 << 20;

    private final SocketChannel channel;
    private final Selector selector;
    private final Duration limit;
    private final ByteBuffer chunk = ByteBuffer.allocate(8192).flip();

    /** qemu does not do what it was asked; the message has its reason. */
    static final class Refused extends IOException {
        private static final long serialVersionUID = 1L;

        Refused(String message) {
            super(message);
        }
    }

    private Qmp(SocketChannel channel, Selector selector, Duration limit) {
        this.channel = channel;
        this.selector = selector;
        this.limit = limit;
    }

    static Qmp open(Path socket, Duration limit) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        try {
            channel.configureBlocking(false);
            Selector selector = Selector.open();
            channel.register(selector, SelectionKey.OP_READ);
            Qmp qmp = new Qmp(channel, selector, limit);
            qmp.line(Deadline.in(limit)); // The greeting.
            qmp.ask("qmp_capabilities", new JsonObject());
            return qmp;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Asks, and gives what is returned. Events that come meanwhile are passed over. */
    JsonElement ask(String command, JsonObject arguments) throws IOException {
        JsonObject request = new JsonObject();
        request.addProperty("execute", command);
        request.add("arguments", arguments);
        Deadline deadline = Deadline.in(limit);
        send(request + "\n", deadline);
        while (true) {
            JsonObject answer = line(deadline);
            if (answer.get("error") instanceof JsonObject error) {
                throw new Refused("qemu refuses " + command + ": " + error.get("desc"));
            }
            if (answer.has("return")) {
                return answer.get("return");
            }
        }
    }

    /** What a person would be told. */
    String human(String line) throws IOException {
        JsonObject arguments = new JsonObject();
        arguments.addProperty("command-line", line);
        return ask("human-monitor-command", arguments).getAsString();
    }

    private void send(String text, Deadline deadline) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            if (channel.write(bytes) == 0) {
                await(SelectionKey.OP_WRITE, deadline);
            }
        }
    }

    private JsonObject line(Deadline deadline) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        while (true) {
            while (chunk.hasRemaining()) {
                byte b = chunk.get();
                if (b == '\n') {
                    return parsed(line.toString(StandardCharsets.UTF_8));
                }
                line.write(b);
            }
            if (line.size() > LONGEST_LINE) {
                throw new IOException("qemu's answer has no end");
            }
            fill(deadline);
        }
    }

    private void fill(Deadline deadline) throws IOException {
        chunk.clear();
        try {
            while (true) {
                int count = channel.read(chunk);
                if (count < 0) {
                    throw new IOException("qemu has hung up");
                }
                if (count > 0) {
                    return;
                }
                await(SelectionKey.OP_READ, deadline);
            }
        } finally {
            chunk.flip();
        }
    }

    private void await(int operation, Deadline deadline) throws IOException {
        channel.keyFor(selector).interestOps(operation);
        selector.selectedKeys().clear();
        long millis = deadline.remainingNanos() / 1_000_000;
        if (millis == 0) {
            throw new IOException("qemu did not answer within " + Durations.show(limit));
        }
        if (Thread.currentThread().isInterrupted()) {
            throw new IOException("interrupted while waiting for qemu's answer");
        }
        selector.select(millis);
    }

    private static JsonObject parsed(String line) throws IOException {
        try {
            return JsonParser.parseString(line).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException e) {
            throw new IOException("qemu's answer is no JSON object: " + line, e);
        }
    }

    @Override
    public void close() throws IOException {
        try (channel) {
            selector.close();
        }
    }
}
