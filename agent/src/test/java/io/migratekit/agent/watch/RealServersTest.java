package io.migratekit.agent.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.ConnectionGroup;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.Request;
import io.migratekit.nbd.fixture.Fault;
import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.server.Nbdkit;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a pulse see what happens between a real client and a real server? */
class RealServersTest {
    private static final long PAUSE_MILLIS = 500;
    private static final long READ_BYTES = 4 << 20;

    private final Pulse pulse =
            new Pulse("copy-0", WatchLimits.DEFAULT, new SlowWaits(Long.MAX_VALUE), System::nanoTime);

    @Test
    void theHandshakeAndTheSecondHalfOfAPartialReadAreCounted(@TempDir Path folder) throws IOException {
        Path socket = folder.resolve("nbd");
        try (Nbdkit server =
                        Nbdkit.plugin("memory", "size=8M").unixSocket(socket).start();
                FaultProxy proxy = FaultProxy.to(UnixDomainSocketAddress.of(socket))) {
            assertTrue(server.process().isAlive());
            ConnectionPulse wire = pulse.opening("source-1", Side.SOURCE, proxy.uri(""));
            ConnectSpec spec = ConnectSpec.of("test").withListener(wire.listener());
            try (NbdConnection connection = NbdConnection.open(NbdUri.parse(proxy.uri("")), spec)) {
                assertEquals(1, line("source-connect/greeting").count());
                assertEquals(1, line("source-connect/connection").count());
                readThroughAPause(connection, wire, proxy);
            }
            wire.closed(Outcome.INTERRUPTED, "closed");
        }
        long pauseNanos = Duration.ofMillis(PAUSE_MILLIS).toNanos();
        LedgerLine whole = line("source-read/read");
        LedgerLine rest = line("source-read/rest-of-read");
        assertEquals(1, whole.count());
        assertEquals(whole.count(), whole.count(Outcome.ANSWERED));
        assertTrue(rest.maxNanos() > pauseNanos / 2, rest.toString());
        assertTrue(whole.maxNanos() >= rest.maxNanos(), whole + "; " + rest);
        ConnectionView.LastAnswer last = pulse.read().over().getFirst().lastAnswer();
        assertNotNull(last);
        assertEquals(READ_BYTES, last.length());
    }

    /** The proxy stops in the middle of the answer, and goes on after a while. */
    private void readThroughAPause(NbdConnection connection, ConnectionPulse wire, FaultProxy proxy) {
        proxy.setFromNow(Fault.freezeAfter(READ_BYTES / 2));
        CompletableFuture.delayedExecutor(PAUSE_MILLIS, TimeUnit.MILLISECONDS).execute(proxy::thaw);
        try (Arena arena = Arena.ofConfined();
                ConnectionGroup group = new ConnectionGroup(List.of(connection))) {
            Request request = connection.read(arena.allocate(READ_BYTES), 0);
            wire.issued(request);
            boolean seenInFlight = false;
            while (connection.nextAnswered() == null) {
                group.await(100);
                pulse.turn();
                ConnectionView view = pulse.read().connections().getFirst();
                seenInFlight |= view.inFlight().size() == 1 && System.nanoTime() - view.signNanos() > 100_000_000;
            }
            wire.answered(request);
            assertTrue(seenInFlight, "while it stood still, the monitor could see it");
        }
    }

    private LedgerLine line(String id) {
        return WaitLedger.merge(List.of(pulse.ledger())).stream()
                .filter(line -> line.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new AssertionError(id + " is not in " + WaitLedger.merge(List.of(pulse.ledger()))));
    }
}
