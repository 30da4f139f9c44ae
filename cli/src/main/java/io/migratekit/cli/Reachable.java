package io.migratekit.cli;

import io.migratekit.nbd.Durations;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Collectors;

/** Has a host an address, and does anybody accept connections there? Says nothing to whoever accepts. */
record Reachable(String host, int port, ExitCode code) {
    /** The lookup itself has no limit: whoever asks has one. */
    Answer address() {
        try {
            return Answer.ok(host + " is "
                    + Arrays.stream(InetAddress.getAllByName(host))
                            .map(InetAddress::getHostAddress)
                            .collect(Collectors.joining(", ")));
        } catch (UnknownHostException e) {
            return Answer.fail(code, "the name " + host + " has no address here");
        }
    }

    Answer connection(Duration limit) {
        String where = host + ", port " + port;
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(host, port), Math.clamp(limit.toMillis(), 1, Integer.MAX_VALUE));
            return Answer.ok("somebody accepts at " + where);
        } catch (SocketTimeoutException e) {
            return Answer.fail(
                    code,
                    "no connection to " + where + " came about within " + Durations.show(limit)
                            + ": no host answers there, or a firewall drops the packets");
        } catch (IOException e) {
            return Answer.fail(code, "cannot connect to " + where + ": " + e.getMessage());
        }
    }
}
