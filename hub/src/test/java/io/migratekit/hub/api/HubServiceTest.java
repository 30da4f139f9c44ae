package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.hub.Hub;
import io.migratekit.hub.api.HubServer.Listen;
import io.migratekit.hub.control.Control;
import io.migratekit.hub.control.Queue;
import io.migratekit.hub.export.Places;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Does a backup get from a start to a restore point, over HTTP, with real exports that real clients write into? */
class HubServiceTest {
    private static final int MIB = 1 << 20;

    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    @TempDir
    private Path folder;

    @SuppressWarnings("NullAway.Init") // Before each test.
    private HubService hub;

    private String token = "";

    @BeforeEach
    void serve() throws IOException {
        hub = start();
        token = new Tokens(repository()).add("boss", Tokens.Scope.ADMIN, Set.of());
    }

    private Path repository() {
        return folder.resolve("repository");
    }

    private HubService start() throws IOException {
        return HubService.start(new HubSettings(
                repository(),
                List.of(new Listen.Tcp(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))),
                new Places.Sockets(folder.resolve("x")),
                Duration.ZERO,
                MIB,
                Hub.Habits.NONE,
                new Control.Embedded(),
                Queue.LOST_AFTER,
                "test"));
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    @Test
    void aFullBackupThenAnIncrementHoldWhatWasWritten() throws Exception {
        JsonObject first = answer(201, "POST", "/api/v1/backups", starting("b1"));
        assertEquals("full", disk(first).get("kind").getAsString());
        assertEquals(5, disk(first).get("slots").getAsInt());
        write(first, "write -P 0x11 0 1M", "write -P 0x22 2M 64k");
        JsonObject sealed = seal("b1");
        assertEquals("sealed", sealed.get("state").getAsString());
        assertTrue(sealed.get("complete").getAsBoolean());
        assertEquals("hub", disk(sealed).get("hashedBy").getAsString());
        assertEquals(sealed, seal("b1"), "sealing again changes nothing");

        JsonObject second = answer(201, "POST", "/api/v1/backups", starting("b2"));
        assertEquals("incremental", disk(second).get("kind").getAsString());
        JsonObject parent = disk(second).getAsJsonObject("parent");
        assertEquals("b1", parent.get("backup").getAsString());
        assertEquals("id-1", parent.getAsJsonObject("moment").get("changeId").getAsString());
        write(second, "write -P 0x33 512k 64k");
        seal("b2");

        assertHolds(sealed, "write -P 0x11 0 1M", "write -P 0x22 2M 64k");
        assertHolds(
                answer(200, "GET", "/api/v1/backups/b2", ""),
                "write -P 0x11 0 1M",
                "write -P 0x22 2M 64k",
                "write -P 0x33 512k 64k");
        assertEquals(
                2,
                answer(200, "GET", "/api/v1/vms/vm-1/chain", "")
                        .getAsJsonArray("disks")
                        .get(0)
                        .getAsJsonObject()
                        .getAsJsonArray("layers")
                        .size());
        problem(409, "has-increments", "DELETE", "/api/v1/backups/b1", "");
        assertEquals(204, ask("DELETE", "/api/v1/backups/b2", "").statusCode());
        assertEquals(204, ask("DELETE", "/api/v1/backups/b1", "").statusCode());
        problem(404, "not-found", "GET", "/api/v1/backups/b1", "");
    }

