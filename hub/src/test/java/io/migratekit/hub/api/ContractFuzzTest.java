package io.migratekit.hub.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.migratekit.hub.api.Contract.Operation;
import io.migratekit.hub.api.RawHttp.Answer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Is what hub/openapi.yaml forbids always a problem, soon, whatever it is, and does it change nothing? */
class ContractFuzzTest {
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
    void whatTheContractForbidsIsABadRequestAndChangesNothing() throws IOException {
        Set<String> before = hub.files();
        int asked = 0;
        for (Operation operation : attack.operations()) {
            if (operation.request().isPresent()) {
                JsonObject schema = operation.request().get();
                JsonObject right =
                        WrongContents.right(attack.contract, schema, Attack.IDS).getAsJsonObject();
                for (WrongContents.Wrong wrong : WrongContents.of(attack.schemas, schema, right, attack.random)) {
                    if (wrong.content().length > 0 || operation.contentRequired()) {
                        Answer answer = RawHttp.send(
                                hub.base(),
                                RawHttp.request(
                                        operation.method(), Attack.target(operation), hub.admin, "", wrong.content()));
                        attack.refused(Set.of(400), operation + ": " + wrong.what(), answer);
                        asked++;
                    }
                }
            }
        }
        assertTrue(asked > 500, "only " + asked);
        assertEquals(before, hub.files());
    }

    @Test
    void strangeParametersAndPathsAreProblemsAndChangeNothing() throws IOException {
        Set<String> before = hub.files();
        List<String> strange = new ArrayList<>(List.of(
                "..",
                ".",
                "%2e%2e",
                "%2E%2E%2f%2E%2E",
                "..%2f..%2fetc",
                "..%5c..",
                "..\\..",
                "%00",
                "a%00b",
                "%0d%0aX:y",
                "%",
                "%zz",
                "%c0%ae%c0%ae",
                "%e2%80%ae",
                "%ff",
                "a;b",
                ";",
                "-x",
                ".x",
                "x".repeat(65),
                "x".repeat(9000),
                "x".repeat(20_000),
                "a/b",
                "a//b",
                "//",
                "",
                "%20",
                "a%20b",
                "*",
                "~",
                "a?b=c",
                "%u0041",
                "ä"));
        for (int i = 0; i < 200; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = attack.random.nextInt(1, 12); n > 0; n--) {
                text.append(
                        attack.random.nextInt(3) == 0
                                ? strange.get(attack.random.nextInt(20))
                                : "%%%02x".formatted(attack.random.nextInt(256)));
            }
            strange.add(text.toString());
        }
        for (Operation operation : attack.operations()) {
            for (JsonObject parameter : operation.parameters()) {
                String name = parameter.get("name").getAsString();
                boolean inPath = parameter.get("in").getAsString().equals("path");
                JsonObject schema = attack.contract.followed(parameter.get("schema"));
                for (String value : strange) {
                    String target = inPath
                            ? Attack.target(operation, Map.of(name, value))
                            : Attack.target(operation) + "?" + name + "=" + value;
                    if (!mayMeanSomething(schema, value)) {
                        byte[] content = "{}".getBytes(StandardCharsets.UTF_8);
                        Answer answer = RawHttp.send(
                                hub.base(), RawHttp.request(operation.method(), target, hub.admin, "", content));
                        attack.refused(Attack.REFUSALS, operation + " with " + name + "=" + value, answer);
                    }
                }
            }
            for (String query :
                    List.of("?surplus=1", "?vm", "?vm=vm-1&vm=vm-1", "?merge=true&merge=true", "?%00", "?a=%zz")) {
                Answer answer = hub.ask(operation.method(), Attack.target(operation) + query, hub.admin, "{}");
                attack.refused(Attack.REFUSALS, operation + query, answer);
            }
        }
        assertEquals(before, hub.files());
    }

    /** Whether a server may take it for something that the contract allows: that would be no mistake of a client. */
    private boolean mayMeanSomething(JsonObject schema, String value) {
        if (value.contains("?")
                || attack.schemas.mistake(schema, new JsonPrimitive(value)).isEmpty()) {
            return true;
        }
        String name = value.replaceAll(";.*", "");
        return name.length() < 1000
                && name.matches("(%[0-9a-fA-F]{2}|[A-Za-z0-9._-])+")
                && new String(bytes(name), StandardCharsets.UTF_8)
                        .matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}|true|false");
    }

    private static byte[] bytes(String percents) {
        StringBuilder hex = new StringBuilder();
        for (int i = 0; i < percents.length(); i++) {
            if (percents.charAt(i) == '%') {
                hex.append(percents, i + 1, i + 3);
                i += 2;
            } else {
                hex.append("%02x".formatted((int) percents.charAt(i)));
            }
        }
        return HexFormat.of().parseHex(hex);
    }

    @Test
    void methodsTokensAndContentTypesThatAreWrongAreProblems() throws IOException {
        Set<String> before = hub.files();
        for (Operation operation : attack.operations()) {
            String target = Attack.target(operation);
            for (String method :
                    List.of("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get", "BREW")) {
                if (attack.operations().stream()
                        .noneMatch(
                                one -> one.method().equals(method) && one.path().equals(operation.path()))) {
                    Answer answer = hub.ask(method, target, hub.admin, "");
                    assertEquals(405, answer.status(), method + " " + target + " " + answer);
                }
            }
            if (operation.isOpen()) {
                continue;
            }
            for (String authorization : List.of(
                    "",
                    "Bearer",
                    "Bearer ",
                    "Bearer x",
                    "Bearer " + hub.admin + "x",
                    "Bearer " + hub.admin.substring(1),
                    "Basic " + hub.admin,
                    hub.admin,
                    "Bearer " + hub.admin + " " + hub.admin,
                    "Bearer " + "x".repeat(8000))) {
                Answer answer = RawHttp.send(
                        hub.base(),
                        RawHttp.request(
                                operation.method(),
                                target,
                                "",
                                "Authorization: " + authorization + "\r\n",
                                new byte[0]));
                attack.refused(Set.of(401), operation + " for " + authorization, answer);
            }
            if (operation.request().isPresent()) {
                for (String type : List.of(
                        "text/plain",
                        "application/x-www-form-urlencoded",
                        "application/jsonp",
                        "json",
                        "/",
                        "multipart/form-data; boundary=x",
                        "application/json; charset=utf-16")) {
                    Answer answer = RawHttp.send(
                            hub.base(),
                            RawHttp.request(
                                    operation.method(),
                                    target,
                                    hub.admin,
                                    "Content-Type: " + type + "\r\n",
                                    "{}".getBytes(StandardCharsets.UTF_8)));
                    attack.refused(Set.of(415), operation + " with " + type, answer);
                }
            }
        }
        assertEquals(before, hub.files());
    }
}
