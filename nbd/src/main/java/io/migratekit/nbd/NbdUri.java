package io.migratekit.nbd;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where is the export? An NBD address as users write it, for instance {@code nbd://host:10809/disk1},
 * {@code nbds://user@host/disk1?tls-psk-file=keys.psk} or {@code nbd+unix:///disk1?socket=/run/nbd.sock}.
 *
 * <p>The grammar is the one of the NBD project's URI document; mistakes are explained.
 */
public record NbdUri(String text, Transport transport, String exportName, Optional<Tls> tls, Optional<Far> far) {
    public static final int DEFAULT_PORT = 10809;
    private static final int LONGEST_EXPORT_NAME_BYTES = 4096;
    private static final String KNOWN_PARAMETERS =
            "socket, tls-certificates, tls-psk-file, tls-verify-peer, tls-hostname";
    private static final String NO_PASSWORDS = "NBD knows no passwords; keys come from ?tls-psk-file=FILE";

    /** The address as it is seen from the far end of a road, when {@link #transport} is where the road begins here. */
    public record Far(String canonical, String road) {}

    /** The way to the server. */
    public sealed interface Transport {}

    /** Over TCP; the host is a name or a numeric address, without brackets. */
    public record Tcp(String host, int port) implements Transport {}

    /** Over a unix socket. */
    public record Unix(String socketPath) implements Transport {}

    /**
     * How the connection is encrypted.
     *
     * @param pskFile keys shared beforehand; excludes certificates
     * @param certificates folder with ca-cert.pem and, if the server wants one, a client certificate
     * @param verifyPeer whether the server has to prove who it is; only a user may switch this off
     */
    public record Tls(
            Optional<String> userName,
            Optional<String> pskFile,
            Optional<String> certificates,
            Optional<String> hostName,
            boolean verifyPeer) {}

    /** Reads an address; a mistake is a {@link NbdException.BadUri} that says what to write instead. */
    public static NbdUri parse(String text) {
        return new Parser(text).parse();
    }

    /** The same server, another of its exports. */
    public NbdUri withExportName(String name) {
        return new NbdUri(text, transport, name, tls, far);
    }

    /**
     * The same export, reached by another way: messages name the address as it is seen from the far end of a road.
     *
     * @param road what the road is called, such as {@code ssh://backup@hub}
     * @param door where the road begins on this machine
     */
    public NbdUri through(String road, Transport door) {
        return new NbdUri(
                text + " (through " + road + ")", door, exportName, tls, Optional.of(new Far(canonical(), road)));
    }

    /** The same export, told from others by a name that stays when the address changes; messages keep the address. */
    public NbdUri knownAs(String name) {
        return new NbdUri(text, transport, exportName, tls, Optional.of(new Far(name, "")));
    }

    /** The same export, called something else in messages. */
    public NbdUri called(String words) {
        return new NbdUri(words, transport, exportName, tls, far);
    }

    /** The same export under the name of what it stands for, where the address itself is made up for one run only. */
    public NbdUri standingFor(String name) {
        return new NbdUri(name, transport, exportName, tls, Optional.of(new Far(name, "")));
    }

    /** The address as the user wrote it, fit for messages: it holds no secret. */
    @Override
    public String toString() {
        return text;
    }

    /** The address in the one form in which libnbd writes it: port and escapes spelt out. */
    public String canonical() {
        if (far.isPresent()) {
            return far.get().canonical();
        }
        StringBuilder uri = new StringBuilder(tls.isPresent() ? "nbds" : "nbd");
        List<String> parameters = new ArrayList<>();
        String user =
                tls.flatMap(Tls::userName).map(name -> escape(name, "") + "@").orElse("");
        switch (transport) {
            case Unix unix -> {
                uri.append("+unix://").append(user);
                parameters.add("socket=" + escape(unix.socketPath(), "/"));
            }
            case Tcp tcp -> {
                boolean ipv6 = tcp.host().indexOf(':') >= 0;
                uri.append("://").append(user).append(ipv6 ? "[" + tcp.host() + "]" : tcp.host());
                uri.append(':').append(tcp.port());
            }
        }
        uri.append('/').append(escape(exportName, "/$&+,;=@"));
        tls.flatMap(Tls::certificates).ifPresent(dir -> parameters.add("tls-certificates=" + escape(dir, "/")));
        tls.flatMap(Tls::pskFile).ifPresent(file -> parameters.add("tls-psk-file=" + escape(file, "/")));
        return parameters.isEmpty() ? uri.toString() : uri + "?" + String.join("&", parameters);
    }

    /** The address at which it is reached from here, in the one form in which libnbd writes it. */
    public String address() {
        return new NbdUri(text, transport, exportName, tls, Optional.empty()).canonical();
    }

    /** What tells this export from all others: the canonical address, and by which road it is meant. */
    public String identity() {
        return canonical()
                + far.filter(there -> !there.road().isEmpty())
                        .map(there -> "#" + there.road())
                        .orElse("");
    }

    private static String escape(String text, String alsoPlain) {
        StringBuilder escaped = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xff);
            boolean letterOrDigit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (letterOrDigit || "-_.!~*'()".indexOf(c) >= 0 || alsoPlain.indexOf(c) >= 0) {
                escaped.append(c);
            } else {
                escaped.append('%').append(HexFormat.of().withUpperCase().toHexDigits(b));
            }
        }
        return escaped.toString();
    }

    private static final class Parser {
        private final String text;
        private Optional<String> socket = Optional.empty();
        private Optional<String> certificates = Optional.empty();
        private Optional<String> pskFile = Optional.empty();
        private Optional<String> hostName = Optional.empty();
        private boolean verifyPeer = true;
        private final Set<String> seen = new HashSet<>();

        Parser(String text) {
            this.text = text;
        }

        NbdUri parse() {
            int colon = text.indexOf("://");
            if (colon < 0) {
                throw bad(
                        text.startsWith("nbd:unix:")
                                ? "this is qemu's old form; write nbd+unix:///NAME?socket=PATH"
                                : "it has no scheme; write nbd://HOST[:PORT]/NAME or nbd+unix:///NAME?socket=PATH");
            }
            String scheme = text.substring(0, colon);
            boolean unix = scheme.endsWith("+unix");
            boolean encrypted = scheme.startsWith("nbds");
            if (!List.of("nbd", "nbds", "nbd+unix", "nbds+unix").contains(scheme)) {
                throw bad("the scheme " + scheme + " is not known; use nbd, nbds, nbd+unix or nbds+unix");
            }
            String rest = text.substring(colon + 3);
            if (rest.indexOf('#') >= 0) {
                throw bad("a fragment (#...) means nothing here; write %23 for a # in a name");
            }
            int query = rest.indexOf('?');
            if (query >= 0) {
                readParameters(rest.substring(query + 1));
                rest = rest.substring(0, query);
            }
            int slash = rest.indexOf('/');
            String authority = slash < 0 ? rest : rest.substring(0, slash);
            String name = decode(slash < 0 ? "" : rest.substring(slash + 1));
            if (name.getBytes(StandardCharsets.UTF_8).length > LONGEST_EXPORT_NAME_BYTES) {
                throw bad("the export name is longer than the protocol allows");
            }
            int at = authority.lastIndexOf('@');
            Optional<String> user = at < 0 ? Optional.empty() : Optional.of(decode(authority.substring(0, at)));
            String address = authority.substring(at + 1);
            Transport transport = unix ? unixTransport(address) : tcpTransport(address);
            return new NbdUri(text, transport, name, tls(encrypted, user), Optional.empty());
        }

        private Optional<Tls> tls(boolean encrypted, Optional<String> user) {
            if (!encrypted) {
                if (user.isPresent()
                        || certificates.isPresent()
                        || pskFile.isPresent()
                        || hostName.isPresent()
                        || !verifyPeer) {
                    throw bad("a user name or tls-... needs encryption; write nbds: instead of nbd:");
                }
                return Optional.empty();
            }
            if (user.isPresent() && user.get().indexOf(':') >= 0) {
                throw bad(NO_PASSWORDS);
            }
            if (pskFile.isPresent() && certificates.isPresent()) {
                throw bad("tls-psk-file and tls-certificates exclude each other");
            }
            return Optional.of(new Tls(user, pskFile, certificates, hostName, verifyPeer));
        }

        private Transport unixTransport(String address) {
            if (!address.isEmpty()) {
                throw bad("a unix socket has no host; write three slashes, as in nbd+unix:///NAME?socket=PATH");
            }
            return new Unix(socket.orElseThrow(
                    () -> bad("the path of the socket is missing; add ?socket=PATH behind the name")));
        }

        private Transport tcpTransport(String address) {
            if (socket.isPresent()) {
                throw bad("socket= belongs to nbd+unix: or nbds+unix:");
            }
            int bracket = address.lastIndexOf(']');
            int colon = address.indexOf(':', Math.max(0, bracket));
            String host = colon < 0 ? address : address.substring(0, colon);
            if (address.startsWith("[")) {
                if (bracket < 0 || (colon < 0 ? address.length() : colon) != bracket + 1) {
                    throw bad("the brackets around the IPv6 address do not fit");
                }
                host = address.substring(1, bracket);
            } else if (colon >= 0 && address.indexOf(':', colon + 1) >= 0) {
                throw bad("an IPv6 address needs brackets, as in nbd://[::1]:10809/NAME");
            }
            if (host.chars().anyMatch(c -> c <= ' ' || "<>\"\\^`{|}".indexOf(c) >= 0)) {
                throw bad("the host name '" + host + "' has a sign that no host name has");
            }
            int port = colon < 0 ? DEFAULT_PORT : port(address.substring(colon + 1));
            return new Tcp(host.isEmpty() ? "localhost" : decode(host), port);
        }

        private int port(String digits) {
            if (digits.isEmpty()) {
                return DEFAULT_PORT;
            }
            if (digits.matches("[0-9]{1,5}")) {
                int port = Integer.parseInt(digits);
                if (port > 0 && port <= 65535) {
                    return port;
                }
            }
            throw bad("the port '" + digits + "' is not a number from 1 to 65535");
        }

        private void readParameters(String query) {
            for (String parameter : query.split("&", -1)) {
                int equals = parameter.indexOf('=');
                String key = equals < 0 ? parameter : parameter.substring(0, equals);
                String value = equals < 0 ? "" : decode(parameter.substring(equals + 1));
                if (!key.isEmpty() && value.isEmpty()) {
                    throw bad("the parameter " + key + " has no value");
                }
                if (!key.isEmpty() && !seen.add(key)) {
                    throw bad("the parameter " + key + " is given twice");
                }
                switch (key) {
                    case "" -> {}
                    case "socket" -> socket = Optional.of(value);
                    case "tls-certificates" -> certificates = Optional.of(value);
                    case "tls-psk-file" -> pskFile = Optional.of(value);
                    case "tls-hostname" -> hostName = Optional.of(value);
                    case "tls-verify-peer" -> verifyPeer = yesOrNo(key, value);
                    // A misspelt security parameter must not pass in silence.
                    default -> throw bad("the parameter " + key + " is not known; there are " + KNOWN_PARAMETERS);
                }
            }
        }

        private boolean yesOrNo(String key, String value) {
            return switch (value) {
                case "true", "yes", "on", "1" -> true;
                case "false", "no", "off", "0" -> false;
                default -> throw bad(key + " is true or false, not '" + value + "'");
            };
        }

        private String decode(String part) {
            if (part.indexOf('%') < 0 && part.indexOf('\0') < 0) {
                return part;
            }
            List<Byte> bytes = new ArrayList<>();
            for (int i = 0; i < part.length(); ) {
                if (part.charAt(i) == '%') {
                    bytes.add(hexByte(part, i));
                    i += 3;
                } else {
                    int end = part.offsetByCodePoints(i, 1);
                    for (byte b : part.substring(i, end).getBytes(StandardCharsets.UTF_8)) {
                        bytes.add(b);
                    }
                    i = end;
                }
            }
            ByteBuffer raw = ByteBuffer.allocate(bytes.size());
            bytes.forEach(raw::put);
            try {
                String decoded =
                        StandardCharsets.UTF_8.newDecoder().decode(raw.flip()).toString();
                if (decoded.indexOf('\0') >= 0) {
                    throw bad("a zero byte cannot be part of it");
                }
                return decoded;
            } catch (CharacterCodingException e) {
                throw bad("'" + part + "' does not stand for UTF-8 text");
            }
        }

        private byte hexByte(String part, int at) {
            if (at + 3 <= part.length()
                    && HexFormat.isHexDigit(part.charAt(at + 1))
                    && HexFormat.isHexDigit(part.charAt(at + 2))) {
                return (byte) HexFormat.fromHexDigits(part, at + 1, at + 3);
            }
            throw bad("'" + part + "' has a % that is not followed by two hexadecimal digits");
        }

        private NbdException.BadUri bad(String why) {
            String shown = text.replace('\0', '?');
            int scheme = shown.indexOf("://");
            int start = scheme < 0 ? 0 : scheme + 3;
            Matcher colon = Pattern.compile(":|%3a", Pattern.CASE_INSENSITIVE).matcher(shown);
            int at = shown.lastIndexOf('@');
            if (colon.find(start) && colon.end() <= at && !isHostAndPort(shown.substring(start))) {
                // What somebody takes for a password must not end up in a log: neither here nor in the explanation.
                shown = shown.substring(0, colon.start()) + ":***" + shown.substring(at);
                why = scheme < 0 ? why : NO_PASSWORDS;
            }
            return new NbdException.BadUri("cannot use the address '" + shown + "': " + why);
        }

        /** Whether a colon behind the scheme is that of a port; an @ further on then belongs to the export's name. */
        private static boolean isHostAndPort(String rest) {
            return Pattern.compile("(\\[[^\\]]*]|[^:/?#@%]*)(:[0-9]*)?([/?#].*)?", Pattern.DOTALL)
                    .matcher(rest)
                    .matches();
        }
    }
}
