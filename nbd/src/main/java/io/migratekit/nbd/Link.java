package io.migratekit.nbd;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One libnbd handle on one socket, driven with patience: what an {@link NbdConnection} and an
 * {@link NbdNegotiation} have in common. Makes the connection, waits for what is asked, and turns
 * every failure into an {@link NbdException} that says where in the conversation it happened.
 */
final class Link implements AutoCloseable {
    /** Once something went wrong, an orderly end is not worth more than this. */
    private static final Duration DRAIN = Duration.ofMillis(100);

    private static final int BRIEFLY_MILLIS = 20;

    private static final List<Wait> HANDSHAKE =
            List.of(Wait.GREETING, Wait.TLS, Wait.OPTIONS, Wait.META_CONTEXT, Wait.EXPORT);

    private static final AtomicInteger CONNECTIONS = new AtomicInteger();

    final NbdUri uri;
    final ConnectSpec spec;
    final String id;
    final Handle handle;
    final Patience patience;
    private final Set<Wait> passed = EnumSet.noneOf(Wait.class);
    /** Whether the first bytes of the peer were looked at, so that statements about them are evidence. */
    private boolean greetingSeen;

    private @Nullable TlsWatch tlsWatch;
    private boolean failed;

    private Link(NbdUri uri, ConnectSpec spec) {
        this.uri = uri;
        this.spec = spec;
        this.id = spec.purpose() + "-" + CONNECTIONS.incrementAndGet();
        this.patience = new Patience(id, uri.toString(), spec);
        this.handle = new Handle(id);
    }

    /**
     * Connects and shakes hands: to the end, or, with {@code optionMode}, up to the point where
     * options can be asked one by one.
     */
    static Link open(NbdUri uri, ConnectSpec spec, boolean optionMode) {
        Link link = new Link(uri, spec);
        try {
            link.shakeHands(optionMode);
            return link;
        } catch (Throwable t) {
            link.failed = true;
            link.close();
            throw t;
        }
    }

    private void shakeHands(boolean optionMode) {
        TlsRules tls = new TlsRules(uri, handle);
        try {
            if (optionMode) {
                handle.optionMode();
            }
            handle.exportName(uri.exportName());
            spec.contexts().forEach(handle::addContext);
            uri.tls().ifPresent(tls::prepare);
        } catch (LibnbdError e) {
            throw new NbdException.BadUri(uri + ": " + e.text());
        }
        try {
            if (tls.mustConnectByName()) {
                connectByName((NbdUri.Tcp) uri.transport());
                watchTls(handle.descriptor());
            } else {
                connectOurSocket();
            }
            drive(() -> handle.isReady() || handle.isNegotiating());
        } finally {
            endTlsWatch();
        }
    }

    private void connectOurSocket() {
        Posix.warmUp();
        Socket socket = new Socket(new Dialer(uri, spec, patience).dial());
        try {
            // An NBD server speaks first. Its first bytes are looked at before libnbd takes them, because they
            // tell a silent peer from a broken greeting and from another protocol.
            patience.waitFor(Wait.GREETING);
            while (!handle.awaitFirstByte(socket.fd, patience.slice(() -> evidenceOf(socket)))) {
                // slice() throws when the limit is reached
            }
            patience.progress();
            greetingSeen = true;
        } finally {
            socket.handOver();
        }
        Diagnosis.requireNbd(uri, handle.firstBytes());
    }

    /** Silence so far: libnbd gets the socket now, so that its own word for where it stands is in the report. */
    private Patience.Evidence evidenceOf(Socket socket) {
        socket.handOver();
        return evidence();
    }

    /** Our socket until libnbd has it, which then closes it as well. */
    private final class Socket {
        private final int fd;
        private boolean handedOver;

        Socket(int fd) {
            this.fd = fd;
        }

        void handOver() {
            if (handedOver) {
                return;
            }
            handedOver = true;
            watchTls(fd);
            try {
                handle.connectSocket(fd);
            } catch (LibnbdError e) {
                throw translate(e, "START");
            }
        }
    }

    // ---- TLS

    private void watchTls(int descriptor) {
        if (uri.tls().isPresent()) {
            TlsWatch watch = new TlsWatch(descriptor, spec.limits().tls(), spec.deadline());
            tlsWatch = watch;
            handle.watchedBy(watch);
        }
    }

    private void endTlsWatch() {
        TlsWatch watch = tlsWatch;
        if (watch != null) {
            tlsWatch = null;
            handle.watchedBy(null);
            watch.close();
        }
    }

