package io.migratekit.vmware.soap;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Calendar;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Which class of the stubs stands for a type of vSphere, and which fields has it, in the order of the wire? */
final class Types {
    private static final String STUBS = "com.vmware.vim25.";

    private static final Map<String, Class<?>> PLAIN = Map.ofEntries(
            Map.entry("string", String.class),
            Map.entry("anyURI", String.class),
            Map.entry("String", String.class),
            Map.entry("int", Integer.class),
            Map.entry("long", Long.class),
            Map.entry("short", Short.class),
            Map.entry("byte", Byte.class),
            Map.entry("boolean", Boolean.class),
            Map.entry("double", Double.class),
            Map.entry("float", Float.class),
            Map.entry("dateTime", Calendar.class),
            Map.entry("Calendar", Calendar.class),
            Map.entry("base64Binary", byte[].class));

    private static final Map<String, Optional<Class<?>>> FOUND = new ConcurrentHashMap<>();

    private static final ClassValue<Map<String, Field>> FIELDS = new ClassValue<>() {
        @Override
        protected Map<String, Field> computeValue(Class<?> type) {
            Map<String, Field> fields = new LinkedHashMap<>();
            collect(type, fields);
            return fields;
        }
    };

    private Types() {}

    /** The class of this name; nothing when the stubs are older than the type. */
    static @Nullable Class<?> named(String name) {
        Class<?> plain = PLAIN.get(name);
        return plain != null ? plain : FOUND.computeIfAbsent(name, Types::load).orElse(null);
    }

    /** The fields of a data type by their names on the wire, its superclass's first, as declared. */
    static Map<String, Field> fields(Class<?> type) {
        return FIELDS.get(type);
    }

    static boolean isData(Class<?> type) {
        return type.getName().startsWith(STUBS) && !type.isEnum() && !type.isArray();
    }

    private static Optional<Class<?>> load(String name) {
        // The name comes from the server: only what a type of vSphere can be called is looked for.
        if (!name.matches("[A-Za-z][A-Za-z0-9]{0,120}")) {
            return Optional.empty();
        }
        try {
            return Optional.of(Class.forName(STUBS + name, false, Types.class.getClassLoader()));
        } catch (ClassNotFoundException | LinkageError e) {
            return Optional.empty();
        }
    }

    private static void collect(Class<?> type, Map<String, Field> fields) {
        Class<?> parent = type.getSuperclass();
        if (parent != null && parent.getName().startsWith(STUBS)) {
            collect(parent, fields);
        }
        for (Field field : type.getDeclaredFields()) {
            if (Modifier.isPublic(field.getModifiers()) && !Modifier.isStatic(field.getModifiers())) {
                String name = field.getName();
                // What would be a word of Java has an underscore in front.
                fields.put(name.startsWith("_") ? name.substring(1) : name, field);
            }
        }
    }
}