    @Test
    void aPointOnWhichOthersStandIsMergedIntoThem() throws Exception {
        write(answer(201, "POST", "/api/v1/backups", starting("b1")), "write -P 0x11 0 2M");
        seal("b1");
        write(answer(201, "POST", "/api/v1/backups", starting("b2")), "write -P 0x22 1M 64k", "write -z 0 64k");
        String root = disk(seal("b2")).get("root").getAsString();
        write(answer(201, "POST", "/api/v1/backups", starting("b3")), "write -P 0x33 3M 64k");
        problem(409, "locked", "DELETE", "/api/v1/backups/b1?merge=true", "");
        seal("b3");
        assertEquals(204, ask("DELETE", "/api/v1/backups/b1?merge=true", "").statusCode());
        problem(404, "not-found", "DELETE", "/api/v1/backups/b1?merge=true", "");
        JsonObject merged = answer(200, "GET", "/api/v1/backups/b2", "");
        assertEquals("full", disk(merged).get("kind").getAsString());
        assertEquals(root, disk(merged).get("root").getAsString());
        assertHolds(merged, "write -P 0x11 64k 1984k", "write -P 0x22 1M 64k");
        assertHolds(
                answer(200, "GET", "/api/v1/backups/b3", ""),
                "write -P 0x11 64k 1984k",
                "write -P 0x22 1M 64k",
                "write -P 0x33 3M 64k");
        write(answer(201, "POST", "/api/v1/backups", starting("b4")), "write -P 0x44 0 64k");
        assertEquals("incremental", disk(seal("b4")).get("kind").getAsString());
    }

    @Test
    void oneBackupOfAVmAtATimeAndTheSameIdGoesOnAfterARestart() throws Exception {
        JsonObject first = answer(201, "POST", "/api/v1/backups", starting("b1"));
        write(first, "write -P 0x11 0 1M");
        problem(409, "locked", "POST", "/api/v1/backups", starting("b2"));
        hub.close();
        hub = start();
        JsonObject again = answer(200, "POST", "/api/v1/backups", starting("b1"));
        assertEquals(disk(first).get("export"), disk(again).get("export"));
        write(again, "write -P 0x22 1M 1M");
        assertHolds(seal("b1"), "write -P 0x11 0 1M", "write -P 0x22 1M 1M");
        problem(409, "sealed", "POST", "/api/v1/backups", starting("b1"));
    }

    @Test
    void whatIsToBeFullAfterAllReplacesTheIncrement() throws Exception {
        write(answer(201, "POST", "/api/v1/backups", starting("b1")), "write -P 0x11 0 4M");
        seal("b1");
        write(answer(201, "POST", "/api/v1/backups", starting("b2")), "write -P 0x22 0 64k");
        String full = starting("b2").replace("\"key\":2000", "\"key\":2000,\"kind\":\"full\"");
        JsonObject replaced = answer(200, "POST", "/api/v1/backups", full);
        assertEquals("full", disk(replaced).get("kind").getAsString());
        assertFalse(disk(replaced).has("parent"));
        write(replaced, "write -P 0x33 1M 64k");
        assertHolds(seal("b2"), "write -P 0x33 1M 64k");
    }

    @Test
    void anAbandonedBackupLeavesNothing() throws Exception {
        JsonObject first = answer(201, "POST", "/api/v1/backups", starting("b1"));
        Path layer = repository().resolve(disk(first).get("layer").getAsString());
        assertTrue(Files.exists(layer));
        assertEquals(204, ask("POST", "/api/v1/backups/b1/abandon", "").statusCode());
        assertEquals(204, ask("POST", "/api/v1/backups/b1/abandon", "").statusCode());
        assertFalse(Files.exists(layer));
        problem(404, "not-found", "POST", "/api/v1/backups/b1/heartbeat", "");
    }

    @Test
    void aSizeThatNoDiskHasIsTheClientsMistake() throws Exception {
        for (String size : List.of("0", "-1", "1000", "9223372036854775807", "1e30", "\"4M\"")) {
            String wrong = starting("b1").replace(Integer.toString(4 * MIB), size);
            problem(400, "bad-request", "POST", "/api/v1/backups", wrong);
        }
    }

