package io.migratekit.hub.guest;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.math.BigDecimal;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What does a part of the configuration say, however it was written down? What the agent's vSphere types do not know came
 * as plain text, so numbers and truths may be strings, and a list of one thing may be that thing.
 */
final class Facts {
    private final JsonObject object;

    Facts(@Nullable JsonElement element) {
        this.object = element instanceof JsonObject known ? known : new JsonObject();
    }

    String type() {
        return text("_typeName");
    }

    /** Empty if there is none, or if it is no plain value. */
    String text(String name) {
        return object.get(name) instanceof JsonPrimitive plain ? plain.getAsString() : "";
    }

    /** The number, if it is there and within these bounds. */
    long number(String name, long least, long most, long otherwise) {
        try {
            long number = new BigDecimal(shortened(text(name))).longValueExact();
            return number < least || number > most ? otherwise : number;
        } catch (ArithmeticException | NumberFormatException e) {
            return otherwise;
        }
    }

    /** A number of a million digits would keep us busy for long. */
    private static String shortened(String digits) {
        return digits.length() > 25 ? "" : digits;
    }

    boolean isTrue(String name) {
        return text(name).equals("true");
    }

    Facts inner(String name) {
        return new Facts(object.get(name));
    }

    List<Facts> list(String name) {
        return switch (object.get(name)) {
            case JsonArray array -> array.asList().stream().map(Facts::new).toList();
            case JsonObject one -> List.of(new Facts(one));
            case null, default -> List.of();
        };
    }
}
