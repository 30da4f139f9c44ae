package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.hub.api.HubServer.Listen;
import io.migratekit.hub.api.Route.Access;
import io.migratekit.hub.api.Route.Way;
import io.migratekit.nbd.fixture.Waiting;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is whatever a client does wrong answered with a problem, soon, and only to who has a token? Over real sockets. */
class HubServerTest {
    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");

    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private final CountDownLatch release = new CountDownLatch(1);

    @TempDir
    private Path folder;

    @SuppressWarnings("NullAway.Init") // Before each test.
    private HubServer server;

    private String base = "";
    private String admin = "";
    private String agent = "";

    @BeforeEach
    void serve() throws IOException {
        Tokens tokens = new Tokens(folder);
        admin = tokens.add("boss", Tokens.Scope.ADMIN, Set.of());
        agent = tokens.add("agent", Tokens.Scope.AGENT, Set.of("vm-1"));
        server = HubServer.start(
                List.of(
                        new Listen.Tcp(new InetSocketAddress(LOOPBACK, 0)),
                        new Listen.Unix(folder.resolve("hub.sock"))),
                routes(),
                tokens,
                e -> new Problem(500, "failed", "it failed"),
                HttpLimits.DEFAULTS);
        base = server.addresses().getFirst();
    }

    private List<Route> routes() {
        return List.of(
                Route.of("GET", "/health", Access.OPEN, Way.PLAIN, _ -> Reply.json(200, new JsonObject())),
                Route.of("POST", "/things", Access.WRITE, Way.JSON, call -> {
                    Body body = Body.parse(call.content());
                    call.mustSee(body.id("vm"));
                    body.number("workers", 1, 64);
                    body.text("name", 8);
                    body.truth("quick");
                    body.time("at");
                    body.object("more");
                    body.end();
                    return Reply.json(201, new JsonObject());
                }),
                Route.of("DELETE", "/things/{id}", Access.ADMIN, Way.PLAIN, call -> {
                    call.id("id");
                    return Reply.nothing();
                }),
                Route.of("GET", "/endless/{id}", Access.LOOK, Way.STREAM, call -> {
                    OutputStream out = call.begin("text/plain");
                    while (true) {
                        out.write(new byte[1 << 16]);
                    }
                }),
                Route.of("GET", "/broken/{id}", Access.LOOK, Way.PLAIN, _ -> {
                    throw new IOException("Broken pipe");
                }),
                Route.of("POST", "/long", Access.WRITE, Way.LONG, _ -> {
                    awaitRelease();
                    return Reply.json(200, new JsonObject());
                }));
    }

