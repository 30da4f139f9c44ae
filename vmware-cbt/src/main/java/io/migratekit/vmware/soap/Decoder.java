package io.migratekit.vmware.soap;

import static java.lang.System.Logger.Level.DEBUG;

import com.vmware.vim25.DynamicData;
import com.vmware.vim25.DynamicProperty;
import com.vmware.vim25.ManagedObjectReference;
import com.vmware.vim25.MethodFault;
import java.io.InputStream;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Calendar;
import java.util.GregorianCalendar;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.jspecify.annotations.Nullable;

/**
 * What does an answer say? Servers newer than the stubs are normal: elements, types and constants that the stubs
 * do not know are passed over, and said once at DEBUG. Document type declarations are refused, used or not.
 */
final class Decoder {
    private static final System.Logger LOG = System.getLogger(Decoder.class.getName());
    private static final String XSI = "http://www.w3.org/2001/XMLSchema-instance";
    private static final XMLInputFactory XML = factory();
    private static final Set<String> TOLD = ConcurrentHashMap.newKeySet();
    private static final int TOLD_AT_MOST = 1000;

    private final XMLStreamReader in;
    private final int maxDepth;
    private int depth;

    private Decoder(XMLStreamReader in, int maxDepth) {
        this.in = in;
        this.maxDepth = maxDepth;
    }

    /** What a method gave back: a value, an array, or nothing. */
    static @Nullable Object decode(InputStream body, @Nullable String returnType, int maxDepth) {
        try {
            XMLStreamReader reader = XML.createXMLStreamReader(body, null);
            Decoder decoder = new Decoder(reader, maxDepth);
            Object answer = decoder.envelope(returnType);
            while (reader.hasNext()) {
                decoder.next();
            }
            return answer;
        } catch (XMLStreamException e) {
            throw broken("is not well-formed XML: " + firstLine(e), e);
        }
    }

    private static XMLInputFactory factory() {
        XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
        factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
        factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
        factory.setProperty(XMLInputFactory.IS_NAMESPACE_AWARE, true);
        factory.setProperty(XMLInputFactory.IS_COALESCING, true);
        return factory;
    }

    private @Nullable Object envelope(@Nullable String returnType) throws XMLStreamException {
        toElement();
        require("Envelope");
        while (nextChild()) {
            if (in.getLocalName().equals("Body")) {
                if (!nextChild()) {
                    throw broken("has nothing in its body", null);
                }
                Object answer = in.getLocalName().equals("Fault") ? fault() : response(returnType);
                skipRest();
                skipRest();
                return answer;
            }
            skip();
        }
        throw broken("has no body", null);
    }

    private @Nullable Object response(@Nullable String returnType) throws XMLStreamException {
        boolean isArray = returnType != null && returnType.endsWith("[]");
        Class<?> type = returnType == null ? null : Types.named(returnType.replace("[]", ""));
        List<Object> values = new ArrayList<>();
        while (nextChild()) {
            if (type == null || !in.getLocalName().equals("returnval")) {
                skip();
            } else {
                Object value = value(type);
                if (value != null) {
                    values.add(value);
                }
            }
        }
        if (type != null && isArray) {
            return array(type, values);
        }
        return values.isEmpty() ? null : values.getFirst();
    }

    /** A fault is thrown by whoever called, not here: this only reads it. */
    private SoapException.Fault fault() throws XMLStreamException {
        String words = "";
        String name = "";
        Object typed = null;
        while (nextChild()) {
            switch (in.getLocalName()) {
                case "faultstring" -> words = text();
                case "detail" -> {
                    while (nextChild()) {
                        String type = typeName();
                        name = type.isEmpty() ? in.getLocalName().replaceFirst("(?<=.)Fault$", "") : type;
                        typed = value(MethodFault.class);
                    }
                }
                default -> skip();
            }
        }
        return Faults.of(name, words, typed);
    }

