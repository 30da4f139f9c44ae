package io.migratekit.nbd;

import io.migratekit.nbd.fixture.Fault;
import io.migratekit.nbd.fixture.FaultProxy;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.NbdImages;
import io.migratekit.nbd.fixture.ScriptedNbd;
import io.migratekit.nbd.fixture.ScriptedNbd.Answer;
import io.migratekit.nbd.fixture.ScriptedNbd.Script;
import io.migratekit.nbd.fixture.SilentServer;
import io.migratekit.nbd.fixture.TlsFiles;
import io.migratekit.nbd.server.Nbdkit;
import io.migratekit.nbd.server.QemuNbd;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where can a client wait for ever? One real peer for each kind of wait, which makes the client hang
 * there until somebody or something ends the wait.
 */
final class Hangs {
    /** Prepares a peer, lets the victim hang on it, and cleans up. */
    interface Scenario {
        void run(Path folder, Victim victim) throws IOException;
    }

    /** Whoever hangs: notes by what and when the wait ended, and how long it took to close afterwards. */
    static final class Victim {
        private final Supplier<ConnectSpec> spec;
        private @Nullable Throwable thrown;
        private long thrownNanos;
        private boolean interrupted;
        private Duration closing = Duration.ZERO;

        /** The specification is asked for just before the connection is made: a deadline may begin there. */
        Victim(Supplier<ConnectSpec> spec) {
            this.spec = spec;
        }

        /** Hangs while connecting. */
        private void hangOpening(String uri) {
            hang(() -> open(uri).close());
            Thread.interrupted(); // The cleaning up that follows shall not be disturbed.
        }

        /** Hangs in the action, then closes the connection while the peer is still as it was. */
        private void hangAndClose(NbdConnection connection, Runnable action) {
            hang(action);
            long started = System.nanoTime();
            connection.close();
            closing = Duration.ofNanos(System.nanoTime() - started);
            Thread.interrupted(); // The cleaning up that follows shall not be disturbed.
        }

        private void hang(Runnable action) {
            try {
                action.run();
            } catch (RuntimeException | Error e) {
                thrown = e;
            }
            thrownNanos = System.nanoTime();
            interrupted = Thread.currentThread().isInterrupted();
        }

        private NbdConnection open(String uri) {
            return NbdConnection.open(NbdUri.parse(uri), spec.get().withContexts(List.of(ConnectSpec.BASE_ALLOCATION)));
        }

        @Nullable
        Throwable thrown() {
            return thrown;
        }

        /** When the wait ended, in the time of {@link System#nanoTime}. */
        long thrownNanos() {
            return thrownNanos;
        }

        /** Whether the thread was still marked as interrupted when the wait had ended. */
        boolean interrupted() {
            return interrupted;
        }

        Duration closing() {
            return closing;
        }
    }

    /** A scenario, and the wait in which it hangs. */
    record Hang(String name, Wait awaited, Scenario scenario) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static final int GREETING_BYTES = 18;
    private static final int EMPTY_OPTION_REPLY_BYTES = 20;
    private static final int DISK = 64 << 20;

    private Hangs() {}

    static Stream<Hang> all() {
        return Stream.of(
                new Hang("name server silent", Wait.RESOLVE, Hangs::resolve),
                new Hang(
                        "TCP backlog full",
                        Wait.CONNECT,
                        (folder, victim) -> tcpBacklog(victim, "nbd://127.0.0.1:%d/")),
                new Hang("TCP backlog full, with certificates", Wait.CONNECT, Hangs::tcpBacklogWithCertificates),
                new Hang("unix backlog full", Wait.CONNECT, Hangs::unixBacklog),
                new Hang("no greeting", Wait.GREETING, Hangs::greeting),
                new Hang("TLS handshake silent", Wait.TLS, Hangs::tls),
                new Hang("options unanswered", Wait.OPTIONS, frozenAfter(GREETING_BYTES)),
                new Hang(
                        "contexts unanswered",
                        Wait.META_CONTEXT,
                        // Newer ones ask for extended headers, too, before they come to the contexts.
                        frozenAfter(GREETING_BYTES + (Checks.isLibraryOf(18) ? 2 : 1) * EMPTY_OPTION_REPLY_BYTES)),
                new Hang("status unanswered", Wait.BLOCK_STATUS, unanswered(c -> c.blockStatus(0, 4096))),
                new Hang("zero unanswered", Wait.ZERO, unanswered(c -> c.zero(0, 4096, true))),
                new Hang("trim unanswered", Wait.TRIM, unanswered(c -> c.trim(0, 4096))),
                new Hang("read, server frozen", Wait.READ, Hangs::frozenRead),
                new Hang("large writes, server frozen", Wait.WRITE, Hangs::frozenWrites),
                new Hang("flush, server frozen", Wait.FLUSH, Hangs::frozenFlush));
    }

    // ---- before the greeting

    private static void resolve(Path folder, Victim victim) {
        victim.hangOpening("nbd://" + StubbornResolver.silentHost() + "/");
    }

