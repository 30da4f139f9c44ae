package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.hub.api.HubServer.Listen;
import io.migratekit.hub.api.RawHttp.Answer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Do clients that break the rules of HTTP itself, or never come to an end, get a problem soon and harm nobody else? */
class HostileClientTest {
    private static final byte[] NOTHING = new byte[0];
    private static final HttpLimits STRICT = new HttpLimits(
            20,
            Duration.ofSeconds(2),
            Duration.ofSeconds(2),
            Duration.ofSeconds(2),
            16 << 10,
            1 << 20,
            Duration.ofSeconds(1),
            1000);

    @TempDir
    private Path folder;

    @Test
    void requestsThatAreBrokenAnywhereAreProblemsAndChangeNothing() throws IOException {
        try (Attack attack = Attack.on(folder)) {
            Set<String> before = attack.hub.files();
            byte[] right = RawHttp.request(
                    "PUT",
                    "/api/v1/vms/vm-1",
                    attack.hub.reader, // So that what happens to be right again is refused, too.
                    "Content-Type: application/json\r\n",
                    "{\"name\":\"x\",\"disks\":[]}".getBytes(StandardCharsets.UTF_8));
            for (int i = 0; i < 600; i++) {
                byte[] broken = right.clone();
                for (int n = attack.random.nextInt(1, 4); n > 0; n--) {
                    broken[attack.random.nextInt(broken.length)] = (byte) attack.random.nextInt(256);
                }
                if (attack.random.nextBoolean()) {
                    broken = Arrays.copyOf(broken, attack.random.nextInt(broken.length));
                }
                Answer answer = RawHttp.send(attack.hub.base(), broken);
                if (answer.status() != 0) {
                    attack.refused(Attack.REFUSALS, new String(broken, StandardCharsets.ISO_8859_1), answer);
                }
            }
            assertEquals(before, attack.hub.files());
        }
    }

    @Test
    void framingThatMayBeReadInTwoWaysIsRefused() throws IOException {
        try (Attack attack = Attack.on(folder)) {
            String begin =
                    "POST /api/v1/backups HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + attack.hub.admin + "\r\n";
            for (String head : List.of(
                    begin + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
                    begin + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
                    begin + "Content-Length: -1\r\n\r\n",
                    begin + "Content-Length: 99999999999999999999\r\n\r\n",
                    begin + "Content-Length: 10000000000\r\n\r\n",
                    begin + "Content-Length: 0x5\r\n\r\n",
                    begin + "Transfer-Encoding: gzip\r\n\r\n",
                    begin + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                    begin + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                    begin + " folded: x\r\n\r\n",
                    begin + "Host: other\r\n\r\n",
                    begin + "name without colon\r\n\r\n",
                    begin + "X: " + "x".repeat(20_000) + "\r\n\r\n",
                    "POST /api/v1/backups HTTP/9.9\r\nHost: h\r\n\r\n",
                    "POST /api/v1/backups HTTP/1.1\r\n\r\n",
                    "GET http://other.example/api/v1/vms HTTP/1.1\r\nHost: h\r\n\r\n",
                    "GET " + "/a".repeat(15_000) + " HTTP/1.1\r\nHost: h\r\n\r\n",
                    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    "GET /health\r\n\r\n")) {
                Answer answer = RawHttp.send(
                        attack.hub.base(), RawHttp.joined(head, "12345".getBytes(StandardCharsets.US_ASCII)));
                attack.refused(Attack.REFUSALS, head.substring(0, Math.min(400, head.length())), answer);
            }
        }
    }