    /** The value of the element that the reader stands at; leaves it at the element's end. */
    private @Nullable Object value(Class<?> declared) throws XMLStreamException {
        if ("true".equals(in.getAttributeValue(XSI, "nil"))) {
            skip();
            return null;
        }
        Class<?> type = declared;
        String said = typeName();
        if (!said.isEmpty()) {
            Class<?> found = Types.named(said);
            if (found == null) {
                tell("type", said);
                if (declared == Object.class) {
                    return raw(said);
                }
                if (declared == MethodFault.class) {
                    UnknownFault unknown = new UnknownFault(said);
                    fields(unknown, MethodFault.class);
                    return unknown;
                }
                if (declared != DynamicData.class && DynamicData.class.isAssignableFrom(declared)) {
                    Object value = data(declared);
                    if (value instanceof DynamicData newer) {
                        newer.dynamicType = said;
                    }
                    return value;
                }
            } else if (declared.isAssignableFrom(found)) {
                type = found;
            }
        }
        if (type == Object.class) {
            return raw(said);
        }
        return Types.isData(type) ? data(type) : plain(type);
    }

    private @Nullable Object data(Class<?> type) throws XMLStreamException {
        if (type == ManagedObjectReference.class) {
            ManagedObjectReference reference = new ManagedObjectReference();
            reference.setType(localName(in.getAttributeValue(null, "type")));
            reference.val = text().strip();
            return reference;
        }
        if (type.getSimpleName().startsWith("ArrayOf")) {
            return arrayOf(type);
        }
        if (Modifier.isAbstract(type.getModifiers())) {
            skip();
            return null;
        }
        Object value;
        try {
            value = type.getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            tell("type that cannot be made:", type.getSimpleName());
            skip();
            return null;
        }
        fields(value, type);
        return value;
    }

    private void fields(Object owner, Class<?> type) throws XMLStreamException {
        Map<String, Field> fields = Types.fields(type);
        Map<Field, List<Object>> arrays = new LinkedHashMap<>();
        List<DynamicProperty> extras = new ArrayList<>();
        while (nextChild()) {
            Field field = fields.get(in.getLocalName());
            if (field == null) {
                tell("element", type.getSimpleName() + "." + in.getLocalName());
                DynamicProperty unknown = new DynamicProperty();
                unknown.name = in.getLocalName();
                unknown.val = raw(typeName());
                extras.add(unknown);
                continue;
            }
            Class<?> wanted = field.getType();
            boolean many = wanted.isArray() && wanted != byte[].class;
            Object value = value(many ? wanted.componentType() : wanted);
            if (value != null && many) {
                arrays.computeIfAbsent(field, _ -> new ArrayList<>()).add(value);
            } else if (value != null) {
                set(field, owner, value);
            }
        }
        // What the stubs have no field for is kept where they keep what is loosely attached: a restore may want it.
        if (!extras.isEmpty() && owner instanceof DynamicData data) {
            data.dynamicProperty = extras.toArray(DynamicProperty[]::new);
        }
        arrays.forEach(
                (field, values) -> set(field, owner, array(field.getType().componentType(), values)));
    }

    /** A property may be an array of its own type, whose one field is what matters. */
    private @Nullable Object arrayOf(Class<?> type) throws XMLStreamException {
        Field only = Types.fields(type).values().iterator().next();
        Class<?> component = only.getType().componentType();
        List<Object> values = new ArrayList<>();
        while (nextChild()) {
            Object value = value(component);
            if (value != null) {
                values.add(value);
            }
        }
        return array(component, values);
    }

    private @Nullable Object plain(Class<?> type) throws XMLStreamException {
        String where = in.getLocalName();
        String text = text();
        if (type == String.class) {
            return text;
        }
        String word = text.strip();
        if (type.isEnum()) {
            for (Object constant : type.getEnumConstants()) {
                if (constant.toString().equals(word)) {
                    return constant;
                }
            }
            tell("constant", type.getSimpleName() + "." + word);
            return null;
        }
        try {
            return switch (type.getSimpleName()) {
                case "int", "Integer" -> Integer.valueOf(word);
                case "long", "Long" -> Long.valueOf(word);
                case "short", "Short" -> Short.valueOf(word);
                case "byte", "Byte" -> Byte.valueOf(word);
                case "double", "Double" -> Double.valueOf(word);
                case "float", "Float" -> Float.valueOf(word);
                case "boolean", "Boolean" -> word.equals("true") || word.equals("1");
                case "Calendar" -> time(word);
                case "byte[]" -> Base64.getMimeDecoder().decode(word);
                default -> null;
            };
        } catch (IllegalArgumentException | DateTimeException e) {
            throw broken("has no " + type.getSimpleName() + " in its element " + where, e);
        }
    }