    private static void tcpBacklogWithCertificates(Path folder, Victim victim) throws IOException {
        TlsFiles.newAuthority(folder);
        tcpBacklog(victim, "nbds://localhost:%d/?tls-certificates=" + folder);
    }

    private static void tcpBacklog(Victim victim, String uri) throws IOException {
        List<SocketChannel> waiting = new ArrayList<>();
        try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            InetSocketAddress address =
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), listener.getLocalPort());
            for (int i = 0; i < 4; i++) { // one more than the backlog fit, the kernel ignores the others
                SocketChannel client = SocketChannel.open();
                waiting.add(client);
                client.configureBlocking(false);
                client.connect(address);
            }
            victim.hangOpening(String.format(Locale.ROOT, uri, listener.getLocalPort()));
        } finally {
            closeAll(waiting);
        }
    }

    private static void unixBacklog(Path folder, Victim victim) throws IOException {
        Path socket = folder.resolve("full.sock");
        List<SocketChannel> waiting = new ArrayList<>();
        try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            UnixDomainSocketAddress address = UnixDomainSocketAddress.of(socket);
            listener.bind(address, 1);
            waiting.add(SocketChannel.open(address));
            waiting.add(SocketChannel.open(address));
            victim.hangOpening("nbd+unix:///?socket=" + socket);
        } finally {
            closeAll(waiting);
        }
    }

    private static void closeAll(List<SocketChannel> channels) throws IOException {
        for (SocketChannel each : channels) {
            each.close();
        }
    }

    // ---- the handshake

    private static void greeting(Path folder, Victim victim) throws IOException {
        try (SilentServer server = SilentServer.onLoopback(SilentServer.Manner.SILENT)) {
            victim.hangOpening(server.uri());
        }
    }

    private static void tls(Path folder, Victim victim) throws IOException {
        Path keys = TlsFiles.psk(folder, "alice", 1).resolve("keys.psk");
        try (Nbdkit server = Nbdkit.plugin("memory", "1M")
                        .loopbackPort(0)
                        .tlsPsk(keys)
                        .start();
                FaultProxy proxy = FaultProxy.toLoopback(port(server.uri()))) {
            proxy.set(Fault.freezeAfter(GREETING_BYTES + EMPTY_OPTION_REPLY_BYTES));
            victim.hangOpening("nbds://alice@127.0.0.1:" + proxy.port() + "/?tls-psk-file=" + keys);
        }
    }

    private static Scenario frozenAfter(int bytes) {
        return (folder, victim) -> {
            try (ScriptedNbd server = ScriptedNbd.start(Script.disk(DISK));
                    FaultProxy proxy = FaultProxy.toLoopback(server.port())) {
                proxy.set(Fault.freezeAfter(bytes));
                victim.hangOpening(proxy.uri(""));
            }
        };
    }

    // ---- requests

    private static Scenario unanswered(Function<NbdConnection, Request> request) {
        return (folder, victim) -> {
            Script script = Script.disk(DISK).answering(asked -> Answer.SILENCE);
            try (ScriptedNbd server = ScriptedNbd.start(script);
                    NbdConnection connection = victim.open(server.uri())) {
                victim.hangAndClose(connection, () -> connection.await(request.apply(connection)));
            }
        };
    }

    private static void frozenRead(Path folder, Victim victim) throws IOException {
        onFrozenQemu(folder, victim, (connection, arena) -> connection.await(connection.read(arena.allocate(4096), 0)));
    }

    /** More than fits into the sockets on the way: the client cannot even send. */
    private static void frozenWrites(Path folder, Victim victim) throws IOException {
        onFrozenQemu(folder, victim, (connection, arena) -> {
            Request first = connection.write(arena.allocate(1 << 20), 0, false);
            for (int i = 1; i < 32; i++) {
                connection.write(arena.allocate(1 << 20), (long) i << 20, false);
            }
            connection.await(first);
        });
    }

    private static void frozenFlush(Path folder, Victim victim) throws IOException {
        onFrozenQemu(folder, victim, (connection, arena) -> connection.await(connection.flush()));
    }

    private interface Requests {
        void make(NbdConnection connection, Arena arena);
    }

    private static void onFrozenQemu(Path folder, Victim victim, Requests requests) throws IOException {
        Path image = new NbdImages(folder, 0).raw("disk.raw", DISK);
        // The memory of the buffers goes after the connection: libnbd may look at them until that is closed.
        try (QemuNbd server =
                        QemuNbd.of(image, QemuNbd.Format.RAW, 1).loopbackPort(0).start();
                Arena arena = Arena.ofShared();
                NbdConnection connection = victim.open(server.uri());
                Frozen _ = Frozen.process(server.process().pid())) {
            victim.hangAndClose(connection, () -> requests.make(connection, arena));
        }
    }

    // ---- helpers

    private static int port(String uri) {
        return ((NbdUri.Tcp) NbdUri.parse(uri).transport()).port();
    }
}
