package io.migratekit.vmware.soap;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.vmware.vim25.DynamicData;
import com.vmware.vim25.DynamicProperty;
import com.vmware.vim25.ManagedObjectReference;
import com.vmware.vim25.MethodFault;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.util.Base64;
import java.util.Calendar;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How does a value of the stubs look beyond the fence? As in vSphere's own JSON. */
final class Json {
    static final String TYPE = "_typeName";

    private Json() {}

    static JsonElement of(@Nullable Object value) {
        return switch (value) {
            case null -> JsonNull.INSTANCE;
            case String text -> new JsonPrimitive(text);
            case Boolean b -> new JsonPrimitive(b);
            case Number number -> new JsonPrimitive(number);
            case Enum<?> constant -> new JsonPrimitive(constant.toString());
            case Calendar time -> new JsonPrimitive(time.toInstant().toString());
            case byte[] bytes -> new JsonPrimitive(Base64.getEncoder().encodeToString(bytes));
            case ManagedObjectReference reference -> reference(reference);
            case RawElement raw -> raw(raw);
            case Object array when array.getClass().isArray() -> array(array);
            default -> data(value);
        };
    }

    private static JsonObject reference(ManagedObjectReference reference) {
        JsonObject object = new JsonObject();
        object.addProperty(TYPE, "ManagedObjectReference");
        object.addProperty("type", reference.getType());
        object.addProperty("value", reference.val);
        return object;
    }

    private static JsonArray array(Object values) {
        JsonArray array = new JsonArray();
        for (int i = 0; i < Array.getLength(values); i++) {
            Object value = Array.get(values, i);
            if (value != null) {
                array.add(of(value));
            }
        }
        return array;
    }

    private static JsonObject data(Object value) {
        JsonObject object = new JsonObject();
        object.addProperty(TYPE, typeOf(value));
        for (Map.Entry<String, Field> field : Types.fields(value.getClass()).entrySet()) {
            Object inner = Encoder.read(field.getValue(), value);
            if (inner instanceof DynamicProperty[] extras && value instanceof DynamicData) {
                for (DynamicProperty extra : extras) {
                    add(object, extra.name, of(extra.val));
                }
            } else if (inner != null && !field.getKey().equals("dynamicType")) {
                object.add(field.getKey(), of(inner));
            }
        }
        return object;
    }

    private static String typeOf(Object value) {
        return switch (value) {
            case MethodFault fault -> UnknownFault.nameOf(fault);
            case DynamicData data when data.dynamicType != null -> data.dynamicType;
            default -> value.getClass().getSimpleName();
        };
    }

    /** Repeated elements become a list; which of the others would be lists, only the type would tell. */
    private static void add(JsonObject object, String name, JsonElement value) {
        JsonElement before = object.get(name);
        if (before instanceof JsonArray list) {
            list.add(value);
        } else if (before != null) {
            JsonArray list = new JsonArray();
            list.add(before);
            list.add(value);
            object.add(name, list);
        } else {
            object.add(name, value);
        }
    }

    private static JsonElement raw(RawElement raw) {
        if (raw.children().isEmpty()) {
            return new JsonPrimitive(raw.text());
        }
        JsonObject object = new JsonObject();
        if (!raw.type().isEmpty()) {
            object.addProperty(TYPE, raw.type());
        }
        for (RawElement child : raw.children()) {
            add(object, child.name(), raw(child));
        }
        return object;
    }
}
