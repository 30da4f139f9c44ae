package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.migratekit.hub.Hub;
import io.migratekit.hub.api.HubServer.Listen;
import io.migratekit.hub.api.RawHttp.Answer;
import io.migratekit.hub.control.Control;
import io.migratekit.hub.control.Queue;
import io.migratekit.hub.export.Places;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** A whole hub with real exports in a folder, with tokens of each kind: what tests attack. */
final class LiveHub implements AutoCloseable {
    static final int MIB = 1 << 20;

    final Path folder;
    final String admin;
    final String reader;
    /** For vm-1 and no other. */
    final String agent;

    private final Places places;
    private HubService service;

    private LiveHub(Path folder, Places places) throws IOException {
        this.folder = folder;
        this.places = places;
        this.service = start();
        Tokens tokens = new Tokens(repository());
        admin = tokens.add("boss", Tokens.Scope.ADMIN, Set.of());
        reader = tokens.add("onlooker", Tokens.Scope.READ, Set.of());
        agent = tokens.add("agent", Tokens.Scope.AGENT, Set.of("vm-1"));
    }

    static LiveHub in(Path folder) throws IOException {
        return new LiveHub(folder, new Places.Sockets(folder.resolve("x")));
    }

    private HubService start() throws IOException {
        return HubService.start(new HubSettings(
                repository(),
                List.of(new Listen.Tcp(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))),
                places,
                Duration.ZERO,
                MIB,
                Hub.Habits.NONE,
                new Control.Embedded(),
                Queue.LOST_AFTER,
                "test"));
    }

    /** Ends it in good order; somebody may come in between. */
    void restart(Between between) throws IOException {
        service.close();
        between.run();
        service = start();
    }

    interface Between {
        void run() throws IOException;
    }

    Path repository() {
        return folder.resolve("repository");
    }

    String base() {
        return service.addresses().getFirst();
    }

    Answer ask(String method, String target, String token, String content) throws IOException {
        return RawHttp.send(
                base(), RawHttp.request(method, target, token, "", content.getBytes(StandardCharsets.UTF_8)));
    }

    /** Asks as the administrator, and insists on the status. */
    JsonObject answer(int status, String method, String target, String content) throws IOException {
        Answer answer = ask(method, target, admin, content);
        assertEquals(status, answer.status(), answer.body());
        return answer.body().isEmpty()
                ? new JsonObject()
                : JsonParser.parseString(answer.body()).getAsJsonObject();
    }

    static String starting(String id, String vm) {
        return "{\"id\":\"" + id + "\",\"vm\":\"" + vm + "\",\"name\":\"name-of-" + vm
                + "\",\"disks\":[{\"key\":2000,\"capacityBytes\":" + MIB + "}]}";
    }

    static String sealing() {
        return "{\"disks\":[{\"key\":2000}]}";
    }

    /** The processes that serve, as the hub has noted them for one that comes after it. */
    List<Long> exportPids() throws IOException {
        return noted().stream().map(one -> one.get("pid").getAsLong()).toList();
    }

    long exportPid(String backup) throws IOException {
        return noted().stream()
                .filter(one -> one.get("backup").getAsString().equals(backup))
                .findFirst()
                .orElseThrow()
                .get("pid")
                .getAsLong();
    }

    private List<JsonObject> noted() throws IOException {
        return JsonParser.parseString(Files.readString(repository().resolve("exports.json")))
                .getAsJsonObject()
                .getAsJsonArray("exports")
                .asList()
                .stream()
                .map(JsonElement::getAsJsonObject)
                .toList();
    }

    /**
     * Every file below the folder with a hash of its content; qcow2 files, which servers hold, and the database, which writes when
     * it likes, by their names alone.
     */
    Set<String> files() throws IOException {
        Set<String> all = new TreeSet<>();
        try (Stream<Path> walk = Files.walk(folder)) {
            for (Path file : walk.toList()) {
                String name = folder.relativize(file).toString();
                if (name.endsWith(".trace.db") || name.endsWith(".tempFile")) {
                    continue;
                }
                all.add(
                        Files.isRegularFile(file) && !name.endsWith(".qcow2") && !name.contains("control/")
                                ? name + " " + hash(file)
                                : name);
            }
        }
        return all;
    }

    private static String hash(Path file) throws IOException {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        service.close();
    }
}
