package io.migratekit.nbd.files;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.time.DateTimeException;
import java.time.Instant;

/** What does a small JSON document say? Reads the fields of an object; anything unexpected is {@link Unfit}. */
public final class JsonFields {
    private final JsonObject object;

    private JsonFields(JsonObject object) {
        this.object = object;
    }

    /** The document is not what was expected; the message completes "the file cannot be used: ...". */
    public static final class Unfit extends Exception {
        private static final long serialVersionUID = 1L;

        public Unfit(String message) {
            super(message);
        }
    }

    /** Reads a text that is one JSON object and nothing else. */
    public static JsonFields parse(String text) throws Unfit {
        try (JsonReader reader = new JsonReader(new StringReader(text))) {
            reader.setStrictness(Strictness.STRICT);
            JsonElement element = JsonParser.parseReader(reader);
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                throw new Unfit("something follows the JSON document");
            }
            if (!element.isJsonObject()) {
                throw new Unfit("it is not a JSON object");
            }
            return new JsonFields(element.getAsJsonObject());
        } catch (IOException | JsonParseException e) {
            throw new Unfit("it is not valid JSON");
        }
    }

    /** Reads a text that is known to be a JSON object; that it is not is a mistake of the program. */
    public static JsonFields known(String text) {
        try {
            return parse(text);
        } catch (Unfit e) {
            throw new IllegalArgumentException("not a JSON object: " + text, e);
        }
    }

    public JsonFields object(String name) throws Unfit {
        JsonElement element = field(name);
        if (!element.isJsonObject()) {
            throw new Unfit("'" + name + "' is not an object");
        }
        return new JsonFields(element.getAsJsonObject());
    }

    public String string(String name) throws Unfit {
        JsonElement element = field(name);
        if (!element.isJsonPrimitive() || !element.getAsJsonPrimitive().isString()) {
            throw new Unfit("'" + name + "' is not a string");
        }
        return element.getAsString();
    }

    public long number(String name) throws Unfit {
        JsonElement element = field(name);
        try {
            // The text, because asLong() would cut off what does not fit.
            return Long.parseLong(element.isJsonPrimitive() ? element.getAsString() : "");
        } catch (NumberFormatException e) {
            throw new Unfit("'" + name + "' is not a whole number");
        }
    }

    public boolean truth(String name) throws Unfit {
        JsonElement element = field(name);
        if (!element.isJsonPrimitive() || !element.getAsJsonPrimitive().isBoolean()) {
            throw new Unfit("'" + name + "' is not true or false");
        }
        return element.getAsBoolean();
    }

    public Instant time(String name) throws Unfit {
        try {
            return Instant.parse(string(name));
        } catch (DateTimeException e) {
            throw new Unfit("'" + name + "' is not a time");
        }
    }

    /** The names of the fields, in the order of the document. */
    public Iterable<String> names() {
        return object.keySet();
    }

    /** A field's value as text, whatever it is: strings without quotes, the rest as JSON. */
    public String text(String name) throws Unfit {
        JsonElement element = field(name);
        return element.isJsonPrimitive() ? element.getAsString() : element.toString();
    }

    public JsonObject raw() {
        return object;
    }

    private JsonElement field(String name) throws Unfit {
        JsonElement element = object.get(name);
        if (element == null) {
            throw new Unfit("'" + name + "' is missing");
        }
        return element;
    }
}
