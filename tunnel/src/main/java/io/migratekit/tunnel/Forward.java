package io.migratekit.tunnel;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;

/** Who listens where, and where does it lead? */
public sealed interface Forward {
    /** What travels there: data may use several links, control has the base link to itself. */
    enum Traffic {
        DATA,
        CONTROL
    }

    /** A forward whose near end is ours: clients on this machine reach something on the hub. */
    sealed interface Local extends Forward {
        /** A loopback port (0: any free one) or a unix socket. */
        SocketAddress listen();

        Traffic traffic();
    }

    /** To a port that the hub can reach. */
    record LocalTcp(SocketAddress listen, String hubHost, int hubPort, Traffic traffic) implements Local {
        public LocalTcp {
            Forward.checkPort(hubPort);
        }

        @Override
        public String toString() {
            return show(listen) + " -> " + hubHost + ":" + hubPort;
        }
    }

    /** To a unix socket on the hub. */
    record LocalUnix(SocketAddress listen, String hubSocket, Traffic traffic) implements Local {
        @Override
        public String toString() {
            return show(listen) + " -> " + hubSocket;
        }
    }

    /** The other way round: clients on the hub reach something here. Always control traffic. */
    record ReverseTcp(String hubAddress, int hubPort, SocketAddress target) implements Forward {
        public ReverseTcp {
            Forward.checkPort(hubPort);
        }

        @Override
        public String toString() {
            return show(target) + " <- " + hubAddress + ":" + hubPort;
        }
    }

    /** Data, from a loopback port to a port of the hub's own. */
    static LocalTcp toPort(int listenPort, int hubPort) {
        return new LocalTcp(loopback(listenPort), "127.0.0.1", hubPort, Traffic.DATA);
    }

    /** Data, from a loopback port to a unix socket on the hub. */
    static LocalUnix toSocket(int listenPort, String hubSocket) {
        return new LocalUnix(loopback(listenPort), hubSocket, Traffic.DATA);
    }

    /** A port of 127.0.0.1. */
    static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(java.net.InetAddress.ofLiteral("127.0.0.1"), port);
    }

    /**
     * Reads where a forward leads, as users write it.
     *
     * @param to {@code HOST:PORT} as the hub sees it, a {@code PORT} of the hub's own, or {@code unix:PATH}
     */
    static Local local(SocketAddress listen, String to, Traffic traffic) {
        if (to.startsWith("unix:")) {
            return new LocalUnix(listen, absolute(to), traffic);
        }
        int colon = to.lastIndexOf(':');
        String host = colon < 0 ? "127.0.0.1" : to.substring(0, colon).replaceAll("^\\[(.*)]$", "$1");
        if (host.isBlank()) {
            throw notAnAddress(to);
        }
        return new LocalTcp(listen, host, port(to, colon), traffic);
    }

    /** Reads an address of this machine: {@code PORT}, {@code HOST:PORT} with a numeric host, or {@code unix:PATH}. */
    static SocketAddress near(String text) {
        if (text.startsWith("unix:")) {
            return UnixDomainSocketAddress.of(absolute(text));
        }
        int colon = text.lastIndexOf(':');
        String host = colon < 0 ? "127.0.0.1" : text.substring(0, colon).replace("localhost", "127.0.0.1");
        try {
            return new InetSocketAddress(
                    java.net.InetAddress.ofLiteral(host.replaceAll("^\\[(.*)]$", "$1")), port(text, colon));
        } catch (IllegalArgumentException e) {
            throw notAnAddress(text);
        }
    }

    private static int port(String text, int colon) {
        String digits = text.substring(colon + 1);
        if (!digits.matches("[0-9]{1,5}") || Integer.parseInt(digits) > 65535) {
            throw notAnAddress(text);
        }
        return Integer.parseInt(digits);
    }

    private static String absolute(String text) {
        String path = text.substring("unix:".length());
        if (!path.startsWith("/")) {
            throw new TunnelException.BadSpec(text + ": write the whole path of the socket, from / on.", null);
        }
        return path;
    }

    private static TunnelException.BadSpec notAnAddress(String text) {
        return new TunnelException.BadSpec(
                text + " is not an address that a forward can have; write HOST:PORT, PORT or unix:PATH.", null);
    }

    /** An address as it is written in messages and settings. */
    static String show(SocketAddress address) {
        return switch (address) {
            case InetSocketAddress tcp -> tcp.getHostString() + ":" + tcp.getPort();
            case UnixDomainSocketAddress unix -> unix.getPath().toString();
            default -> address.toString();
        };
    }

    private static void checkPort(int port) {
        if (port < 1 || port > 65535) {
            throw new TunnelException.BadSpec(port + " is not a port; ports are 1 to 65535.", null);
        }
    }
}
