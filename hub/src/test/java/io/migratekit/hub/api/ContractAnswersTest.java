package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.migratekit.hub.api.Contract.Operation;
import io.migratekit.hub.api.RawHttp.Answer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is what hub/openapi.yaml allows answered as it says, and only to who may see it? */
class ContractAnswersTest {
    @TempDir
    private Path folder;

    @SuppressWarnings("NullAway.Init") // Before each test.
    private Attack attack;

    @SuppressWarnings("NullAway.Init")
    private LiveHub hub;

    @BeforeEach
    void serve() throws IOException {
        attack = Attack.on(folder);
        hub = attack.hub;
    }

    @AfterEach
    void stop() {
        attack.close();
    }

    @Test
    void anotherVmsTokenSeesAndChangesNothing() throws IOException {
        Set<String> before = hub.files();
        Map<String, String> theirs = Map.of("id", "open-2", "vm", "vm-2", "job", "job-2", "agent", "agent-2");
        for (Operation operation : attack.operations()) {
            String target = Attack.target(operation, theirs);
            String content = operation.request().isPresent()
                    ? WrongContents.right(
                                    attack.contract,
                                    operation.request().get(),
                                    Map.of(
                                            "id",
                                            "\"open-2\"",
                                            "vm",
                                            "\"vm-2\"",
                                            "key",
                                            "2000",
                                            "capacityBytes",
                                            "1048576"))
                            .toString()
                    : "";
            if (operation.isOpen() || operation.path().equals("/api/v1/events")) {
                continue;
            }
            Answer answer = hub.ask(operation.method(), target, hub.agent, content);
            if (operation.parameters().stream()
                            .anyMatch(one -> one.get("in").getAsString().equals("path"))
                    || !operation.method().equals("GET")
                    || operation.path().equals("/metrics")) {
                attack.refused(Set.of(403), operation + " for another's agent", answer);
            }
            assertFalse((answer.head() + answer.body()).contains("name-of-vm-2"), operation + " tells: " + answer);
            if (!operation.method().equals("GET")) {
                attack.refused(
                        Set.of(403),
                        operation + " for an onlooker",
                        hub.ask(operation.method(), target, hub.reader, content));
            }
        }
        attack.refused(Set.of(403), "a list of another VM", hub.ask("GET", "/api/v1/backups?vm=vm-2", hub.agent, ""));
        // The id is somebody else's, the VM its own.
        Answer taken = hub.ask("POST", "/api/v1/backups", hub.agent, LiveHub.starting("open-2", "vm-1"));
        attack.refused(Set.of(403), "another VM's id", taken);
        assertFalse(taken.body().contains("vm-2"), taken.body());
        assertEquals(before, hub.files());
    }

    @Test
    void whatTheContractAllowsIsAnsweredAsItSays() throws IOException {
        Set<String> right = new TreeSet<>();
        for (int i = 0; i < 40; i++) {
            Operation operation = attack.operation("PUT", "/api/v1/vms/{vm}");
            JsonObject content = randomOf(operation.request().orElseThrow()).getAsJsonObject();
            right.add(conforms(operation, Attack.target(operation), content.toString()));
        }
        String id = "i".repeat(64);
        Operation start = attack.operation("POST", "/api/v1/backups");
        JsonObject content =
                JsonParser.parseString(LiveHub.starting(id, "v".repeat(64))).getAsJsonObject();
        content.getAsJsonArray("disks").get(0).getAsJsonObject().addProperty("key", 999_999_999);
        right.add(conforms(start, "/api/v1/backups", content.toString()));
        for (Operation operation : attack.operations()) {
            if (operation.method().equals("GET") && !operation.path().equals("/api/v1/events")) {
                right.add(conforms(operation, Attack.target(operation), ""));
                right.add(conforms(operation, Attack.target(operation, Map.of("id", "point-1")), ""));
            }
        }
        right.addAll(jobsAndAgents());
        Operation verify = attack.operation("POST", "/api/v1/vms/{vm}/verify");
        right.add(conforms(verify, Attack.target(verify), "{\"backup\":\"point-1\",\"olderThanSeconds\":0}"));
        Operation read = attack.operation("PUT", "/api/v1/backups/{id}/readings/{reading}");
        Map<String, String> point = Map.of("id", "point-1");
        right.add(conforms(read, Attack.target(read, point), ""));
        right.add(conforms(read, Attack.target(read, point), "{\"disks\":[{\"key\":2000}],\"workers\":2}"));
        Operation end = attack.operation("DELETE", "/api/v1/backups/{id}/readings/{reading}");
        right.add(conforms(end, Attack.target(end, point), ""));
        for (String step : List.of("heartbeat", "seal", "abandon")) {
            Operation operation = attack.operation("POST", "/api/v1/backups/{id}/" + step);
            right.add(conforms(operation, Attack.target(operation), step.equals("seal") ? LiveHub.sealing() : ""));
            if (step.equals("heartbeat")) {
                Operation leave = attack.operation("DELETE", "/api/v1/backups/{id}/heartbeat");
                right.add(conforms(leave, Attack.target(leave), ""));
            }
            if (step.equals("seal")) {
                Operation prune = attack.operation("POST", "/api/v1/vms/{vm}/prune");
                for (boolean apply : List.of(false, true)) {
                    String policy = "{\"keep\":{\"last\":1},\"apply\":" + apply + "}";
                    right.add(conforms(prune, Attack.target(prune), policy));
                }
                operation = attack.operation("DELETE", "/api/v1/backups/{id}");
                right.add(conforms(operation, Attack.target(operation), ""));
            }
        }
        right.removeIf(String::isEmpty);
        // Not among them: hashes that are put, the stream of events, and two for which an agent has to live
        // (AgentServeIT).
        assertEquals(attack.operations().size() - 4, right.size(), right + " of " + attack.operations());
    }

