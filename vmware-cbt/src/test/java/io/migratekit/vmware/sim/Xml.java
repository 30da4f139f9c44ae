package io.migratekit.vmware.sim;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.jspecify.annotations.Nullable;

/** How do SOAP requests become {@link Node}s, and Nodes SOAP answers? */
final class Xml {
    private static final String XSI = "http://www.w3.org/2001/XMLSchema-instance";
    private static final String SOAP = "http://schemas.xmlsoap.org/soap/envelope/";
    private static final int MAX_DEPTH = 100;

    private Xml() {}

    /** What stands in the envelope's body: the method and its arguments. */
    static Node readCall(String envelope) {
        try {
            XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
            factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
            factory.setProperty(XMLInputFactory.IS_COALESCING, true);
            XMLStreamReader in = factory.createXMLStreamReader(new StringReader(envelope));
            boolean inBody = false;
            while (in.hasNext()) {
                int event = in.next();
                if (event == XMLStreamConstants.DTD) {
                    throw new SimFault("InvalidRequest", "a DTD in a request").asException();
                }
                if (event == XMLStreamConstants.START_ELEMENT) {
                    if (inBody) {
                        if (!"urn:vim25".equals(in.getNamespaceURI())) {
                            throw new SimFault("InvalidRequest", "not in the namespace urn:vim25").asException();
                        }
                        return element(in, 0);
                    }
                    inBody = in.getLocalName().equals("Body") && SOAP.equals(in.getNamespaceURI());
                }
            }
        } catch (XMLStreamException e) {
            throw new SimFault("InvalidRequest", "not XML: " + e.getMessage()).asException();
        }
        throw new SimFault("InvalidRequest", "no SOAP body").asException();
    }

    private static Node element(XMLStreamReader in, int depth) throws XMLStreamException {
        if (depth > MAX_DEPTH) {
            throw new SimFault("InvalidRequest", "nested too deeply").asException();
        }
        String name = in.getLocalName();
        String type = withoutPrefix(in.getAttributeValue(XSI, "type"));
        String refType = withoutPrefix(in.getAttributeValue(null, "type"));
        StringBuilder text = new StringBuilder();
        List<Node> children = new ArrayList<>();
        while (in.next() != XMLStreamConstants.END_ELEMENT) {
            if (in.isStartElement()) {
                children.add(element(in, depth + 1));
            } else if (in.isCharacters()) {
                text.append(in.getText());
            }
        }
        String content = children.isEmpty() ? text.toString() : "";
        return Node.read(name, type == null ? "" : type, refType, content, children);
    }

    private static @Nullable String withoutPrefix(@Nullable String qualified) {
        return qualified == null ? null : qualified.substring(qualified.indexOf(':') + 1);
    }

    static String answer(String method, List<Node> results) {
        StringBuilder out = envelope();
        out.append('<').append(method).append("Response xmlns=\"urn:vim25\">");
        results.forEach(result -> write(result, out));
        out.append("</").append(method).append("Response>");
        return close(out);
    }

    static String fault(SimFault fault) {
        StringBuilder out = envelope();
        out.append("<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>");
        escape(fault.message(), out);
        out.append("</faultstring><detail><")
                .append(fault.name())
                .append("Fault xmlns=\"urn:vim25\" xsi:type=\"")
                .append(fault.name())
                .append("\">");
        fault.asNode("fault").children().forEach(child -> write(child, out));
        out.append("</").append(fault.name()).append("Fault></detail></soapenv:Fault>");
        return close(out);
    }

    private static StringBuilder envelope() {
        return new StringBuilder(1024)
                .append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soapenv:Envelope xmlns:soapenv=\"")
                .append(SOAP)
                .append("\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"")
                .append(XSI)
                .append("\">\n<soapenv:Body>\n");
    }

    private static String close(StringBuilder out) {
        return out.append("\n</soapenv:Body>\n</soapenv:Envelope>\n").toString();
    }

    static void write(Node node, StringBuilder out) {
        out.append('<').append(node.name());
        if (node.isRef()) {
            out.append(" type=\"").append(node.refType()).append('"');
        }
        if (node.typeIsShown()) {
            out.append(" xsi:type=\"").append(node.type()).append('"');
        }
        out.append('>');
        escape(node.text(), out);
        node.children().forEach(child -> write(child, out));
        out.append("</").append(node.name()).append('>');
    }

    private static void escape(String text, StringBuilder out) {
        for (int i = 0; i < text.length(); i++) {
            switch (text.charAt(i)) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '\r' -> out.append("&#13;");
                default -> out.append(text.charAt(i));
            }
        }
    }
}
