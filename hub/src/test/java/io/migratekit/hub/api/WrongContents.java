package io.migratekit.hub.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Which contents does the contract forbid? Made from its schema and from a content that is right, one mistake in each. */
final class WrongContents {
    /** Stands where a text is to stand that is not JSON, or that Gson would not write. */
    private static final String HERE = "@here@";

    private static final List<String> VALUES = List.of(
            "null",
            "true",
            "\"\"",
            "\"text\"",
            "\"nul\\u0000\"",
            "\"line\\nbreak\"",
            "\"../../etc\"",
            "\"\u202e\u0000ff\"".replace("\u0000", "\\u0000"),
            "\"\\ud800\"",
            "0",
            "-1",
            "1.5",
            "1e2",
            "1e400",
            "-0.0",
            "1".repeat(40),
            "9223372036854775807",
            "9223372036854775808",
            "[]",
            "[[]]",
            "[null]",
            "[{}]",
            "{}");
    /** Nowhere in JSON. */
    private static final List<String> NO_VALUES =
            List.of("NaN", "Infinity", "-Infinity", "0x10", "01", "+1", ".5", "1.", "'text'", "undefined", "TRUE", "");

    private final Schema schemas;
    private final JsonObject schema;
    private final JsonObject right;
    private final List<Wrong> all = new ArrayList<>();

    /** A content that has to be refused; the text stands for bytes, a character for each. */
    record Wrong(String what, String bytes) {
        static Wrong of(String what, String text) {
            return of(what, text.getBytes(StandardCharsets.UTF_8));
        }

        static Wrong of(String what, byte[] content) {
            return new Wrong(what, new String(content, StandardCharsets.ISO_8859_1));
        }

        byte[] content() {
            return bytes.getBytes(StandardCharsets.ISO_8859_1);
        }
    }

    private WrongContents(Schema schemas, JsonObject schema, JsonObject right) {
        this.schemas = schemas;
        this.schema = schema;
        this.right = right;
    }

    static List<Wrong> of(Schema schemas, JsonObject schema, JsonObject right, Random random) {
        schemas.mistake(schema, right).ifPresent(mistake -> {
            throw new AssertionError("the content to start from is wrong: " + mistake);
        });
        WrongContents contents = new WrongContents(schemas, schema, right);
        contents.fields(right.deepCopy(), "");
        contents.noJson(random);
        return contents.all;
    }

    /** Every field of every object in turn; {@code object} is a part of a copy of the right content, {@code root}. */
    private void fields(JsonObject root, String path) {
        JsonObject object = at(root, path);
        keepIfWrong(path + " with an unknown field", changed(path, one -> one.addProperty("surplus", 1)));
        for (String name : new ArrayList<>(object.keySet())) {
            String field = path + "/" + name;
            keepIfWrong(field + " missing", changed(path, one -> one.remove(name)));
            String raw = changed(path, one -> one.addProperty(name, HERE)).toString();
            for (String value : VALUES) {
                String text = raw.replace("\"" + HERE + "\"", value);
                if (schemas.mistake(schema, parsed(text)).isPresent()) {
                    all.add(Wrong.of(field + " = " + value, text));
                }
            }
            for (String value : NO_VALUES) {
                all.add(Wrong.of(field + " = " + value, raw.replace("\"" + HERE + "\"", value)));
            }
            JsonElement value = object.get(name);
            all.add(Wrong.of(field + " twice", twice(path, name, value)));
            if (value.isJsonPrimitive() && value.getAsJsonPrimitive().isString()) {
                keepIfWrong(field + " too long", changed(path, one -> one.addProperty(name, "x".repeat(2000))));
            } else if (value.isJsonArray() && !value.getAsJsonArray().isEmpty()) {
                keepIfWrong(
                        field + " with too many", changed(path, one -> one.add(name, many(value.getAsJsonArray()))));
                fields(root, field + "/0");
            } else if (value.isJsonObject()) {
                all.add(Wrong.of(field + " nested", raw.replace("\"" + HERE + "\"", nested("{\"a\":", "}"))));
                if (!value.getAsJsonObject().isEmpty()) {
                    fields(root, field);
                }
            }
        }
    }