    @Test
    void manyWhoStartTheSameGetTheSame() throws Exception {
        List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            all.add(http.sendAsync(
                    request("POST", "/api/v1/backups", starting("b1")), HttpResponse.BodyHandlers.ofString()));
        }
        Set<String> exports = new HashSet<>();
        int created = 0;
        for (CompletableFuture<HttpResponse<String>> one : all) {
            HttpResponse<String> response = one.get(60, TimeUnit.SECONDS);
            assertTrue(Set.of(200, 201).contains(response.statusCode()), response::body);
            created += response.statusCode() == 201 ? 1 : 0;
            exports.add(disk(json(response)).get("export").getAsString());
        }
        assertEquals(1, exports.size(), exports::toString);
        assertEquals(1, created);
    }

    @Test
    void theNumbersAreForPrometheus() throws Exception {
        answer(201, "POST", "/api/v1/backups", starting("b1"));
        String metrics = ask("GET", "/metrics", "").body();
        assertTrue(metrics.contains("\nmigratekit_hub_backups_open 1\n"), metrics);
        assertTrue(metrics.contains("\nmigratekit_hub_exports 1\n"), metrics);
    }

    /** What the contract names is answered by something else than "there is no such thing", and nothing else is. */
    @Test
    void theContractAndTheRoutesAreTheSame() throws Exception {
        Set<String> promised = new TreeSet<>();
        Matcher lines = Pattern.compile("(?m)^  (/\\S*):|^    (get|put|post|delete):|^(components):")
                .matcher(Files.readString(Path.of("openapi.yaml")));
        String path = "";
        while (lines.find() && lines.group(3) == null) {
            if (lines.group(1) != null) {
                path = lines.group(1);
            } else {
                promised.add(lines.group(2).toUpperCase(java.util.Locale.ROOT) + " " + path);
            }
        }
        Set<String> kept = new TreeSet<>();
        try (HubService other = hub) {
            assertTrue(other.isAlive());
            other.routes().forEach(route -> kept.add(route.method() + " " + route.path()));
        }
        assertEquals(promised, kept);
    }

    private static String starting(String id) {
        return "{\"id\":\"" + id + "\",\"vm\":\"vm-1\",\"name\":\"web\",\"disks\":[{\"key\":2000,\"capacityBytes\":"
                + 4 * MIB + "}]}";
    }

    private JsonObject seal(String id) throws Exception {
        return answer(
                200,
                "POST",
                "/api/v1/backups/" + id + "/seal",
                "{\"disks\":[{\"key\":2000,\"moment\":{\"changeId\":\"id-1\"}}]}");
    }

    private static JsonObject disk(JsonObject backup) {
        return backup.getAsJsonArray("disks").get(0).getAsJsonObject();
    }

    private static void write(JsonObject backup, String... commands) {
        Tool.run(words(commands, "raw", disk(backup).get("export").getAsString()));
    }

    /** The layer, read through its chain, is the disk that these commands make out of nothing. */
    private void assertHolds(JsonObject backup, String... commands) throws Exception {
        Path truth = folder.resolve("truth.raw");
        Files.deleteIfExists(truth);
        Tool.run("qemu-img", "create", "-q", "-f", "raw", truth.toString(), Long.toString(4 * MIB));
        Tool.run(words(commands, "raw", truth.toString()));
        Path layer = repository().resolve(disk(backup).get("layer").getAsString());
        Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", truth.toString(), layer.toString());
    }

    private static String[] words(String[] commands, String format, String what) {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", format));
        for (String command : commands) {
            words.addAll(List.of("-c", command));
        }
        words.add(what);
        return words.toArray(String[]::new);
    }

    private void problem(int status, String word, String method, String path, String content) throws Exception {
        HttpResponse<String> response = ask(method, path, content);
        assertEquals(status, response.statusCode(), response::body);
        assertEquals(
                "application/problem+json",
                response.headers().firstValue("content-type").orElse(""));
        assertEquals("urn:migratekit:hub:" + word, json(response).get("type").getAsString());
    }

    private JsonObject answer(int status, String method, String path, String content) throws Exception {
        HttpResponse<String> response = ask(method, path, content);
        assertEquals(status, response.statusCode(), response::body);
        return json(response);
    }

    private static JsonObject json(HttpResponse<String> response) {
        return JsonParser.parseString(response.body()).getAsJsonObject();
    }

    private HttpResponse<String> ask(String method, String path, String content) throws Exception {
        return http.send(request(method, path, content), HttpResponse.BodyHandlers.ofString());
    }

    private HttpRequest request(String method, String path, String content) {
        return HttpRequest.newBuilder(URI.create(hub.addresses().getFirst() + path))
                .timeout(Duration.ofSeconds(60))
                .header("Authorization", "Bearer " + token)
                .method(method, HttpRequest.BodyPublishers.ofString(content))
                .build();
    }
}