    private static Calendar time(String text) {
        OffsetDateTime time = text.matches(".*(Z|[+-]\\d\\d:?\\d\\d)")
                ? OffsetDateTime.parse(text)
                : LocalDateTime.parse(text).atOffset(ZoneOffset.UTC);
        return GregorianCalendar.from(time.toZonedDateTime());
    }

    private RawElement raw(String type) throws XMLStreamException {
        String name = in.getLocalName();
        StringBuilder text = new StringBuilder();
        List<RawElement> children = new ArrayList<>();
        while (true) {
            int event = next();
            if (event == XMLStreamConstants.START_ELEMENT) {
                children.add(raw(typeName()));
            } else if (event == XMLStreamConstants.END_ELEMENT) {
                return new RawElement(name, type, children.isEmpty() ? text.toString() : "", List.copyOf(children));
            } else if (event == XMLStreamConstants.CHARACTERS || event == XMLStreamConstants.CDATA) {
                text.append(in.getText());
            }
        }
    }

    /** By far the most elements are plain and come in one piece. */
    private String text() throws XMLStreamException {
        String text = "";
        while (true) {
            int event = next();
            if (event == XMLStreamConstants.END_ELEMENT) {
                return text;
            }
            if (event == XMLStreamConstants.START_ELEMENT) {
                skip();
            } else if (event == XMLStreamConstants.CHARACTERS || event == XMLStreamConstants.CDATA) {
                text = text.isEmpty() ? in.getText() : text + in.getText();
            }
        }
    }

    private void skip() throws XMLStreamException {
        skipRest();
    }

    /** Up to the end of an element that was entered. */
    private void skipRest() throws XMLStreamException {
        while (nextChild()) {
            skip();
        }
    }

    private boolean nextChild() throws XMLStreamException {
        while (true) {
            int event = next();
            if (event == XMLStreamConstants.START_ELEMENT) {
                return true;
            }
            if (event == XMLStreamConstants.END_ELEMENT) {
                return false;
            }
        }
    }

    private void toElement() throws XMLStreamException {
        while (next() != XMLStreamConstants.START_ELEMENT) {
            // What stands before the first element says nothing.
        }
    }

    private int next() throws XMLStreamException {
        int event = in.next();
        if (event == XMLStreamConstants.DTD || event == XMLStreamConstants.ENTITY_REFERENCE) {
            throw broken("has a document type declaration or an entity, which no answer of vSphere has", null);
        }
        if (event == XMLStreamConstants.START_ELEMENT && ++depth > maxDepth) {
            throw broken("is nested deeper than " + maxDepth + " elements", null);
        }
        if (event == XMLStreamConstants.END_ELEMENT) {
            depth--;
        }
        return event;
    }

    private void require(String name) {
        if (!in.getLocalName().equals(name)) {
            throw broken("is no SOAP envelope but begins with <" + in.getLocalName() + ">", null);
        }
    }

    private String typeName() {
        return localName(in.getAttributeValue(XSI, "type"));
    }

    private static String localName(@Nullable String name) {
        return name == null ? "" : name.substring(name.indexOf(':') + 1).strip();
    }

    private static Object array(Class<?> component, List<Object> values) {
        Object array = Array.newInstance(component, values.size());
        int i = 0;
        for (Object value : values) {
            if (component.isPrimitive() || component.isInstance(value)) {
                Array.set(array, i++, value);
            }
        }
        return array;
    }

    private static void set(Field field, Object owner, Object value) {
        try {
            field.set(owner, value);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException("a public field of the stubs cannot be set: " + field, e);
        } catch (IllegalArgumentException e) {
            tell("kind of value for", field.getDeclaringClass().getSimpleName() + "." + field.getName());
        }
    }

    private static void tell(String kind, String name) {
        if (TOLD.size() < TOLD_AT_MOST && TOLD.add(kind + name)) {
            LOG.log(DEBUG, "passed over, not known to us: {0} {1}", kind, name);
        }
    }

    private static String firstLine(XMLStreamException e) {
        String message = String.valueOf(e.getMessage());
        int line = message.indexOf("Message: ");
        return (line < 0 ? message : message.substring(line + 9))
                .lines()
                .findFirst()
                .orElse("");
    }

    private static SoapException.NotVSphere broken(String how, @Nullable Exception cause) {
        return new SoapException.NotVSphere("the answer " + how, cause);
    }
}