    private void connectByName(NbdUri.Tcp tcp) {
        Dialer dialer = new Dialer(uri, spec, patience);
        // Ours first: it is bounded, says clearly when a name is unknown, and warms the resolver's cache.
        List<InetAddress> known = dialer.resolve(tcp.host());
        handle.lend();
        FutureTask<@Nullable Void> connect = new FutureTask<>(() -> handle.connectTcp(tcp.host(), tcp.port()), null);
        String standing = "libnbd connects by itself here, and may have got as far as the TLS handshake";
        dialer.within(Wait.CONNECT, standing, connect, cause -> unreachable(tcp, known, cause));
        if (!handle.state().startsWith("MAGIC")) {
            return; // The server has answered already.
        }
        // libnbd 1.14 goes on as soon as the connection has begun, and would be said to wait for the greeting.
        patience.waitFor(Wait.CONNECT);
        while (!handle.awaitConnected(patience.slice(Dialer::notConnected))) {
            // slice() throws when the limit is reached
        }
        int errno = Posix.socketError(handle.descriptor());
        if (errno != 0) {
            throw unreachable(tcp, known, new LibnbdError("connect: " + Posix.describe(errno), errno));
        }
        patience.answered();
    }

    private NbdException unreachable(NbdUri.Tcp tcp, List<InetAddress> known, Throwable cause) {
        if (cause instanceof LibnbdError e
                && !e.text().startsWith("connect")
                && !e.text().startsWith("getaddrinfo")) {
            // A server that answers at once: libnbd went through greeting and TLS without coming back.
            return translate(e, "");
        }
        String why = cause instanceof LibnbdError e && e.errno() == Posix.ECONNREFUSED
                ? "connection refused by " + known.getFirst().getHostAddress() + " port " + tcp.port()
                        + ". Nothing listens there: start the server or the tunnel, or check the port."
                : "cannot connect: " + cause.getMessage() + ".";
        return new NbdException.Unreachable(uri + ": " + why, null);
    }

    // ---- waiting

    /** Lets the conversation go on until the condition holds, each phase within its own limit. */
    void drive(BooleanSupplier done) {
        String state = handle.state();
        while (!done.getAsBoolean()) {
            Wait phase = phase(state);
            pass(phase);
            patience.waitFor(phase);
            if (uri.transport() instanceof NbdUri.Tcp) {
                Posix.hurry(handle.descriptor());
            }
            step(state);
            state = handle.state();
        }
        pass(handle.isReady() ? Wait.BLOCK_STATUS : Wait.EXPORT);
        patience.answered();
    }

    /**
     * Reaching a phase of the handshake proves that the earlier ones were answered, also those whose
     * answer was there so soon that nobody waited for it.
     */
    private void pass(Wait reached) {
        for (Wait phase : HANDSHAKE) {
            if (phase.compareTo(reached) >= 0) {
                return;
            }
            boolean expected = switch (phase) {
                case TLS -> uri.tls().isPresent();
                case META_CONTEXT -> !spec.contexts().isEmpty();
                default -> true;
            };
            if (expected && passed.add(phase) && patience.current() != phase) {
                patience.waitFor(phase);
                patience.answered();
            }
        }
    }

    /** Waits a little for one kind of answer, whose name and limit the caller has announced. */
    boolean step(String state) {
        if (catchUp(state)) {
            return true;
        }
        int slice = slice();
        return guarded(state, () -> handle.step(slice));
    }

    /** Before a wait: is the connection alive, and has something come while the caller was busy elsewhere? */
    boolean catchUp(String state) {
        requireAlive(state); // Sending a request may have found the connection dead, which libnbd tells nobody.
        // What came meanwhile is an answer, however late it is seen, and no silence.
        return patience.isAtLimit() && guarded(state, () -> handle.step(0));
    }

    /** How long to wait at the most; throws when the limit of the announced wait is reached. */
    int slice() {
        try {
            return patience.slice(this::evidence);
        } catch (NbdException e) {
            failed = true;
            throw e;
        }
    }

    /** Lets libnbd work after poll(2) has reported something of its socket. */
    void react(int happened) {
        guarded("READY", () -> {
            handle.react(happened);
            return true;
        });
    }

    private boolean guarded(String state, BooleanSupplier work) {
        try {
            boolean moved = work.getAsBoolean();
            if (moved) {
                patience.progress();
                spec.listener().moved(id, handle.received());
                requireAlive(state);
            }
            return moved;
        } catch (LibnbdError e) {
            failed = true;
            throw translate(e, state);
        }
    }

