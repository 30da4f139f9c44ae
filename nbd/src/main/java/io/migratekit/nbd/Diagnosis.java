package io.migratekit.nbd;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/**
 * What does a failure of libnbd mean at this point of the conversation? Turns its text and error
 * number, where the connection stood and what had come by then into the one {@link NbdException}
 * that is true, with the words for a person.
 *
 * @param greetingSeen whether the first bytes of the peer were looked at, so that statements about
 *     them are evidence
 * @param optionsAnswered whether the server has answered the first option
 */
record Diagnosis(NbdUri uri, Handle handle, List<String> answers, boolean greetingSeen, boolean optionsAnswered) {
    /** How libnbd says that the other side closed the connection, and we with it. */
    static final String CLOSED = "server disconnected unexpectedly";

    /** One of these is in each text of libnbd about TLS. */
    private static final List<String> TLS_WORDS = List.of("gnutls", "TLS", "PSK");

    private static final String REJECTED_BY_SERVER =
            "Its log says why; usually it rejects our certificate or key, or wants one and got none.";

    /** How every NBD server begins. */
    private static final String MAGIC = "NBDMAGIC";

    /** EPIPE, ECONNRESET, ENOTCONN, ETIMEDOUT, EHOSTUNREACH: the road broke, not the protocol. */
    private static final Set<Integer> NETWORK_ERRORS = Set.of(32, 104, 107, Posix.ETIMEDOUT, 113);

    /** The failure in our terms; {@code stateBefore} is where libnbd was when it went on to fail. */
    NbdException of(LibnbdError error, String stateBefore) {
        boolean handshake = !stateBefore.startsWith("READY");
        Wait phase = handshake ? Link.phase(stateBefore) : Wait.READ;
        String where = uri + ": ";
        // libnbd gives no error number for a closed connection nor for a broken protocol: there its text decides.
        // Once something has been answered through TLS, a failure of TLS is one of the connection.
        boolean proven = !handshake || (uri.tls().isPresent() && optionsAnswered);
        boolean closed = error.text().contains(CLOSED)
                || NETWORK_ERRORS.contains(error.errno())
                || (proven && error.text().contains("gnutls"));
        if (phase == Wait.CONNECT && error.errno() != 0) {
            return new NbdException.Unreachable(where + "cannot connect: " + error.text() + ".", error);
        }
        if (!proven && TLS_WORDS.stream().anyMatch(error.text()::contains)) {
            return new NbdException.TlsFailed(where + tlsAdvice(error.text()));
        }
        if (closed && phase == Wait.TLS) {
            return new NbdException.TlsFailed(where + "the server ended the connection during the TLS handshake ("
                    + error.text() + "). " + REJECTED_BY_SERVER);
        }
        if (closed) {
            return new NbdException.ConnectionLost(where + lost(error, phase, handshake));
        }
        if (handshake && error.errno() != 0) {
            return new NbdException.Refused(where + refusal(error));
        }
        if (handshake && greetingSeen) {
            requireNbd(uri, handle.firstBytes());
        }
        return new NbdException.ConnectionLost(
                where + "the server broke the protocol (" + error.text() + ")" + answeredSoFar() + ".");
    }

    /** Throws as soon as the first bytes of the peer, however few, cannot be the beginning of an NBD greeting. */
    static void requireNbd(NbdUri uri, byte[] first) {
        int known = Math.min(first.length, MAGIC.length());
        if (!new String(first, 0, known, StandardCharsets.ISO_8859_1).equals(MAGIC.substring(0, known))) {
            throw new NbdException.NotNbd(uri + ": what listens there does not speak NBD; it says " + quote(first)
                    + ". Check host and port.");
        }
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
        if (text.contains("timed out")) {
            return "the TLS handshake took longer than GnuTLS allows, which is 40 s (" + text
                    + "). The server, or the road to it, is too slow or stands still.";
        }
        if (text.contains("refused TLS")) {
            return "the server offers no encryption (" + text
                    + "). Give it TLS credentials, or use nbd: if the road is safe.";
        }
        if (text.contains("certificate verification")) {
            return "the certificate of the server is not accepted (" + text + "). It must be of an authority in"
                    + " ca-cert.pem, valid today, and for this host name.";
        }
        if (text.contains("gnutls_record")) {
            // With TLS 1.3 our side of the handshake is complete before the server judges our certificate.
            return "the server ended the encrypted connection before it answered anything (" + text + "). "
                    + REJECTED_BY_SERVER;
        }
        boolean keys = uri.tls().get().pskFile().isPresent();
        return "the TLS handshake failed (" + text + "). "
                + (keys
                        ? "Check that both sides have the same key under the same user name."
                        : "Check that both sides have certificates of the same authority, valid today and for this host"
                                + " name.");
    }

    private String answeredSoFar() {
        return answers.isEmpty() ? "" : "; answered before: " + String.join(", ", answers);
    }
}