    private void noJson(Random random) {
        String text = right.toString();
        for (String wrong : List.of(
                "",
                " ",
                "null",
                "[]",
                "\"text\"",
                "1",
                "{",
                "}",
                text + text,
                text + ",",
                "[" + text + "]",
                "/* */" + text,
                text.replace(",", ",,"),
                text.replace('"', '\''),
                text.replace(":", "="),
                ")]}'\n" + text,
                nested("[", "]"),
                nested("{\"a\":", "}"),
                "{\"id\":" + "[".repeat(10_000))) {
            if (!wrong.equals(text)) {
                all.add(Wrong.of("no such JSON: " + wrong.substring(0, Math.min(40, wrong.length())), wrong));
            }
        }
        for (int i = 0; i < 10; i++) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            all.add(Wrong.of("cut off", Arrays.copyOf(bytes, random.nextInt(bytes.length))));
            bytes[random.nextInt(bytes.length)] = (byte) (0x80 + random.nextInt(0x80));
            all.add(Wrong.of("not UTF-8", bytes));
        }
        all.add(Wrong.of("UTF-16", text.getBytes(StandardCharsets.UTF_16)));
    }

    private interface Change {
        void to(JsonObject object);
    }

    private JsonObject changed(String path, Change change) {
        JsonObject copy = right.deepCopy();
        change.to(at(copy, path));
        return copy;
    }

    private void keepIfWrong(String what, JsonObject content) {
        if (schemas.mistake(schema, content).isPresent()) {
            all.add(Wrong.of(what, content.toString()));
        }
    }

    /** The text of the right content, in which this member of that object is there twice. */
    private String twice(String path, String name, JsonElement value) {
        JsonObject copy = changed(path, one -> one.addProperty(HERE, HERE));
        return copy.toString().replace("\"" + HERE + "\":\"" + HERE + "\"", "\"" + name + "\":" + value);
    }

    private static JsonObject at(JsonObject root, String path) {
        JsonElement at = root;
        for (String part : path.isEmpty() ? new String[0] : path.substring(1).split("/", -1)) {
            at = at.isJsonArray()
                    ? at.getAsJsonArray().get(Integer.parseInt(part))
                    : at.getAsJsonObject().get(part);
        }
        return at.getAsJsonObject();
    }

    /** As many that only their number is wrong: each has a key of its own. */
    private static JsonArray many(JsonArray one) {
        JsonArray many = new JsonArray();
        for (int i = 0; i < 257; i++) {
            JsonObject copy = one.get(0).getAsJsonObject().deepCopy();
            copy.addProperty("key", i);
            many.add(copy);
        }
        return many;
    }

    private static String nested(String begin, String end) {
        return begin.repeat(10_000) + "{}" + end.repeat(10_000);
    }

    private static JsonElement parsed(String text) {
        JsonElement element = JsonParser.parseString(text);
        return element == null ? JsonNull.INSTANCE : element;
    }

    /** A content with every field of the schema. */
    static JsonElement right(Contract contract, JsonElement schemaOrReference, Map<String, String> ids) {
        JsonObject schema = contract.followed(schemaOrReference);
        return switch (schema.get("type").getAsString()) {
            case "object" -> rightObject(contract, schema, ids);
            case "array" -> {
                JsonArray array = new JsonArray();
                array.add(right(contract, schema.get("items"), ids));
                yield array;
            }
            case "integer" -> schema.has("minimum") ? schema.get("minimum") : new JsonPrimitive(1);
            case "boolean" -> new JsonPrimitive(true);
            default ->
                schema.has("enum")
                        ? schema.getAsJsonArray("enum").get(0)
                        : new JsonPrimitive(schema.has("format") ? "2026-01-31T12:00:00Z" : "text");
        };
    }

    private static JsonObject rightObject(Contract contract, JsonObject schema, Map<String, String> ids) {
        JsonObject object = new JsonObject();
        if (!schema.has("properties")) {
            object.addProperty("kept", "as it is");
            return object;
        }
        for (Map.Entry<String, JsonElement> field :
                schema.getAsJsonObject("properties").entrySet()) {
            String id = ids.get(field.getKey());
            object.add(
                    field.getKey(), id == null ? right(contract, field.getValue(), ids) : JsonParser.parseString(id));
        }
        return object;
    }
}
