package io.migratekit.vmware.sim;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;

/** One client's connection: requests are read and answered in turn, or badly, as their troubles say. */
final class Connection implements AutoCloseable {
    private static final Duration IDLE_LIMIT = Duration.ofMinutes(5);
    private static final int MAX_HEAD = 64 * 1024;
    private static final int MAX_BODY = 64 * 1024 * 1024;
    private static final int CHUNK = 256 * 1024;

    private final int number;
    private final Socket plain;
    private final SSLSocket secure;
    private final Function<Http.Request, Http.Answer> handler;

    Connection(int number, Socket plain, SSLSocketFactory tls, Function<Http.Request, Http.Answer> handler)
            throws IOException {
        this.number = number;
        this.plain = plain;
        this.handler = handler;
        plain.setTcpNoDelay(true);
        plain.setSoTimeout((int) IDLE_LIMIT.toMillis());
        secure = (SSLSocket) tls.createSocket(plain, "127.0.0.1", plain.getPort(), true);
        secure.setUseClientMode(false);
    }

    /** Serves until the client goes or a trouble ends it. */
    void serve() throws IOException, InterruptedException {
        secure.startHandshake();
        InputStream in = new BufferedInputStream(secure.getInputStream());
        OutputStream out = secure.getOutputStream();
        while (true) {
            Http.Request request = read(in, out);
            if (request == null) {
                return;
            }
            Http.Answer answer = handler.apply(request);
            if (answer.trouble(Trouble.CutBefore.class).isPresent()) {
                return;
            }
            if (answer.trouble(Trouble.NoAnswer.class).isPresent()) {
                waitForEnd(in);
                return;
            }
            if (!write(request, answer, in, out) || request.header("connection").equalsIgnoreCase("close")) {
                return;
            }
        }
    }

    private static void waitForEnd(InputStream in) throws IOException {
        byte[] dropped = new byte[1024];
        while (in.read(dropped) >= 0) {}
    }

    private Http.@Nullable Request read(InputStream in, OutputStream out) throws IOException {
        String first = line(in);
        if (first == null) {
            return null;
        }
        String[] words = first.split(" ", -1);
        if (words.length != 3) {
            throw new IOException("not HTTP: " + first);
        }
        Map<String, String> headers = new HashMap<>();
        for (String line = need(in); !line.isEmpty(); line = need(in)) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                headers.put(
                        line.substring(0, colon).toLowerCase(Locale.ROOT),
                        line.substring(colon + 1).strip());
            }
        }
        if (headers.getOrDefault("expect", "").equalsIgnoreCase("100-continue")) {
            out.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            out.flush();
        }
        byte[] body = headers.getOrDefault("transfer-encoding", "").equalsIgnoreCase("chunked")
                ? chunks(in)
                : exactly(in, Long.parseLong(headers.getOrDefault("content-length", "0")));
        return new Http.Request(words[0], words[1], headers, body, number);
    }

    private static byte[] chunks(InputStream in) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        while (true) {
            int size = Integer.parseInt(need(in).split(";", -1)[0].strip(), 16);
            all.write(exactly(in, size));
            if (all.size() > MAX_BODY) {
                throw new IOException("too long a request");
            }
            if (!need(in).isEmpty()) {
                throw new IOException("a chunk does not end where it says");
            }
            if (size == 0) {
                return all.toByteArray();
            }
        }
    }

    private static byte[] exactly(InputStream in, long size) throws IOException {
        if (size < 0 || size > MAX_BODY) {
            throw new IOException("too long a request: " + size);
        }
        byte[] bytes = in.readNBytes((int) size);
        if (bytes.length < size) {
            throw new EOFException("the request was cut");
        }
        return bytes;
    }

    private static String need(InputStream in) throws IOException {
        String line = line(in);
        if (line == null) {
            throw new EOFException("the request was cut");
        }
        return line;
    }

    private static @Nullable String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int c = in.read(); c >= 0; c = in.read()) {
            if (c == '\n') {
                return line.toString(StandardCharsets.ISO_8859_1).stripTrailing();
            }
            line.write(c);
            if (line.size() > MAX_HEAD) {
                throw new IOException("too long a line");
            }
        }
        return null;
    }

    /** Whether the connection can be used on. */
    private boolean write(Http.Request request, Http.Answer answer, InputStream in, OutputStream out)
            throws IOException, InterruptedException {
        long limit = answer.trouble(Trouble.CutAnswer.class)
                .map(Trouble.CutAnswer::afterBytes)
                .or(() -> answer.trouble(Trouble.StalledBody.class).map(Trouble.StalledBody::afterBytes))
                .or(() -> answer.trouble(Trouble.HalfClosed.class).map(Trouble.HalfClosed::afterBytes))
                .map(Integer::longValue)
                .orElse(Long.MAX_VALUE);
        boolean lost = answer.trouble(Trouble.CutAnswer.class)
                .map(cut -> cut.afterBytes() == 0)
                .orElse(false);
        if (lost) {
            return false;
        }
        long padding = answer.trouble(Trouble.Oversized.class)
                .map(Trouble.Oversized::bytes)
                .orElse(0L);
        writeHead(answer, answer.length() + padding, out);
        if (!request.verb().equals("HEAD")) {
            Http.Part part = answer.part();
            if (part == null) {
                out.write(answer.body(), 0, (int) Math.min(limit, answer.body().length));
                pad(padding, out);
            } else {
                writePart(part, Math.min(limit, part.length()), out);
            }
        }
        out.flush();
        if (limit == Long.MAX_VALUE) {
            return true;
        }
        if (answer.trouble(Trouble.HalfClosed.class).isPresent()) {
            // Below TLS, so that it looks like a peer whose host went away in the middle.
            plain.shutdownOutput();
        }
        if (answer.trouble(Trouble.CutAnswer.class).isEmpty()) {
            waitForEnd(in);
        }
        return false;
    }

    private static void writeHead(Http.Answer answer, long length, OutputStream out)
            throws IOException, InterruptedException {
        Duration pause = answer.trouble(Trouble.SlowHeaders.class)
                .map(Trouble.SlowHeaders::eachLine)
                .orElse(Duration.ZERO);
        StringBuilder head = new StringBuilder("HTTP/1.1 " + answer.status() + " Simulated\r\n");
        answer.headers()
                .forEach((name, value) ->
                        head.append(name).append(": ").append(value).append("\r\n"));
        head.append("Content-Length: ").append(length).append("\r\n\r\n");
        if (pause.isZero()) {
            out.write(head.toString().getBytes(StandardCharsets.ISO_8859_1));
            return;
        }
        for (String line : head.toString().split("(?<=\n)", -1)) {
            Thread.sleep(pause);
            out.write(line.getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
        }
    }

    private static void pad(long bytes, OutputStream out) throws IOException {
        byte[] blanks = " ".repeat(CHUNK).getBytes(StandardCharsets.US_ASCII);
        for (long left = bytes; left > 0; left -= CHUNK) {
            out.write(blanks, 0, (int) Math.min(CHUNK, left));
        }
    }

    private static void writePart(Http.Part part, long length, OutputStream out) throws IOException {
        try (FileChannel file = FileChannel.open(part.file(), StandardOpenOption.READ)) {
            ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
            for (long done = 0; done < length; ) {
                buffer.clear().limit((int) Math.min(CHUNK, length - done));
                int read = file.read(buffer, part.offset() + done);
                if (read < 0) {
                    throw new EOFException("the file became shorter");
                }
                out.write(buffer.array(), 0, read);
                done += read;
            }
        }
    }

    /** At once, without a word. */
    @Override
    public void close() throws IOException {
        plain.close();
    }
}
