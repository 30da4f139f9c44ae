package io.migratekit.agent.hub;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Where does the hub listen?
 *
 * @param text as it was written, for messages
 * @param base what requests begin with
 * @param socket the unix socket that leads there, if it is not TCP
 * @param road what the way there is called, if it is seen from another host; else empty
 */
public record HubAddress(String text, URI base, Optional<Path> socket, String road) {
    private static final String UNIX = "unix:";
    private static final int HTTP = 80;
    private static final int HTTPS = 443;
    private static final Set<String> HERE = Set.of("127.0.0.1", "localhost", "[::1]");
    private static final URI BEHIND_A_SOCKET = URI.create("http://hub");

    /** Reads {@code http://HOST:PORT}, {@code https://...} or {@code unix:PATH}; a mistake says what to write instead. */
    public static HubAddress parse(String text) {
        if (text.startsWith(UNIX)) {
            Path path = Path.of(text.substring(UNIX.length()));
            if (!path.isAbsolute()) {
                throw bad(text, "the path of a unix socket begins with /");
            }
            return new HubAddress(text, BEHIND_A_SOCKET, Optional.of(path), "");
        }
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            throw bad(text, e.getReason());
        }
        String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
        if (!scheme.equals("http") && !scheme.equals("https")) {
            throw bad(text, "it begins neither with http://, https:// nor unix:");
        }
        String path = uri.getRawPath();
        if (uri.getHost() == null
                || uri.getRawUserInfo() != null
                || uri.getRawQuery() != null
                || uri.getRawFragment() != null
                || (path != null && !path.isEmpty() && !path.equals("/"))) {
            throw bad(text, "write http://HOST:PORT and nothing behind it");
        }
        int port = uri.getPort() > 0 ? uri.getPort() : scheme.equals("http") ? HTTP : HTTPS;
        return new HubAddress(text, URI.create(scheme + "://" + uri.getHost() + ":" + port), Optional.empty(), "");
    }

    private static HubException.BadAddress bad(String text, String why) {
        return new HubException.BadAddress("the hub's address '" + text + "' cannot be used: " + why
                + ". For instance: http://127.0.0.1:9080 or unix:/run/migratekit-hub/api.sock");
    }

    /** Whether a token would travel over a network where others can read it. */
    public boolean isOpenToReaders() {
        return socket.isEmpty() && "http".equals(base.getScheme()) && !HERE.contains(base.getHost());
    }

    /** The same hub, reached through a socket of ours that leads to it. */
    public HubAddress through(String by, Path door) {
        return new HubAddress(text, base, Optional.of(door), by);
    }

    @Override
    public String toString() {
        return road.isEmpty() ? text : text + " (through " + road + ")";
    }
}
