package io.migratekit.hub.api;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What does the hub answer to bytes that no well-behaved client would send? One request for each connection. */
final class RawHttp {
    private static final int PATIENCE_MILLIS = 60_000;
    private static final Pattern STATUS = Pattern.compile("HTTP/1\\.[01] ([0-9]{3}) [^\r\n]*\r\n");

    private RawHttp() {}

    /** An answer; status 0: the connection was closed without one. */
    record Answer(int status, String head, String body, long millis) {
        String header(String name) {
            Matcher matcher = Pattern.compile("(?im)^" + name + ": *([^\r\n]*)").matcher(head);
            return matcher.find() ? matcher.group(1) : "";
        }
    }

    static byte[] request(String method, String target, String token, String headers, byte[] content) {
        return joined(
                method + " " + target + " HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n"
                        + (token.isEmpty() ? "" : "Authorization: Bearer " + token + "\r\n") + headers
                        + "Content-Length: " + content.length + "\r\n\r\n",
                content);
    }

    static byte[] joined(String head, byte[] content) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(head.getBytes(StandardCharsets.ISO_8859_1));
        all.writeBytes(content);
        return all.toByteArray();
    }

    /** Sends the bytes, says that no more will come, and reads all that is answered. */
    static Answer send(String base, byte[] request) throws IOException {
        long start = System.nanoTime();
        try (Socket socket =
                new Socket(InetAddress.ofLiteral("127.0.0.1"), URI.create(base).getPort())) {
            socket.setSoTimeout(PATIENCE_MILLIS);
            try {
                OutputStream out = socket.getOutputStream();
                out.write(request);
                out.flush();
                socket.shutdownOutput();
            } catch (IOException e) {
                // It has refused what it was being sent; its answer may still be there.
            }
            return answer(socket, start);
        }
    }

    static Answer answer(Socket socket, long startNanos) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] some = new byte[8192];
        try {
            for (int n = socket.getInputStream().read(some);
                    n >= 0;
                    n = socket.getInputStream().read(some)) {
                all.write(some, 0, n);
            }
        } catch (java.net.SocketTimeoutException e) {
            throw new AssertionError("no end of the answer for " + PATIENCE_MILLIS + " ms: " + all, e);
        } catch (IOException e) {
            // Reset; what came before counts.
        }
        long millis = (System.nanoTime() - startNanos) / 1_000_000;
        String text = all.toString(StandardCharsets.ISO_8859_1);
        while (text.startsWith("HTTP/1.1 1")) {
            text = text.substring(text.indexOf("\r\n\r\n") + 4); // An interim response.
        }
        Matcher status = STATUS.matcher(text);
        if (!status.lookingAt()) {
            return new Answer(0, "", text, millis);
        }
        int end = text.indexOf("\r\n\r\n");
        String head = text.substring(0, end);
        String content = content(head, text.substring(end + 4));
        return new Answer(
                Integer.parseInt(status.group(1)),
                head,
                new String(content.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8),
                millis);
    }

    /** What belongs to this answer; where the request asked for it, another answer may follow. */
    private static String content(String head, String rest) {
        Matcher length = Pattern.compile("(?im)^content-length: *([0-9]+)").matcher(head);
        if (length.find()) {
            return rest.substring(0, Math.min(rest.length(), Integer.parseInt(length.group(1))));
        }
        return head.toLowerCase(Locale.ROOT).contains("transfer-encoding: chunked") ? dechunked(rest) : rest;
    }

    private static String dechunked(String body) {
        StringBuilder whole = new StringBuilder();
        int at = 0;
        while (true) {
            int line = body.indexOf("\r\n", at);
            int length = Integer.parseInt(body.substring(at, line), 16);
            if (length == 0) {
                return whole.toString();
            }
            whole.append(body, line + 2, line + 2 + length);
            at = line + 2 + length + 2;
        }
    }
}