    private void awaitRelease() {
        try {
            assertTrue(release.await(30, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @AfterEach
    void stop() {
        release.countDown();
        server.close();
    }

    /** The same words of the system, once of the client's connection and once of something of the hub's own. */
    @Test
    void aClientThatHangsUpIsNoFailureOfTheHubAndAFailureNamesItsRequest() throws Exception {
        List<LogRecord> logged = new CopyOnWriteArrayList<>();
        Logger logger = Logger.getLogger("io.migratekit.hub");
        Handler ears = AlarmsTest.ears(logged::add);
        Level before = logger.getLevel();
        logger.setLevel(Level.FINE);
        logger.addHandler(ears);
        try {
            try (Socket socket = new Socket(LOOPBACK, URI.create(base).getPort())) {
                socket.getOutputStream().write(RawHttp.request("GET", "/endless/one", admin, "", new byte[0]));
                assertEquals('H', socket.getInputStream().read());
            }
            Waiting.until(
                    "that it left is logged",
                    Duration.ofSeconds(20),
                    () -> logged.stream()
                            .anyMatch(one -> one.getLevel().equals(Level.FINE)
                                    && one.getMessage().contains("request=GET /endless/one the client hung up")));
            assertEquals(List.of(), errors(logged));
            problem(500, ask("GET", "/broken/two", admin, ""));
            assertEquals(
                    List.of("request=GET /broken/two status=500 java.io.IOException: Broken pipe"), errors(logged));
        } finally {
            logger.removeHandler(ears);
            logger.setLevel(before);
        }
    }

    private static List<String> errors(List<LogRecord> logged) {
        return logged.stream()
                .filter(one -> one.getLevel().intValue() > Level.INFO.intValue())
                .map(LogRecord::getMessage)
                .toList();
    }

    @Test
    void aRequestWithoutATokenIsRefusedExceptForHealth() throws Exception {
        assertEquals(200, ask("GET", "/health", "", "").statusCode());
        problem(401, ask("POST", "/things", "", "{}"));
        problem(401, ask("POST", "/things", admin + "x", "{}"));
        assertEquals(201, ask("POST", "/things", admin, "{\"vm\":\"vm-2\"}").statusCode());
    }

    @Test
    void anAgentWritesItsOwnVmsAndDeletesNothing() throws Exception {
        assertEquals(201, ask("POST", "/things", agent, "{\"vm\":\"vm-1\"}").statusCode());
        problem(403, ask("POST", "/things", agent, "{\"vm\":\"vm-2\"}"));
        problem(403, ask("DELETE", "/things/a", agent, ""));
        assertEquals(204, ask("DELETE", "/things/a", admin, "").statusCode());
    }

    @Test
    void aTokenThatIsTakenAwayIsRefusedAtOnce() throws Exception {
        new Tokens(folder).remove("agent");
        problem(401, ask("POST", "/things", agent, "{\"vm\":\"vm-1\"}"));
        assertFalse(Files.readString(folder.resolve("tokens.json")).contains(admin));
    }

    @Test
    void whatTheContractDoesNotAllowIsABadRequest() throws Exception {
        String deep = "{\"more\":".repeat(2000) + "{}" + "}".repeat(2000);
        for (String wrong : List.of(
                "",
                "[]",
                "null",
                "{",
                "{\"vm\":\"vm-1\"} {}",
                "{\"vm\":1}",
                "{\"vm\":null}",
                "{}",
                "{\"vm\":\"../../etc\"}",
                "{\"vm\":\"" + "a".repeat(65) + "\"}",
                "{\"vm\":\"vm-1\",\"workers\":0}",
                "{\"vm\":\"vm-1\",\"workers\":1.5}",
                "{\"vm\":\"vm-1\",\"workers\":1e2}",
                "{\"vm\":\"vm-1\",\"workers\":99999999999999999999999999}",
                "{\"vm\":\"vm-1\",\"workers\":\"4\"}",
                "{\"vm\":\"vm-1\",\"name\":\"123456789\"}",
                "{\"vm\":\"vm-1\",\"quick\":\"true\"}",
                "{\"vm\":\"vm-1\",\"at\":\"yesterday\"}",
                "{\"vm\":\"vm-1\",\"more\":[]}",
                "{\"vm\":\"vm-1\",\"wokers\":4}",
                "{'vm':'vm-1'}",
                deep)) {
            problem(400, ask("POST", "/things", admin, wrong));
        }
    }

    @Test
    void strangePathsAreProblems() throws Exception {
        problem(404, ask("GET", "/nothing", "", ""));
        problem(405, ask("GET", "/things", admin, ""));
        problem(400, ask("DELETE", "/things/a%00b", admin, ""));
        problem(400, ask("DELETE", "/things/..%2F..%2Fetc", admin, ""));
        problem(400, ask("DELETE", "/things/" + "a".repeat(100), admin, ""));
        problem(404, ask("DELETE", "/things/a/b", admin, ""));
    }

    @Test
    void aHugeContentIsRefusedAndTheNextOneServed() throws Exception {
        problem(413, ask("POST", "/things", admin, "{\"name\":\"" + "x".repeat(5 << 20) + "\"}"));
        assertEquals(200, ask("GET", "/health", "", "").statusCode());
    }

    @Test
    void slowClientsAndLongWorkKeepNobodyWaiting() throws Exception {
        List<Socket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 100; i++) {
                Socket socket = new Socket(LOOPBACK, URI.create(base).getPort());
                socket.getOutputStream()
                        .write(("POST /things HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + admin
                                        + "\r\nContent-Length: 1000\r\n\r\n{")
                                .getBytes(StandardCharsets.US_ASCII));
                slow.add(socket);
            }
            List<CompletableFuture<HttpResponse<String>>> longOnes = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                longOnes.add(
                        http.sendAsync(request("POST", "/long", admin, "{}"), HttpResponse.BodyHandlers.ofString()));
            }
            long start = System.nanoTime();
            assertEquals(200, ask("GET", "/health", "", "").statusCode());
            assertEquals(201, ask("POST", "/things", admin, "{\"vm\":\"vm-2\"}").statusCode());
            long millis = (System.nanoTime() - start) / 1_000_000;
            assertTrue(millis < 5000, "it took " + millis + " ms");
            TimeUnit.SECONDS.sleep(
                    6); // Long enough for an interim response, which the client must not take for the answer.
            release.countDown();
            for (var one : longOnes) {
                assertEquals(200, one.get(20, TimeUnit.SECONDS).statusCode());
            }
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }

    @Test
    void whatIsNoHttpIsAnsweredAndLeavesNothing() throws Exception {
        try (Socket socket = new Socket(LOOPBACK, URI.create(base).getPort())) {
            socket.setSoTimeout(5000);
            socket.getOutputStream().write("\0\1\2 nonsense\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(answer.startsWith("HTTP/1.1 400"), answer);
            assertFalse(answer.contains("at org."), answer);
        }
    }

    @Test
    void theUnixSocketNeedsNoTokenAndLetsNobodyElseIn() throws Exception {
        Path socket = folder.resolve("hub.sock");
        assertEquals(PosixFilePermissions.fromString("rw-------"), Files.getPosixFilePermissions(socket));
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            channel.write(ByteBuffer.wrap("DELETE /things/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
                    .getBytes(StandardCharsets.US_ASCII)));
            ByteBuffer answer = ByteBuffer.allocate(4096);
            channel.read(answer);
            assertTrue(new String(answer.array(), StandardCharsets.US_ASCII).startsWith("HTTP/1.1 204"));
        }
    }

    private static void problem(int status, HttpResponse<String> answer) {
        assertEquals(status, answer.statusCode(), answer.body());
        assertEquals(
                "application/problem+json",
                answer.headers().firstValue("Content-Type").orElse(""));
        JsonObject problem = JsonParser.parseString(answer.body()).getAsJsonObject();
        assertTrue(problem.get("type").getAsString().startsWith("urn:migratekit:hub:"), answer.body());
        assertEquals(status, problem.get("status").getAsInt());
        assertFalse(answer.body().contains("Exception"), answer.body());
    }

    private HttpResponse<String> ask(String method, String path, String token, String content) throws Exception {
        return http.send(request(method, path, token, content), HttpResponse.BodyHandlers.ofString());
    }

    private HttpRequest request(String method, String path, String token, String content) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path))
                .timeout(Duration.ofSeconds(30))
                .method(method, HttpRequest.BodyPublishers.ofString(content));
        if (!token.isEmpty()) {
            request.header("Authorization", "Bearer " + token);
        }
        return request.build();
    }
}
