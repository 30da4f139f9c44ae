package io.migratekit.hub.api;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.math.BigInteger;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Is this value as the contract's schema has it? The keywords that the contract uses; another one is an error, so that it
 * cannot be believed to be looked at. A property that the schema does not list is wrong, too.
 */
final class Schema {
    private static final Set<String> KEYWORDS = Set.of(
            "type",
            "properties",
            "required",
            "items",
            "enum",
            "pattern",
            "minimum",
            "maximum",
            "multipleOf",
            "minItems",
            "maxItems",
            "maxLength",
            "format",
            "description",
            "default");

    private final Contract contract;

    Schema(Contract contract) {
        this.contract = contract;
    }

    /** What is wrong with it, as a sentence; empty if nothing is. */
    Optional<String> mistake(JsonElement schemaOrReference, JsonElement value) {
        return mistake(contract.followed(schemaOrReference), value, "it");
    }

    private Optional<String> mistake(JsonObject schema, JsonElement value, String where) {
        for (String keyword : schema.keySet()) {
            if (!KEYWORDS.contains(keyword)) {
                throw new AssertionError("the contract uses '" + keyword + "', which is not looked at here");
            }
        }
        boolean right = switch (schema.get("type").getAsString()) {
            case "object" -> value.isJsonObject();
            case "array" -> value.isJsonArray();
            case "string" -> isPrimitive(value) && value.getAsJsonPrimitive().isString();
            case "boolean" -> isPrimitive(value) && value.getAsJsonPrimitive().isBoolean();
            case "integer" ->
                isPrimitive(value)
                        && value.getAsJsonPrimitive().isNumber()
                        && value.getAsString().matches("-?[0-9]+");
            default -> throw new AssertionError("the contract has the type " + schema.get("type"));
        };
        if (!right) {
            return Optional.of(where + " is not of type " + schema.get("type").getAsString());
        }
        if (value.isJsonObject()) {
            return object(schema, value.getAsJsonObject(), where);
        }
        if (value.isJsonArray()) {
            return array(schema, value.getAsJsonArray(), where);
        }
        return value.getAsJsonPrimitive().isString()
                ? text(schema, value.getAsString(), where)
                : value.getAsJsonPrimitive().isNumber()
                        ? number(schema, value.getAsJsonPrimitive(), where)
                        : Optional.empty();
    }

    private Optional<String> object(JsonObject schema, JsonObject value, String where) {
        if (schema.has("required")) {
            for (JsonElement name : schema.getAsJsonArray("required")) {
                if (!value.has(name.getAsString())) {
                    return Optional.of(where + " lacks " + name.getAsString());
                }
            }
        }
        JsonObject properties = schema.getAsJsonObject("properties");
        if (properties == null) {
            return Optional.empty(); // Whatever it holds.
        }
        for (Map.Entry<String, JsonElement> entry : value.entrySet()) {
            if (!properties.has(entry.getKey())) {
                return Optional.of(where + " has an unknown " + entry.getKey());
            }
            Optional<String> mistake = mistake(
                    contract.followed(properties.get(entry.getKey())), entry.getValue(), where + "." + entry.getKey());
            if (mistake.isPresent()) {
                return mistake;
            }
        }
        return Optional.empty();
    }

    private Optional<String> array(JsonObject schema, JsonArray value, String where) {
        if (value.size() < limit(schema, "minItems", 0) || value.size() > limit(schema, "maxItems", Long.MAX_VALUE)) {
            return Optional.of(where + " has " + value.size() + " items");
        }
        for (JsonElement one : value) {
            Optional<String> mistake = mistake(contract.followed(schema.get("items")), one, where + "[]");
            if (mistake.isPresent()) {
                return mistake;
            }
        }
        return Optional.empty();
    }

    private static Optional<String> text(JsonObject schema, String value, String where) {
        if (value.codePointCount(0, value.length()) > limit(schema, "maxLength", Long.MAX_VALUE)) {
            return Optional.of(where + " is too long");
        }
        if (schema.has("pattern")
                && !Pattern.compile(schema.get("pattern").getAsString())
                        .matcher(value)
                        .matches()) {
            return Optional.of(where + " does not match");
        }
        if (schema.has("enum") && !schema.getAsJsonArray("enum").contains(new JsonPrimitive(value))) {
            return Optional.of(where + " is none of those that are allowed");
        }
        if (schema.has("format") && schema.get("format").getAsString().equals("date-time")) {
            try {
                OffsetDateTime.parse(value);
            } catch (DateTimeException e) {
                return Optional.of(where + " is no time");
            }
        }
        return Optional.empty();
    }

    private static Optional<String> number(JsonObject schema, JsonPrimitive value, String where) {
        BigInteger number = value.getAsBigInteger();
        boolean fits = number.compareTo(BigInteger.valueOf(limit(schema, "minimum", Long.MIN_VALUE))) >= 0
                && number.compareTo(BigInteger.valueOf(limit(schema, "maximum", Long.MAX_VALUE))) <= 0
                && number.mod(BigInteger.valueOf(limit(schema, "multipleOf", 1)))
                                .signum()
                        == 0;
        return fits ? Optional.empty() : Optional.of(where + " is out of range");
    }

    private static long limit(JsonObject schema, String keyword, long otherwise) {
        return schema.has(keyword) ? schema.get(keyword).getAsLong() : otherwise;
    }

    private static boolean isPrimitive(JsonElement value) {
        return value.isJsonPrimitive();
    }
}
