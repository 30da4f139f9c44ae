package io.migratekit.nbd.server;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Where shall a server listen? On a unix socket or on a port of 127.0.0.1, and what is then its URI? */
sealed interface Listening {
    /** Longer paths do not fit into the kernel's sockaddr_un (108 bytes with the zero at the end). */
    int MAX_SOCKET_PATH_BYTES = 107;

    /** A socket in the server's private directory, which is not known yet. */
    record InPrivateDirectory() implements Listening {}

    /** A free port of 127.0.0.1, which is not known yet. */
    record OnFreePort() implements Listening {}

    /** A place that is fully known. */
    sealed interface Place extends Listening {}

    /** The unix socket of this path. */
    record AtPath(Path socket) implements Place {
        public AtPath {
            socket = socket.toAbsolutePath();
            if (socket.toString().getBytes(StandardCharsets.UTF_8).length > MAX_SOCKET_PATH_BYTES) {
                throw new IllegalArgumentException("a unix socket's path may have at most " + MAX_SOCKET_PATH_BYTES
                        + " bytes, choose a shorter directory (for private sockets: TMPDIR): " + socket);
            }
        }
    }

    /** This port of 127.0.0.1. */
    record OnPort(int port) implements Place {
        public OnPort {
            if (port < 1 || port > 65535) {
                throw new IllegalArgumentException("not a TCP port: " + port);
            }
        }
    }

    /** The place on the loopback interface: this port, or any free one if it is 0. */
    static Listening onLoopback(int port) {
        return port == 0 ? new OnFreePort() : new OnPort(port);
    }

    /** Decides what is still open. A free port is free now; whether it still is when the server comes, is not certain. */
    default Place decided(Path privateDirectory) {
        return switch (this) {
            case Place place -> place;
            case InPrivateDirectory() -> new AtPath(privateDirectory.resolve("nbd.sock"));
            case OnFreePort() -> new OnPort(freePort());
        };
    }

    /** The URI of an export of a server at this place. */
    static String uri(Place place, boolean tls, String exportName) {
        String scheme = tls ? "nbds" : "nbd";
        return switch (place) {
            case AtPath(Path socket) ->
                scheme + "+unix:///" + escaped(exportName) + "?socket=" + escaped(socket.toString());
            case OnPort(int port) -> scheme + "://127.0.0.1:" + port + "/" + escaped(exportName);
        };
    }

    private static int freePort() {
        try (ServerSocket probe = new ServerSocket()) {
            probe.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
            return probe.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException("no free port on 127.0.0.1", e);
        }
    }

    /** Percent-encodes everything but letters, digits and the few signs that mean nothing in a URI. */
    private static String escaped(String text) {
        ByteArrayOutputStream escaped = new ByteArrayOutputStream();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            if ((b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || "-._~/".indexOf(b) >= 0) {
                escaped.write(b);
            } else {
                escaped.writeBytes("%%%02X".formatted(b).getBytes(StandardCharsets.US_ASCII));
            }
        }
        return escaped.toString(StandardCharsets.US_ASCII);
    }
}