    /** Like {@link #step}, but for a moment only and without being announced: for the end of a connection. */
    boolean stepBriefly() {
        return guarded("READY", () -> handle.step(BRIEFLY_MILLIS));
    }

    /** An orderly end from the other side is no error to libnbd, but to us, who wait for an answer, it is. */
    private void requireAlive(String stateBefore) {
        if (handle.isOver()) {
            failed = true;
            throw translate(new LibnbdError(Diagnosis.CLOSED, 0), stateBefore);
        }
    }

    /** What the handshake told of the export. */
    ExportInfo describe(String requestedName) {
        try {
            return ExportInfo.of(handle, requestedName);
        } catch (LibnbdError e) {
            failed = true;
            close();
            throw new NbdException.Refused(uri + ": the server did not describe the export: " + e.text() + ".");
        }
    }

    private Patience.Evidence evidence() {
        List<String> facts = new ArrayList<>();
        int received = handle.firstBytes().length;
        boolean partOfGreeting = received > 0 && received < Handle.GREETING_BYTES;
        if (partOfGreeting) {
            facts.add("only " + received + " of the " + Handle.GREETING_BYTES + " bytes of the greeting came");
        }
        Posix.tcpEvidence(handle.descriptor()).ifPresent(tcp -> {
            facts.add(tcp.bytesReceived() + " bytes received in all");
            if (tcp.unacknowledgedSegments() > 0) {
                facts.add("the peer's host has not acknowledged what we sent, its last sign came "
                        + Durations.show(tcp.sinceLastAck()) + " ago");
            } else if (received > 0) {
                facts.add("the peer's host has acknowledged everything we sent");
            }
        });
        return new Patience.Evidence(
                handle.state(),
                String.join("; ", facts),
                partOfGreeting ? "the server or the road to it froze in the middle of its greeting" : "");
    }

    /** Which wait a state of libnbd belongs to. */
    static Wait phase(String state) {
        if (state.startsWith("CONNECT")) {
            return Wait.CONNECT;
        }
        if (state.startsWith("NEWSTYLE.OPT_STARTTLS")) {
            return Wait.TLS;
        }
        if (state.startsWith("NEWSTYLE.OPT_META_CONTEXT")) {
            return Wait.META_CONTEXT;
        }
        if (state.startsWith("NEWSTYLE.OPT_GO") || state.startsWith("NEWSTYLE.OPT_EXPORT_NAME")) {
            return Wait.EXPORT;
        }
        if (state.startsWith("NEWSTYLE.OPT_") || state.startsWith("NEGOTIATING")) {
            return Wait.OPTIONS;
        }
        return Wait.GREETING;
    }

    // ---- failures

    /** Says what a failure of libnbd means at this point of the conversation. */
    NbdException translate(LibnbdError error, String stateBefore) {
        TlsWatch watch = tlsWatch;
        if (watch != null && watch.hasCut()) {
            return overdue(watch);
        }
        return new Diagnosis(uri, handle, patience.answers(), greetingSeen, passed.contains(Wait.OPTIONS))
                .of(error, stateBefore);
    }

    /** The TLS handshake was ended by us, for the reason for which any wait ends. */
    private NbdException overdue(TlsWatch watch) {
        patience.goOnAs(Wait.TLS);
        try {
            patience.slice(() ->
                    new Patience.Evidence("NEWSTYLE.OPT_STARTTLS", watch.bytesReceived() + " bytes received in all"));
        } catch (NbdException e) {
            return e;
        }
        throw new IllegalStateException("a TLS handshake was ended without a reason");
    }

    // ---- the end

    boolean failed() {
        return failed;
    }

    void markFailed() {
        failed = true;
    }

    /** Says goodbye if that is still worth it, and ends the handle. Takes half a second at the very most. */
    @Override
    public void close() {
        try {
            if (!failed && !Thread.currentThread().isInterrupted()) {
                sayGoodbye();
            }
        } finally {
            handle.close();
        }
    }

    private void sayGoodbye() {
        try {
            if (handle.isNegotiating()) {
                handle.startAbort();
            } else if (handle.isReady()) {
                handle.startDisconnect();
            } else {
                return;
            }
            Deadline end = Deadline.in(spec.limits().disconnect());
            while (!handle.isOver() && !end.isOver()) {
                handle.step((int) Math.max(1, Math.min(DRAIN.toMillis(), end.remainingNanos() / 1_000_000)));
            }
        } catch (LibnbdError e) {
            // The peer left first; that is what we wanted.
        }
    }
}
