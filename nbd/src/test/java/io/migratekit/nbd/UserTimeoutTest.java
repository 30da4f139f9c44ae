package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is the right socket of the JDK's found and told, whatever kind of address it has? */
class UserTimeoutTest {
    @Test
    void theRightOneOfSeveralIsTold() throws Exception {
        for (String address : new String[] {"127.0.0.1", "::1"}) {
            try (ServerSocketChannel server =
                            ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.ofLiteral(address), 0));
                    SocketChannel first = SocketChannel.open(server.getLocalAddress());
                    SocketChannel second = SocketChannel.open(server.getLocalAddress());
                    SocketChannel atServer = server.accept()) {
                assertTrue(UserTimeout.set(second, Duration.ofSeconds(7)), address);
                assertEquals(Optional.of(Duration.ofSeconds(7)), limit(second));
                assertEquals(Optional.empty(), limit(first));
                assertEquals(Optional.empty(), limit(atServer));
            }
        }
    }

    private static Optional<Duration> limit(SocketChannel channel) {
        return Posix.unacknowledgedLimit(UserTimeout.descriptor(channel).orElseThrow());
    }

    @Test
    void whatIsNotTcpIsLeftAlone(@TempDir Path folder) throws Exception {
        UnixDomainSocketAddress path = UnixDomainSocketAddress.of(folder.resolve("s"));
        try (ServerSocketChannel server =
                        ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(path);
                SocketChannel unix = SocketChannel.open(path);
                SocketChannel unconnected = SocketChannel.open()) {
            assertTrue(server.isOpen());
            assertFalse(UserTimeout.set(unix, Duration.ofSeconds(7)));
            assertFalse(UserTimeout.set(unconnected, Duration.ofSeconds(7)));
        }
    }
}
