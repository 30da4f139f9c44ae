package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.migratekit.hub.api.HubServer.Listen;
import io.migratekit.hub.api.Route.Access;
import io.migratekit.hub.api.Route.Way;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Can a page of some other site use its reader's browser against the hub? Over the road that asks for no token. */
class BrowsersTest {
    private final AtomicInteger done = new AtomicInteger();

    @TempDir
    private Path folder;

    @SuppressWarnings("NullAway.Init") // Before each test.
    private HubServer server;

    @BeforeEach
    void serve() throws IOException {
        List<Route> routes = new ArrayList<>(Page.routes());
        routes.add(Route.of("GET", "/things", Access.LOOK, Way.PLAIN, _ -> did()));
        routes.add(Route.of("POST", "/things", Access.WRITE, Way.LONG, _ -> did()));
        server = HubServer.start(
                List.of(
                        new Listen.Unix(folder.resolve("hub.sock")),
                        new Listen.Tcp(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))),
                routes,
                new Tokens(folder),
                e -> new Problem(500, "failed", "it failed"),
                HttpLimits.DEFAULTS);
    }

    private Reply did() {
        done.incrementAndGet();
        return Reply.json(200, new JsonObject());
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void ownPagesAndClientsThatAreNoBrowsersAreServed() throws IOException {
        for (String host : List.of("hub", "localhost", "localhost:9080", "127.0.0.1:9080", "[::1]:80", "a.localhost")) {
            assertEquals(200, ask("GET", "/things", "Host: " + host), host);
            assertEquals(200, ask("POST", "/things", "Host: " + host), host);
            assertEquals(
                    200,
                    ask(
                            "POST",
                            "/things",
                            "Host: " + host + "\r\nOrigin: http://" + host + "\r\n"
                                    + "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors"));
        }
        assertEquals(200, ask("GET", "/", "Host: localhost:1\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate"));
        // Somebody wrote a link to it.
        assertEquals(
                200, ask("GET", "/", "Host: localhost:1\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate"));
        assertEquals(18, done.get());
    }

    @Test
    void pagesOfOthersDoNothing() throws IOException {
        for (String origin :
                List.of("http://evil.example", "null", "http://localhost:9081", "https://localhost.evil:9080", "")) {
            for (String method : List.of("GET", "POST")) {
                assertEquals(403, ask(method, "/things", "Host: localhost:9080\r\nOrigin: " + origin), origin);
            }
        }
        for (String site : List.of("cross-site", "same-site", "")) {
            String headers = "Host: localhost:9080\r\nSec-Fetch-Site: " + site + "\r\nSec-Fetch-Mode: ";
            assertEquals(403, ask("POST", "/things", headers + "no-cors"), site);
            assertEquals(403, ask("POST", "/things", headers + "navigate"), site);
            assertEquals(403, ask("GET", "/things", headers + "no-cors"), site);
        }
        assertEquals(0, done.get());
    }

    /** The page came from a name that leads here by now: to the browser it is of our origin. */
    @Test
    void aNameThatMayLeadAnywhereIsNotOurs() throws IOException {
        for (String host :
                List.of("evil.example:9080", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example.")) {
            assertEquals(403, ask("GET", "/things", "Host: " + host + "\r\nSec-Fetch-Site: same-origin"), host);
            assertEquals(403, ask("POST", "/things", "Host: " + host + "\r\nOrigin: http://" + host), host);
        }
        assertEquals(0, done.get());
    }

    @Test
    void thePageIsTheSameForEverybodyAndLetsNothingInOrOut() throws IOException {
        String base = server.addresses().get(1);
        for (Route route : Page.routes()) {
            RawHttp.Answer answer = RawHttp.send(base, RawHttp.request("GET", route.path(), "", "", new byte[0]));
            assertEquals(200, answer.status(), route.path());
            String policy = answer.header("Content-Security-Policy");
            assertTrue(policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self';"), policy);
            assertTrue(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), policy);
            assertEquals("nosniff", answer.header("X-Content-Type-Options"));
            assertEquals("no-referrer", answer.header("Referrer-Policy"));
            assertEquals("no-cache", answer.header("Cache-Control"));
            assertFalse(
                    answer.body().matches("(?s).*(?<!xmlns=\"|SVG = ')https?://.*"), route.path() + " leads elsewhere");
            String known = "If-None-Match: " + answer.header("ETag") + "\r\n";
            RawHttp.Answer again = RawHttp.send(base, RawHttp.request("GET", route.path(), "", known, new byte[0]));
            assertEquals(304, again.status(), again.toString());
            assertEquals("", again.body());
        }
    }

    /** Over the unix socket; the status. */
    private int ask(String method, String target, String headers) throws IOException {
        try (SocketChannel socket = SocketChannel.open(UnixDomainSocketAddress.of(folder.resolve("hub.sock")))) {
            String request = method + " " + target + " HTTP/1.1\r\n" + headers
                    + "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            socket.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8)));
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            ByteBuffer some = ByteBuffer.allocate(8192);
            while (socket.read(some) >= 0) {
                all.write(some.array(), 0, some.position());
                some.clear();
            }
            String status = all.toString(StandardCharsets.ISO_8859_1).replaceFirst("(?s)HTTP/1.1 ([0-9]{3}).*", "$1");
            return Integer.parseInt(status);
        }
    }
}
