package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpServer;
import io.migratekit.hub.Alarms;
import io.migratekit.hub.Hub;
import io.migratekit.hub.Verifying;
import io.migratekit.hub.Webhook;
import io.migratekit.hub.api.HubServer.Listen;
import io.migratekit.hub.control.Control;
import io.migratekit.hub.control.Queue;
import io.migratekit.hub.export.Places;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/** A hub that looks after alarms several times a second, and a server that takes what it posts. */
final class AlarmLab implements AutoCloseable {
    static final int MIB = 1 << 20;
    static final Duration SOON = Duration.ofSeconds(30);
    static final Duration OFTEN = Duration.ofMillis(100);
    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");

    private final Path folder;
    private final HttpServer hook;
    private final List<JsonObject> posted = new CopyOnWriteArrayList<>();
    private final Hub.Habits habits;
    private final String token;
    private HubService hub;

    /** What makes an alarm, and what is verified without being asked. */
    record Wanted(Duration noGoodPointFor, Duration spaceFor, long reserveBytes, Verifying.Habit verifying) {
        static Wanted noGoodPointFor(Duration time) {
            return new Wanted(time, Duration.ZERO, 0, Verifying.Habit.NONE);
        }

        static Wanted verifying(Duration every, long bytesPerSecond) {
            return new Wanted(Duration.ZERO, Duration.ZERO, 0, new Verifying.Habit(every, bytesPerSecond, OFTEN));
        }

        static Wanted spaceFor(Duration time, long reserveBytes) {
            return new Wanted(Duration.ZERO, time, reserveBytes, Verifying.Habit.NONE);
        }
    }

    AlarmLab(Path folder, Wanted wanted) throws IOException {
        this(folder, wanted, Optional.empty());
    }

    /** @param elsewhere takes the alarms instead of our own server */
    AlarmLab(Path folder, Wanted wanted, Optional<URI> elsewhere) throws IOException {
        this.folder = folder;
        hook = HttpServer.create(new InetSocketAddress(LOOPBACK, 0), 0);
        hook.createContext("/", exchange -> {
            String content = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            posted.add(JsonParser.parseString(content).getAsJsonObject());
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        hook.start();
        URI address = elsewhere.orElseGet(
                () -> URI.create("http://127.0.0.1:" + hook.getAddress().getPort() + "/hook?key=open-sesame"));
        habits = new Hub.Habits(
                wanted.verifying(),
                new Alarms.Settings(
                        wanted.noGoodPointFor(),
                        wanted.spaceFor(),
                        wanted.reserveBytes(),
                        Optional.of(new Webhook(address)),
                        OFTEN));
        hub = start();
        token = new Tokens(repository()).add("boss", Tokens.Scope.ADMIN, Set.of());
    }

    private HubService start() throws IOException {
        return HubService.start(new HubSettings(
                repository(),
                List.of(new Listen.Tcp(new InetSocketAddress(LOOPBACK, 0))),
                new Places.Sockets(folder.resolve("x")),
                Duration.ZERO,
                0,
                habits,
                new Control.Embedded(),
                Queue.LOST_AFTER,
                "test"));
    }

    Path repository() {
        return folder.resolve("repository");
    }

    void stop() {
        hub.close();
    }

    void startAgain() throws IOException {
        hub = start();
    }

    /** What came to the server: the kind of alarm, and whether it begins or ended. */
    List<String> posted() {
        return posted.stream()
                .map(one ->
                        one.get("alarm").getAsString() + " " + one.get("what").getAsString())
                .toList();
    }

    List<JsonObject> contents() {
        return List.copyOf(posted);
    }

    /** A whole restore point of a disk of 8 MiB, of which so much is written. */
    void point(String id, Instant takenAt, int writtenMib) throws IOException {
        JsonObject opened = answer(
                201,
                "POST",
                "/api/v1/backups",
                LiveHub.starting(id, "vm-1").replace("\"capacityBytes\":" + MIB, "\"capacityBytes\":" + 8 * MIB));
        Tool.run("qemu-io", "-f", "raw", "-c", "write -P 7 0 " + writtenMib + "M", export(opened));
        answer(
                200,
                "POST",
                "/api/v1/backups/" + id + "/seal",
                "{\"takenAt\":\"" + takenAt + "\",\"disks\":[{\"key\":2000}]}");
    }

    void remove(String id) throws IOException {
        answer(204, "DELETE", "/api/v1/backups/" + id + "?merge=true", "");
    }

    private static String export(JsonObject opened) {
        return disk(opened).get("export").getAsString();
    }

    private static JsonObject disk(JsonObject backup) {
        return backup.getAsJsonArray("disks").get(0).getAsJsonObject();
    }

    /** Writes below the hub: bytes of this value into the first cell of a restore point's layer. */
    void scribble(String id, int value) throws IOException {
        Path layer = repository()
                .resolve(disk(answer(200, "GET", "/api/v1/backups/" + id, ""))
                        .get("layer")
                        .getAsString());
        Tool.run("chmod", "u+w", layer.toString());
        Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P " + value + " 4096 512", layer.toString());
        Tool.run("chmod", "u-w", layer.toString());
    }

    /** What the VM's entry says of alarms. */
    List<String> alarms() throws IOException {
        JsonObject vm = answer(200, "GET", "/api/v1/vms", "")
                .getAsJsonArray("vms")
                .get(0)
                .getAsJsonObject();
        return vm.getAsJsonArray("alarms").asList().stream()
                .map(JsonElement::getAsString)
                .toList();
    }

    JsonObject backup(String id) throws IOException {
        return answer(200, "GET", "/api/v1/backups/" + id, "");
    }

    /** One number of the metrics; -1 if it is not among them. */
    long metric(String name) throws IOException {
        String metrics = RawHttp.send(base(), RawHttp.request("GET", "/metrics", token, "", new byte[0]))
                .body();
        return metrics.lines()
                .filter(line -> line.matches("migratekit_hub_" + name + "(\\{.*})? .*"))
                .map(line -> Long.parseLong(line.substring(line.lastIndexOf(' ') + 1)))
                .findFirst()
                .orElse(-1L);
    }

    private String base() {
        return hub.addresses().getFirst();
    }

    JsonObject answer(int status, String method, String target, String content) throws IOException {
        RawHttp.Answer answer = RawHttp.send(
                base(), RawHttp.request(method, target, token, "", content.getBytes(StandardCharsets.UTF_8)));
        assertEquals(status, answer.status(), answer::body);
        return answer.body().isEmpty()
                ? new JsonObject()
                : JsonParser.parseString(answer.body()).getAsJsonObject();
    }

    /** How much room there is, as the hub counts it. */
    long freeBytes() throws IOException {
        return Files.getFileStore(repository()).getUsableSpace();
    }

    @Override
    public void close() {
        hub.close();
        hook.stop(0);
    }
}
