package io.migratekit.hub.api;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** What does hub/openapi.yaml promise? Its operations with their schemas, every reference followed. */
final class Contract {
    private static final Set<String> METHODS = Set.of("get", "put", "post", "delete");
    private static final String JSON = "application/json";

    private final JsonObject document;
    private final List<Operation> operations = new ArrayList<>();

    /**
     * One operation.
     *
     * @param isOpen whether nobody is asked for a token
     * @param request the schema of its JSON content, if it takes any
     * @param answers the schema of the JSON content of each success
     */
    record Operation(
            String method,
            String path,
            boolean isOpen,
            List<JsonObject> parameters,
            Optional<JsonObject> request,
            boolean contentRequired,
            Map<Integer, Optional<JsonObject>> answers) {
        @Override
        public String toString() {
            return method + " " + path;
        }
    }

    private Contract(JsonObject document) {
        this.document = document;
        for (Map.Entry<String, JsonElement> path :
                document.getAsJsonObject("paths").entrySet()) {
            JsonObject item = path.getValue().getAsJsonObject();
            for (String method : METHODS) {
                if (item.has(method)) {
                    operations.add(operation(method, path.getKey(), item));
                }
            }
        }
    }

    static Contract read() throws IOException {
        Object yaml =
                new Load(LoadSettings.builder().build()).loadFromString(Files.readString(Path.of("openapi.yaml")));
        return new Contract(new Gson().toJsonTree(yaml).getAsJsonObject());
    }

    List<Operation> operations() {
        return operations;
    }

    JsonObject schema(String name) {
        return document.getAsJsonObject("components").getAsJsonObject("schemas").getAsJsonObject(name);
    }

    /** The thing itself where only its name stands. */
    JsonObject followed(JsonElement element) {
        JsonObject object = element.getAsJsonObject();
        if (!object.has("$ref")) {
            return object;
        }
        JsonObject at = document;
        for (String part : object.get("$ref").getAsString().substring(2).split("/", -1)) {
            at = at.getAsJsonObject(part);
        }
        return followed(at);
    }

    private Operation operation(String method, String path, JsonObject item) {
        JsonObject operation = item.getAsJsonObject(method);
        List<JsonObject> parameters = new ArrayList<>();
        for (JsonObject owner : List.of(item, operation)) {
            if (owner.has("parameters")) {
                owner.getAsJsonArray("parameters").forEach(one -> parameters.add(followed(one)));
            }
        }
        Optional<JsonObject> body = Optional.ofNullable(operation.getAsJsonObject("requestBody"));
        Map<Integer, Optional<JsonObject>> answers = new java.util.TreeMap<>();
        operation.getAsJsonObject("responses").entrySet().forEach(entry -> {
            int status = Integer.parseInt(entry.getKey());
            if (status < 300) {
                answers.put(status, schemaOf(followed(entry.getValue())));
            }
        });
        return new Operation(
                method.toUpperCase(Locale.ROOT),
                path,
                operation.has("security"),
                parameters,
                body.flatMap(this::schemaOf),
                body.isPresent() && body.get().get("required").getAsBoolean(),
                answers);
    }

    private Optional<JsonObject> schemaOf(JsonObject withContent) {
        return Optional.ofNullable(withContent.getAsJsonObject("content"))
                .filter(content -> content.has(JSON))
                .map(content -> followed(content.getAsJsonObject(JSON).get("schema")));
    }
}
