package io.migratekit.nbd;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
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

    private static final List<Wait> HANDSHAKE =
            List.of(Wait.GREETING, Wait.TLS, Wait.OPTIONS, Wait.META_CONTEXT, Wait.EXPORT);

    /** How libnbd says that the other side closed the connection, and we with it. */
    private static final String CLOSED = "server disconnected unexpectedly";

    /** EPIPE, ECONNRESET, ENOTCONN, ETIMEDOUT, EHOSTUNREACH: the road broke, not the protocol. */
    private static final Set<Integer> NETWORK_ERRORS = Set.of(32, 104, 107, Posix.ETIMEDOUT, 113);

    private static final AtomicInteger CONNECTIONS = new AtomicInteger();

    final NbdUri uri;
    final ConnectSpec spec;
    final String id;
    final Handle handle;
    final Patience patience;
    private final Set<Wait> passed = EnumSet.noneOf(Wait.class);
    /** Whether the first bytes of the peer were looked at, so that statements about them are evidence. */
    private boolean greetingSeen;

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
        try {
            if (optionMode) {
                handle.optionMode();
            }
            handle.exportName(uri.exportName());
            spec.contexts().forEach(handle::addContext);
            uri.tls().ifPresent(this::prepareTls);
        } catch (LibnbdError e) {
            throw new NbdException.BadUri(uri + ": " + e.text());
        }
        if (mustConnectByName()) {
            connectByName((NbdUri.Tcp) uri.transport());
        } else {
            connectOurSocket();
        }
        drive(() -> handle.isReady() || handle.isNegotiating());
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
            try {
                handle.connectSocket(fd);
            } catch (LibnbdError e) {
                throw translate(e, "START");
            }
        }
    }

    // ---- TLS

    private void prepareTls(NbdUri.Tls tls) {
        if (!handle.canTls()) {
            throw new NbdException.TlsFailed(uri + ": this libnbd was built without TLS.");
        }
        boolean certificates = tls.pskFile().isEmpty();
        if (certificates && tls.verifyPeer()) {
            prepareHostName(tls);
        }
        handle.requireTls(tls);
    }

    /**
     * Sees to it that the certificate's owner gets checked. libnbd before 1.22 checks it only when
     * it connects by name itself; over a socket of ours it would accept anybody's.
     */
    private void prepareHostName(NbdUri.Tls tls) {
        boolean overUnix = uri.transport() instanceof NbdUri.Unix;
        if (Handle.canCheckHostNameOverSocket()) {
            String name = tls.hostName()
                    .or(() -> uri.transport() instanceof NbdUri.Tcp tcp
                            ? java.util.Optional.of(tcp.host())
                            : java.util.Optional.empty())
                    .orElseThrow(() -> new NbdException.BadUri(uri
                            + ": over a unix socket nobody knows which name the certificate must bear; add"
                            + " tls-hostname=NAME, or use keys (tls-psk-file)."));
            handle.tlsHostName(name);
        } else if (overUnix || tls.hostName().isPresent()) {
            throw new NbdException.TlsFailed(uri
                    + (overUnix ? ": certificates over a unix socket" : ": tls-hostname")
                    + " need libnbd 1.22 or later; version " + handle.version()
                    + " would accept any certificate. Use keys instead (tls-psk-file).");
        }
    }

    private boolean mustConnectByName() {
        return uri.tls().isPresent()
                && uri.tls().get().pskFile().isEmpty()
                && uri.tls().get().verifyPeer()
                && !Handle.canCheckHostNameOverSocket();
    }

    private void connectByName(NbdUri.Tcp tcp) {
        Dialer dialer = new Dialer(uri, spec, patience);
        // Ours first: it is bounded, says clearly when a name is unknown, and warms the resolver's cache.
        List<InetAddress> known = dialer.resolve(tcp.host());
        handle.lend();
        FutureTask<@Nullable Void> connect = new FutureTask<>(() -> handle.connectTcp(tcp.host(), tcp.port()), null);
        dialer.within(Wait.CONNECT, connect, cause -> unreachable(tcp, known, cause));
        patience.waitFor(Wait.CONNECT);
    }

    private NbdException unreachable(NbdUri.Tcp tcp, List<InetAddress> known, Throwable cause) {
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
        // Whoever was busy elsewhere looks first: what came meanwhile is an answer, however late it is seen.
        if (patience.isAtLimit() && look(0, state)) {
            return true;
        }
        int slice;
        try {
            slice = patience.slice(this::evidence);
        } catch (NbdException e) {
            failed = true;
            throw e;
        }
        return look(slice, state);
    }

    /** Like {@link #step}, but for a moment only and without being announced: for the end of a connection. */
    boolean stepBriefly() {
        return look(20, "READY");
    }

    private boolean look(int millis, String state) {
        requireAlive(state); // Sending a request may have found the connection dead, which libnbd tells nobody.
        try {
            boolean moved = handle.step(millis);
            if (moved) {
                patience.progress();
                requireAlive(state);
            }
            return moved;
        } catch (LibnbdError e) {
            failed = true;
            throw translate(e, state);
        }
    }

    /** An orderly end from the other side is no error to libnbd, but to us, who wait for an answer, it is. */
    private void requireAlive(String stateBefore) {
        if (handle.isOver()) {
            failed = true;
            throw translate(new LibnbdError(CLOSED, 0), stateBefore);
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
        if (received > 0 && received < Handle.GREETING_BYTES) {
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
        return new Patience.Evidence(handle.state(), String.join("; ", facts));
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
        boolean handshake = !stateBefore.startsWith("READY");
        Wait phase = handshake ? phase(stateBefore) : Wait.READ;
        String where = uri + ": ";
        // libnbd gives no error number for a closed connection nor for a broken protocol: there its text decides.
        boolean closed = error.text().contains(CLOSED) || NETWORK_ERRORS.contains(error.errno());
        if (phase == Wait.CONNECT && error.errno() != 0) {
            return new NbdException.Unreachable(where + "cannot connect: " + error.text() + ".", error);
        }
        if (error.text().contains("gnutls") || (handshake && error.text().contains("TLS"))) {
            return new NbdException.TlsFailed(where + tlsAdvice(error.text()));
        }
        if (phase == Wait.TLS && closed) {
            return new NbdException.TlsFailed(where + "the server ended the connection during the TLS handshake" + " ("
                    + error.text() + "). Its log says why; usually it rejects our certificate or key.");
        }
        if (closed) {
            return new NbdException.ConnectionLost(where + lost(error, phase, handshake));
        }
        if (handshake && error.errno() != 0) {
            return new NbdException.Refused(where + refusal(error));
        }
        if (handshake && !greetingLooksRight()) {
            return new NbdException.NotNbd(where + "what listens there does not speak NBD; it says "
                    + quote(handle.firstBytes()) + ". Check host and port.");
        }
        return new NbdException.ConnectionLost(
                where + "the server broke the protocol (" + error.text() + ")" + answeredSoFar() + ".");
    }

    private boolean greetingLooksRight() {
        byte[] first = handle.firstBytes();
        return !greetingSeen
                || (first.length >= 8 && new String(first, 0, 8, StandardCharsets.ISO_8859_1).equals("NBDMAGIC"));
    }

    /** Foreign bytes in a form that cannot upset a terminal. */
    private static String quote(byte[] bytes) {
        StringBuilder text = new StringBuilder("\"");
        for (int i = 0; i < Math.min(bytes.length, 24); i++) {
            char c = (char) (bytes[i] & 0xff);
            text.append(
                    c >= ' ' && c < 127 && c != '"'
                            ? String.valueOf(c)
                            : "\\x" + HexFormat.of().toHexDigits(bytes[i]));
        }
        return text.append(bytes.length > 24 ? "...\"" : "\"").toString();
    }

    private String lost(LibnbdError error, Wait phase, boolean handshake) {
        if (error.errno() == Posix.ETIMEDOUT) {
            return "the connection broke: the network or the peer's host stopped answering (" + error.text() + ")"
                    + answeredSoFar() + ".";
        }
        int received = greetingSeen ? handle.firstBytes().length : Handle.GREETING_BYTES;
        if (handshake && received == 0) {
            return "the other side closed the connection instead of sending the NBD greeting (" + error.text()
                    + "). Usual cause: a tunnel whose far end finds no server (its log has the reason), or a server"
                    + " that rejects this client or has no slot left (qemu-nbd --shared=N).";
        }
        String when;
        if (handshake && received < Handle.GREETING_BYTES) {
            when = "after " + received + " of the " + Handle.GREETING_BYTES + " bytes of the NBD greeting";
        } else if (handshake) {
            when = "during the handshake"
                    + (phase != Wait.GREETING
                            ? ", waiting for the " + phase.title() + ","
                            : greetingSeen ? ", after the greeting" : "");
        } else {
            when = "while requests were in flight";
        }
        return "the connection broke " + when + " (" + error.text() + ")" + answeredSoFar()
                + ". Usual cause: the server or the tunnel ended.";
    }

    private String refusal(LibnbdError error) {
        if (error.errno() == Posix.ENOENT) {
            return "the server has no export named '" + uri.exportName()
                    + "'. `migratekit info --list` shows the names it has.";
        }
        return "the server refused: " + error.text() + ".";
    }

    private String tlsAdvice(String text) {
        if (uri.tls().isEmpty()) {
            return "the server insists on encryption (" + text
                    + "). Use nbds: (nbds+unix:) with tls-certificates=DIR or tls-psk-file=FILE.";
        }
        if (text.contains("refused TLS")) {
            return "the server offers no encryption (" + text
                    + "). Give it TLS credentials, or use nbd: if the road is safe.";
        }
        return "the TLS handshake failed (" + text + "). Check that both sides have certificates of the same CA,"
                + " valid today and for this host name, or the same key.";
    }

    private String answeredSoFar() {
        List<String> answers = patience.answers();
        return answers.isEmpty() ? "" : "; answered before: " + String.join(", ", answers);
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
