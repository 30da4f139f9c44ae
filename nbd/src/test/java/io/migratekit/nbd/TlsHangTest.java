package io.migratekit.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.TlsServers.Program;
import io.migratekit.nbd.TlsServers.Server;
import io.migratekit.nbd.fixture.Fault;
import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.fixture.Frozen;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Does a TLS connection hang no longer than any other, and die like any other? */
class TlsHangTest {
    /** The greeting and the yes to STARTTLS. */
    private static final int BYTES_BEFORE_TLS = 38;

    @TempDir
    private static Path folder;

    private static TlsServers servers;

    @BeforeAll
    static void issueCertificates() throws IOException {
        servers = new TlsServers(folder);
    }

    /** libnbd would not come back from this before 40 s. */
    @Test
    void silenceInTheHandshakeEndsAtItsLimit() throws IOException {
        try (Server server = servers.withKeys(Program.NBDKIT);
                FaultProxy proxy = FaultProxy.toLoopback(server.port())) {
            String uri = "nbds://alice@127.0.0.1:" + proxy.port() + "/?tls-psk-file=" + servers.keys;
            for (int bytes = BYTES_BEFORE_TLS; bytes < 300; bytes += 80) {
                proxy.set(Fault.freezeAfter(bytes));
                NbdException.NoAnswer silence = assertSilence(uri);
                if (bytes == BYTES_BEFORE_TLS) {
                    assertEquals(Wait.TLS, silence.awaited());
                    Checks.message(silence, uri + ": no TLS handshake within 700 ms", "NEWSTYLE.OPT_STARTTLS");
                    assertTrue(silence.answered().contains("greeting"), silence.answered());
                }
            }
        }
    }

    /** There it is libnbd that connects, and it may be deep in the handshake before we hear of a connection. */
    @Test
    void silenceInTheHandshakeWithCertificatesEndsAtItsLimit() throws IOException {
        try (Server server = servers.withCertificates(Program.NBDKIT, servers.server, false);
                FaultProxy proxy = FaultProxy.toLoopback(server.port())) {
            for (int round = 0; round < 3; round++) {
                proxy.set(Fault.freezeAfter(BYTES_BEFORE_TLS));
                NbdException.NoAnswer silence =
                        assertSilence("nbds://localhost:" + proxy.port() + "/?tls-certificates=" + servers.anonymous);
                if (silence.awaited() == Wait.TLS) {
                    Checks.message(silence, "no TLS handshake within 700 ms", "NEWSTYLE.OPT_STARTTLS");
                } else {
                    assertEquals(Wait.CONNECT, silence.awaited());
                    Checks.message(silence, "may have got as far as the TLS handshake)");
                }
            }
        }
    }

    private static NbdException.NoAnswer assertSilence(String uri) {
        Limits limits = Limits.of(Duration.ofMillis(700), Duration.ofMillis(700));
        long started = System.nanoTime();
        NbdException.NoAnswer silence = assertThrows(
                NbdException.NoAnswer.class, () -> NbdConnection.open(NbdUri.parse(uri), Checks.spec(limits)));
        Checks.tookLessThan(Duration.ofMillis(1700), started);
        return silence;
    }

    @ParameterizedTest
    @EnumSource
    void aServerThatDiesLaterIsALostConnectionAndNoFailureOfEncryption(Program program) {
        try (Server server = servers.withKeys(program);
                NbdConnection connection = Checks.open(server.uriWithKey("alice", servers.keys));
                Arena arena = Arena.ofShared()) {
            List<Request> requests = new ArrayList<>();
            try (Frozen _ = Frozen.process(server.pid())) {
                for (int i = 0; i < 8; i++) {
                    requests.add(connection.read(arena.allocate(4096), i * 4096L));
                }
                ProcessHandle.of(server.pid()).ifPresent(ProcessHandle::destroyForcibly);
            }
            long started = System.nanoTime();
            NbdException.ConnectionLost lost =
                    assertThrows(NbdException.ConnectionLost.class, () -> connection.await(requests.getFirst()));
            Checks.message(lost, "the connection broke");
            Checks.tookLessThan(Duration.ofSeconds(1), started);
        }
    }

    @Test
    void closingIsQuickAlsoWhenTheServerStandsStill() {
        try (Server server = servers.withKeys(Program.QEMU_NBD);
                Arena arena = Arena.ofShared()) {
            for (int requests : new int[] {0, 4}) {
                NbdConnection connection = Checks.open(server.uriWithKey("alice", servers.keys));
                try (Frozen _ = Frozen.process(server.pid())) {
                    for (int i = 0; i < requests; i++) {
                        connection.write(arena.allocate(1 << 20), (long) i << 20, false);
                    }
                    long started = System.nanoTime();
                    connection.close();
                    Checks.tookLessThan(Duration.ofSeconds(1), started);
                }
            }
        }
    }
}
