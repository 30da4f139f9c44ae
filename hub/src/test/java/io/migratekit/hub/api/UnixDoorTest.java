package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.hub.api.HubServer.Listen;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does the socket of the API appear with the right permissions, and never in somebody else's place? */
class UnixDoorTest {
    @TempDir
    private Path folder;

    @Test
    void theUnixSocketIsPrivateFromItsFirstMoment() throws Exception {
        Path socket = folder.resolve("run/hub.sock");
        Set<String> seen = ConcurrentHashMap.newKeySet();
        AtomicBoolean over = new AtomicBoolean();
        Thread onlooker = Thread.ofPlatform().start(() -> {
            while (!over.get()) {
                try {
                    seen.add(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
                } catch (IOException e) {
                    // Not there right now.
                }
            }
        });
        for (int i = 0; i < 20; i++) {
            server(socket).close();
            assertFalse(Files.exists(socket));
        }
        over.set(true);
        assertTrue(onlooker.join(Duration.ofSeconds(5)));
        assertEquals(Set.of("rw-------"), seen);
        try (Stream<Path> files = Files.list(folder.resolve("run"))) {
            assertEquals(0, files.count());
        }
    }

    @Test
    void aSocketWhereSomebodyListensIsLeftToHimAndOneThatWasLeftOverIsTaken() throws Exception {
        Path socket = folder.resolve("hub.sock");
        HubServer first = server(socket);
        IOException taken = assertThrows(IOException.class, () -> server(socket).close());
        assertTrue(
                String.valueOf(taken.getMessage()).contains("another process listens on " + socket), taken.toString());
        first.close();
        try (ServerSocketChannel killed = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            killed.bind(UnixDomainSocketAddress.of(socket));
        }
        assertTrue(Files.exists(socket));
        server(socket).close();
    }

    private HubServer server(Path socket) throws IOException {
        return HubServer.start(
                List.of(new Listen.Unix(socket)),
                List.of(),
                new Tokens(folder),
                e -> new Problem(500, "failed", "it failed"),
                HttpLimits.DEFAULTS);
    }
}
