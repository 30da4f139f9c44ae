package io.migratekit.vmware.soap;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What did an object say of itself?
 *
 * @param values by the path of the property; what is unset, unknown or hidden is absent
 */
public record Facts(MoRef object, Map<String, JsonElement> values) {
    public @Nullable JsonElement get(String path) {
        return values.get(path);
    }

    /** A text, or a number or constant as one; empty if absent. */
    public String text(String path) {
        return values.get(path) instanceof JsonPrimitive plain ? plain.getAsString() : "";
    }

    public boolean flag(String path) {
        return values.get(path) instanceof JsonPrimitive plain && plain.isBoolean() && plain.getAsBoolean();
    }

    /** A number, or another one if it is absent. */
    public long number(String path, long otherwise) {
        return values.get(path) instanceof JsonPrimitive plain && plain.isNumber() ? plain.getAsLong() : otherwise;
    }

    /** A list; empty if absent. */
    public JsonArray list(String path) {
        return values.get(path) instanceof JsonArray array ? array : new JsonArray();
    }

    public Optional<MoRef> reference(String path) {
        return MoRef.of(values.get(path));
    }
}