    @Test
    void contentsWithoutEndAreCutOff() throws IOException {
        try (Attack attack = Attack.on(folder)) {
            Set<String> before = attack.hub.files();
            byte[] chunk = RawHttp.joined("10000\r\n" + "[".repeat(0x10000) + "\r\n", NOTHING);
            for (String target : List.of(
                    "POST /api/v1/backups",
                    "POST /api/v1/backups/open-1/heartbeat",
                    "PUT /api/v1/backups/open-1/disks/2000/hashes")) {
                long start = System.nanoTime();
                try (Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), port(attack.hub.base()))) {
                    OutputStream out = socket.getOutputStream();
                    out.write(RawHttp.joined(
                            target + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer "
                                    + attack.hub.admin + "\r\n\r\n",
                            NOTHING));
                    long sent = 0;
                    try {
                        for (; sent < 1 << 30; sent += chunk.length) {
                            out.write(chunk);
                        }
                    } catch (IOException e) {
                        // As it should be; what was answered may be lost with the connection.
                    }
                    assertTrue(sent < 64 << 20, "it took " + sent + " bytes");
                    Answer answer = RawHttp.answer(socket, start);
                    assertTrue(Set.of(0, 400, 413).contains(answer.status()), target + " " + answer);
                }
            }
            assertEquals(before, attack.hub.files());
        }
    }

    @Test
    void whoTricklesIsShownOutAndMakesRoomForOthers() throws Exception {
        List<Socket> slow = new ArrayList<>();
        try (HubServer server = strictServer()) {
            String base = server.addresses().getFirst();
            long start = System.nanoTime();
            for (int i = 0; i < STRICT.connections(); i++) {
                Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), port(base));
                slow.add(socket);
                trickle(socket, i % 2 == 0 ? "GET /health HTTP/1.1\r\nX: " : "");
            }
            TimeUnit.MILLISECONDS.sleep(300);
            Answer answer = RawHttp.send(base, RawHttp.request("GET", "/health", "", "", NOTHING));
            long millis = (System.nanoTime() - start) / 1_000_000;
            assertEquals(200, answer.status(), answer.toString());
            assertTrue(millis > 1500, "there was room for more than the limit after " + millis + " ms");
            assertTrue(millis < 8000, "it took " + millis + " ms");
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }

    @Test
    void aContentThatTricklesEndsInTime() throws Exception {
        String token = new Tokens(folder).add("boss", Tokens.Scope.ADMIN, Set.of());
        try (HubServer server = strictServer()) {
            String base = server.addresses().getFirst();
            for (String path : List.of("/json", "/stream")) {
                long start = System.nanoTime();
                try (Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), port(base))) {
                    trickle(
                            socket,
                            "POST " + path + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + token
                                    + "\r\nContent-Length: 100000\r\n\r\n{");
                    Answer answer = RawHttp.answer(socket, start);
                    assertEquals(408, answer.status(), answer.toString());
                    assertTrue(answer.body().contains("urn:migratekit:hub:too-slow"), answer.body());
                    assertTrue(answer.millis() < 5000, answer.toString());
                }
            }
        }
    }

    @Test
    void aContentThatBreaksOffIsTheClientsMistake() throws IOException {
        try (Attack attack = Attack.on(folder)) {
            Set<String> before = attack.hub.files();
            String target =
                    "PUT /api/v1/backups/open-1/disks/2000/hashes HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ";
            Answer answer = RawHttp.send(
                    attack.hub.base(),
                    RawHttp.joined(target + attack.hub.admin + "\r\nContent-Length: 1000\r\n\r\nmkhashes", NOTHING));
            attack.refused(Set.of(400), "half a content", answer);
            for (String content : List.of("", "mkhashes", "x".repeat(1000))) {
                answer = attack.hub.ask("PUT", "/api/v1/backups/open-1/disks/2000/hashes", attack.hub.admin, content);
                attack.refused(Set.of(400), "no hashes", answer);
            }
            assertEquals(before, attack.hub.files());
        }
    }

    private HubServer strictServer() throws IOException {
        return HubServer.start(
                List.of(new Listen.Tcp(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))),
                List.of(
                        Route.of(
                                "GET",
                                "/health",
                                Route.Access.OPEN,
                                Route.Way.PLAIN,
                                _ -> Reply.text("text/plain", "ok")),
                        Route.of("POST", "/json", Route.Access.LOOK, Route.Way.JSON, _ -> Reply.nothing()),
                        Route.of("POST", "/stream", Route.Access.LOOK, Route.Way.STREAM, call -> {
                            call.content(1 << 20).readAllBytes();
                            return Reply.nothing();
                        })),
                new Tokens(folder),
                e -> new Problem(500, "failed", "it failed"),
                STRICT);
    }

    private static int port(String base) {
        return URI.create(base).getPort();
    }

    /** A byte now and then, until the connection ends. */
    private static void trickle(Socket socket, String begin) throws IOException {
        socket.getOutputStream().write(begin.getBytes(StandardCharsets.US_ASCII));
        Thread.ofVirtual().start(() -> {
            try {
                while (true) {
                    TimeUnit.MILLISECONDS.sleep(100);
                    socket.getOutputStream().write('x');
                }
            } catch (IOException | InterruptedException e) {
                // Shown out, as it should be.
            }
        });
    }
}