    private List<String> jobsAndAgents() throws IOException {
        List<String> right = new ArrayList<>();
        Operation poll = attack.operation("POST", "/api/v1/agents/{agent}/poll");
        right.add(conforms(poll, Attack.target(poll), "{\"version\":\"1\",\"slots\":2,\"jobs\":[]}"));
        Operation saw = attack.operation("PUT", "/api/v1/agents/{agent}/vms");
        String vms =
                "[{\"vm\":\"vm-3\",\"name\":\"c\",\"host\":\"esx1\",\"datastores\":[{\"name\":\"ds1\"}],\"disks\":1}]";
        right.add(conforms(saw, Attack.target(saw), "{\"vcenter\":\"vc\",\"vms\":" + vms + "}"));
        Operation start = attack.operation("POST", "/api/v1/backups");
        right.add(conforms(start, "/api/v1/backups", "{\"id\":\"job-3\",\"vm\":\"name-of-vm-3\"}"));
        String report = "[{\"job\":\"job-3\",\"vm\":\"vm-3\",\"said\":\"copying\"}]";
        right.add(conforms(
                poll,
                Attack.target(poll),
                "{\"version\":\"1\",\"slots\":2,\"waitSeconds\":5,\"jobs\":" + report + "}"));
        Operation discover = attack.operation("POST", "/api/v1/agents/{agent}/discover");
        right.add(conforms(discover, Attack.target(discover), ""));
        Operation limits = attack.operation("PUT", "/api/v1/limits");
        String only = "[{\"name\":\"host:esx1\",\"most\":2}]";
        right.add(conforms(
                limits,
                "/api/v1/limits",
                "{\"hub\":4,\"vcenter\":4,\"host\":4,\"datastore\":4,\"only\":" + only + "}"));
        Operation schedule = attack.operation("PUT", "/api/v1/schedules/{schedule}");
        String nightly = "{\"cron\":\"30 22 * * *\",\"zone\":\"Europe/Berlin\",\"vms\":[{\"pattern\":\"web*\"}]}";
        right.add(conforms(schedule, Attack.target(schedule), nightly));
        for (String path : List.of(
                "/api/v1/jobs", "/api/v1/jobs/{job}", "/api/v1/agents", "/api/v1/schedules", "/api/v1/limits")) {
            Operation look = attack.operation("GET", path);
            right.add(conforms(look, Attack.target(look, Map.of("job", "job-3")), ""));
        }
        Operation cancel = attack.operation("DELETE", "/api/v1/jobs/{job}");
        right.add(conforms(cancel, Attack.target(cancel), ""));
        Operation move = attack.operation("PUT", "/api/v1/vms/{vm}/place");
        String hubId = hub.answer(200, "GET", "/health", "").get("repository").getAsString();
        right.add(conforms(move, Attack.target(move, Map.of("vm", "vm-9")), "{\"hub\":\"" + hubId + "\"}"));
        Operation unset = attack.operation("DELETE", "/api/v1/schedules/{schedule}");
        right.add(conforms(unset, Attack.target(unset), ""));
        return right;
    }

    /** The operation, if it was a success that is as the contract says; a refusal must be one that has a word. */
    private String conforms(Operation operation, String target, String content) throws IOException {
        Answer answer = hub.ask(operation.method(), target, hub.admin, content);
        String what = operation + " " + target + " " + content + " -> " + answer;
        if (answer.status() >= 300) {
            attack.refused(Set.of(404, 409), what, answer);
            return "";
        }
        assertTrue(operation.answers().containsKey(answer.status()), what);
        Optional<JsonObject> schema = operation.answers().getOrDefault(answer.status(), Optional.empty());
        if (schema.isPresent()) {
            assertEquals("application/json", answer.header("Content-Type"), what);
            assertEquals(
                    Optional.empty(),
                    attack.schemas.mistake(schema.get(), JsonParser.parseString(answer.body())),
                    what);
        }
        return operation.toString();
    }

    private JsonElement randomOf(JsonObject schema) {
        JsonObject right =
                WrongContents.right(attack.contract, schema, Attack.IDS).getAsJsonObject();
        for (String name : new ArrayList<>(right.keySet())) {
            JsonObject field = attack.contract.followed(
                    schema.getAsJsonObject("properties").get(name));
            boolean needed = schema.getAsJsonArray("required").contains(new JsonPrimitive(name));
            if (!needed && attack.random.nextBoolean()) {
                right.remove(name);
            } else if (field.get("type").getAsString().equals("string")
                    && !field.has("pattern")
                    && !field.has("enum")) {
                right.addProperty(name, randomText(attack.random.nextInt(256)));
            } else if (field.get("type").getAsString().equals("object")) {
                right.add(
                        name,
                        JsonParser.parseString(
                                "{\"a\":[1e400,null,{\"\":\"\\u0000\"}],\"ä\":" + attack.random.nextLong() + "}"));
            }
        }
        return right;
    }

    private String randomText(int codePoints) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < codePoints; i++) {
            int codePoint =
                    attack.random.nextInt(4) == 0 ? attack.random.nextInt(0x10_0000) : attack.random.nextInt(0x180);
            text.appendCodePoint(codePoint >= 0xd800 && codePoint < 0xe000 ? 'x' : codePoint);
        }
        return text.toString();
    }
}
