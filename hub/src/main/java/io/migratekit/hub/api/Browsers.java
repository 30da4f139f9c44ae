package io.migratekit.hub.api;

import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;

/**
 * Does a browser ask this for a page of somebody else? A page of any site may let its reader's browser send requests to where a
 * hub is forwarded to, and over a unix socket the hub takes the road for proof enough. A browser says what it does; other
 * clients say nothing of the kind, and nothing is asked of them.
 */
final class Browsers {
    private static final Set<String> OURS = Set.of("same-origin", "none");
    /** Names that no public name server can lead to somewhere else: without a dot, of this machine, or no names at all. */
    private static final Pattern NEAR =
            Pattern.compile("([a-z0-9_-]+|([a-z0-9_-]+\\.)*localhost|[0-9.]+|\\[[0-9a-f:.]+])\\.?(:[0-9]+)?");

    private Browsers() {}

    static void check(Request request) {
        HttpFields headers = request.getHeaders();
        String origin = headers.get("Origin");
        if (origin != null && !isOf(origin, String.valueOf(headers.get(HttpHeader.HOST)))) {
            throw forbidden("a page of another origin asks");
        }
        String site = headers.get("Sec-Fetch-Site");
        boolean isVisit = request.getMethod().equals("GET") && "navigate".equals(headers.get("Sec-Fetch-Mode"));
        if (site != null && !OURS.contains(site) && !isVisit) {
            throw forbidden("a page of another site asks");
        }
    }

    private static boolean isOf(String origin, String host) {
        return origin.toLowerCase(Locale.ROOT).matches("https?://" + Pattern.quote(host.toLowerCase(Locale.ROOT)));
    }

    /**
     * Where no token is needed, a name that leads somewhere else today may lead here tomorrow, and then the page that came from
     * there would be of our origin.
     */
    static void mustMeanUs(Request request) {
        String host = request.getHeaders().get(HttpHeader.HOST);
        if (host != null && !NEAR.matcher(host.toLowerCase(Locale.ROOT)).matches()) {
            throw forbidden(
                    "over this road the hub is called by an address or a name without a dot, such as localhost");
        }
    }

    private static Problem forbidden(String why) {
        return new Problem(403, "forbidden", why);
    }
}
