package io.migratekit.hub.api;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Does a request say what the contract allows? Each field is asked for with its type and limits, and {@link #end} refuses
 * what nobody asked for: a misspelt field must not be taken for an absent one.
 */
final class Body {
    private static final int LONGEST_NUMBER = 19;
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}");

    private final JsonObject object;
    private final String where;
    private final Set<String> asked = new HashSet<>();

    private Body(JsonObject object, String where) {
        this.object = object;
        this.where = where;
    }

    /** Reads a request's content, which has to be one JSON object in UTF-8. */
    static Body parse(ByteBuffer content) {
        try {
            if (StrictJson.parse(decoded(content)) instanceof JsonObject object) {
                return new Body(object, "");
            }
        } catch (IOException | JsonParseException | IllegalStateException e) {
            throw Problem.badRequest(
                    "the content is not valid JSON in UTF-8, has a member twice, or is nested deeper than "
                            + StrictJson.DEEPEST);
        }
        throw Problem.badRequest("the content has to be one JSON object and nothing else");
    }

    /** The same where a request may have no content, which says as much as an object without members. */
    static Body parseOrEmpty(ByteBuffer content) {
        return content.hasRemaining() ? parse(content) : new Body(new JsonObject(), "");
    }

    private static String decoded(ByteBuffer content) throws CharacterCodingException {
        return StandardCharsets.UTF_8.newDecoder().decode(content.duplicate()).toString();
    }

    /** Whether a text may name a backup or a VM. */
    static boolean isId(String text) {
        return ID.matcher(text).matches();
    }

    String id(String name) {
        return required(name, optionalId(name));
    }

    Optional<String> optionalId(String name) {
        Optional<String> text = text(name, 64);
        if (text.isPresent() && !isId(text.get())) {
            throw wrong(
                    name, "has to be 1 to 64 letters, digits, '.', '_' or '-', and to begin with none of the last two");
        }
        return text;
    }

    boolean has(String name) {
        return object.has(name);
    }

    Optional<String> text(String name, int longest) {
        Optional<JsonElement> element = element(name);
        if (element.isEmpty()) {
            return Optional.empty();
        }
        if (!element.get().isJsonPrimitive()
                || !element.get().getAsJsonPrimitive().isString()) {
            throw wrong(name, "has to be a string");
        }
        String text = element.get().getAsString();
        if (text.codePointCount(0, text.length()) > longest) {
            throw wrong(name, "is longer than " + longest + " characters");
        }
        return Optional.of(text);
    }

    OptionalLong number(String name, long least, long most) {
        Optional<JsonElement> element = element(name);
        if (element.isEmpty()) {
            return OptionalLong.empty();
        }
        String written = element.get().isJsonPrimitive()
                        && element.get().getAsJsonPrimitive().isNumber()
                ? element.get().getAsString()
                : "";
        if (!written.matches("-?[0-9]{1," + LONGEST_NUMBER + "}")) {
            throw wrong(name, "has to be a whole number");
        }
        try {
            long number = Long.parseLong(written);
            if (number >= least && number <= most) {
                return OptionalLong.of(number);
            }
        } catch (NumberFormatException tooLarge) {
            // Then it is out of any range.
        }
        throw wrong(name, "has to be from " + least + " to " + most);
    }

    long requiredNumber(String name, long least, long most) {
        return number(name, least, most).orElseThrow(() -> wrong(name, "is missing"));
    }

    Optional<Boolean> truth(String name) {
        Optional<JsonElement> element = element(name);
        if (element.isPresent()
                && !(element.get().isJsonPrimitive()
                        && element.get().getAsJsonPrimitive().isBoolean())) {
            throw wrong(name, "has to be true or false");
        }
        return element.map(JsonElement::getAsBoolean);
    }

    Optional<Instant> time(String name) {
        try {
            return text(name, 64).map(text -> OffsetDateTime.parse(text).toInstant());
        } catch (DateTimeException e) {
            throw wrong(name, "has to be a time such as 2026-01-31T12:00:00Z");
        }
    }

    /** An object that is kept as it is. */
    Optional<JsonObject> object(String name) {
        Optional<JsonElement> element = element(name);
        if (element.isPresent() && !element.get().isJsonObject()) {
            throw wrong(name, "has to be an object");
        }
        return element.map(JsonElement::getAsJsonObject);
    }

    /** An object whose fields are asked for one by one. */
    Body part(String name) {
        return new Body(required(name, object(name)), where + name + ".");
    }

    List<Body> list(String name, int least, int most) {
        JsonElement element = required(name, element(name));
        if (!element.isJsonArray()
                || element.getAsJsonArray().size() < least
                || element.getAsJsonArray().size() > most) {
            throw wrong(name, "has to be a list of " + least + " to " + most);
        }
        List<Body> all = new ArrayList<>();
        for (JsonElement one : element.getAsJsonArray()) {
            if (!one.isJsonObject()) {
                throw wrong(name, "has to be a list of objects");
            }
            all.add(new Body(one.getAsJsonObject(), where + name + "[" + all.size() + "]."));
        }
        return all;
    }

    /** Refuses whatever was not asked for. */
    void end() {
        for (String name : object.keySet()) {
            if (!asked.contains(name)) {
                throw Problem.badRequest("'" + where + shortened(name) + "' is not known; is it misspelt?");
            }
        }
    }

    <T> T required(String name, Optional<T> value) {
        return value.orElseThrow(() -> wrong(name, "is missing"));
    }

    Problem wrong(String name, String what) {
        return Problem.badRequest("'" + where + name + "' " + what);
    }

    /** A null is a value of a wrong type, not an absent one. */
    private Optional<JsonElement> element(String name) {
        asked.add(name);
        return Optional.ofNullable(object.get(name));
    }

    private static String shortened(String name) {
        return name.length() > 64 ? name.substring(0, 64) + "..." : name;
    }
}
