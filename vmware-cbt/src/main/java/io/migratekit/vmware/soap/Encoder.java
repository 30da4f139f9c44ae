package io.migratekit.vmware.soap;

import com.vmware.vim25.ManagedObjectReference;
import com.vmware.vim25.ws.Argument;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.util.Calendar;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** How is a call written as XML? */
final class Encoder {
    private static final String HEAD = """
            <?xml version="1.0" encoding="UTF-8"?>
            <soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"\
             xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\
            <soapenv:Body>""";

    /** Numbers that can be left out, but are plain {@code short}s in the stubs: zero would be sent, and mean something. */
    private static final Set<String> NEVER_SENT = Set.of("npivDesiredNodeWwns", "npivDesiredPortWwns");

    private final StringBuilder xml = new StringBuilder(1024).append(HEAD);

    private Encoder() {}

    static String encode(String method, Argument[] arguments) {
        Encoder encoder = new Encoder();
        encoder.xml.append('<').append(method).append(" xmlns=\"urn:vim25\">");
        for (Argument argument : arguments) {
            encoder.value(
                    argument.getName(),
                    argument.getValue(),
                    Types.named(argument.getType().replace("[]", "")));
        }
        encoder.xml.append("</").append(method).append("></soapenv:Body></soapenv:Envelope>");
        return encoder.xml.toString();
    }

    private void value(String tag, @Nullable Object value, @Nullable Class<?> declared) {
        switch (value) {
            case null -> {}
            case char[] secret -> plain(tag, "", new String(secret));
            case Object array
            when array.getClass().isArray() -> {
                for (int i = 0; i < Array.getLength(array); i++) {
                    value(tag, Array.get(array, i), declared);
                }
            }
            case ManagedObjectReference reference -> reference(tag, reference, declared);
            case Calendar time -> plain(tag, typeFor(declared, Calendar.class, "xsd:dateTime"), instant(time));
            case Enum<?> constant ->
                plain(tag, typeFor(declared, constant.getDeclaringClass(), ""), constant.toString());
            case String text -> plain(tag, typeFor(declared, String.class, "xsd:string"), text);
            case Boolean b -> plain(tag, typeFor(declared, Boolean.class, "xsd:boolean"), b.toString());
            case Integer n -> plain(tag, typeFor(declared, Integer.class, "xsd:int"), n.toString());
            case Number n -> plain(tag, typeFor(declared, n.getClass(), "xsd:long"), n.toString());
            default -> data(tag, value, declared);
        }
    }

    private void reference(String tag, ManagedObjectReference reference, @Nullable Class<?> declared) {
        xml.append('<').append(tag).append(typeFor(declared, ManagedObjectReference.class, "ManagedObjectReference"));
        xml.append(" type=\"");
        text(reference.getType());
        xml.append("\">");
        text(reference.val);
        xml.append("</").append(tag).append('>');
    }

    private void plain(String tag, String type, String text) {
        xml.append('<').append(tag).append(type).append('>');
        text(text);
        xml.append("</").append(tag).append('>');
    }

    private void data(String tag, Object value, @Nullable Class<?> declared) {
        Class<?> type = value.getClass();
        if (!Types.isData(type)) {
            throw new IllegalArgumentException("cannot be sent to vSphere: " + type.getName());
        }
        xml.append('<').append(tag);
        xml.append(declared == type ? "" : " xsi:type=\"" + type.getSimpleName() + "\"");
        xml.append('>');
        for (Map.Entry<String, Field> field : Types.fields(type).entrySet()) {
            if (!NEVER_SENT.contains(field.getKey())) {
                Class<?> wanted = field.getValue().getType();
                value(
                        field.getKey(),
                        read(field.getValue(), value),
                        wanted.isArray() ? wanted.componentType() : wanted);
            }
        }
        xml.append("</").append(tag).append('>');
    }

    static @Nullable Object read(Field field, Object owner) {
        try {
            return field.get(owner);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException("a public field of the stubs cannot be read: " + field, e);
        }
    }

    /** Nothing where the field says already what comes; the type where it could be anything. */
    private static String typeFor(@Nullable Class<?> declared, Class<?> actual, String name) {
        boolean said = declared != null && declared != Object.class && (declared == actual || declared != String.class);
        return said || name.isEmpty() ? "" : " xsi:type=\"" + name + "\"";
    }

    private static String instant(Calendar time) {
        return time.toInstant().toString();
    }

    private void text(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '<' -> xml.append("&lt;");
                case '>' -> xml.append("&gt;");
                case '&' -> xml.append("&amp;");
                case '"' -> xml.append("&quot;");
                case '\r' -> xml.append("&#13;");
                default -> {
                    boolean torn = Character.isSurrogate(c) && !isPaired(text, i);
                    if (torn || c == '\ufffe' || c == '\uffff' || (c < ' ' && c != '\n' && c != '\t')) {
                        // The text itself is not shown: it may be a password.
                        throw new SoapException.Unsendable(
                                "a name, a password or another text for vSphere holds a control character, at position "
                                        + (i + 1));
                    }
                    xml.append(c);
                }
            }
        }
    }

    private static boolean isPaired(String text, int i) {
        return Character.isHighSurrogate(text.charAt(i))
                ? i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))
                : i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
    }
}
