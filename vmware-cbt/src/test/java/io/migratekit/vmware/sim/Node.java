package io.migratekit.vmware.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What does an XML element of vSphere hold? A tree that is built and then only read, with the type that
 * {@code xsi:type} would tell.
 */
final class Node {
    private final String name;
    private final String type;
    private final boolean typeIsShown;
    private final @Nullable String refType;
    private final @Nullable String text;
    private final List<Node> children = new ArrayList<>();

    private Node(String name, String type, boolean typeIsShown, @Nullable String refType, @Nullable String text) {
        this.name = name;
        this.type = type;
        this.typeIsShown = typeIsShown;
        this.refType = refType;
        this.text = text;
    }

    /** An object of the type that the schema declares at this place. */
    static Node object(String name, String type, Node... children) {
        return new Node(name, type, false, null, null).add(children);
    }

    /** An object of a subtype of what the schema declares. */
    static Node subtype(String name, String type, Node... children) {
        return new Node(name, type, true, null, null).add(children);
    }

    static Node leaf(String name, String type, Object value) {
        return new Node(name, type, false, null, value.toString());
    }

    static Node text(String name, String value) {
        return leaf(name, "xsd:string", value);
    }

    static Node number(String name, int value) {
        return leaf(name, "xsd:int", value);
    }

    static Node number(String name, long value) {
        return leaf(name, "xsd:long", value);
    }

    static Node flag(String name, boolean value) {
        return leaf(name, "xsd:boolean", value);
    }

    static Node time(String name, java.time.Instant value) {
        return leaf(name, "xsd:dateTime", value.truncatedTo(java.time.temporal.ChronoUnit.MILLIS));
    }

    static Node ref(String name, MoRef ref) {
        return new Node(name, "ManagedObjectReference", false, ref.type(), ref.id());
    }

    /** An element as it was read. */
    static Node read(String name, String type, @Nullable String refType, String text, List<Node> children) {
        Node node = new Node(name, type, false, refType, text);
        node.children.addAll(children);
        return node;
    }

    Node add(Node... more) {
        children.addAll(List.of(more));
        return this;
    }

    Node add(List<Node> more) {
        children.addAll(more);
        return this;
    }

    /** The same value under another name, with its type shown if asked. */
    Node renamed(String newName, boolean showType) {
        Node copy = new Node(newName, type, showType, refType, text);
        copy.children.addAll(children);
        return copy;
    }

    String name() {
        return name;
    }

    String type() {
        return type;
    }

    boolean typeIsShown() {
        return typeIsShown;
    }

    @Nullable
    String refType() {
        return refType;
    }

    String text() {
        return text == null ? "" : text;
    }

    boolean isRef() {
        return refType != null;
    }

    MoRef ref() {
        return new MoRef(refType == null ? "" : refType, text());
    }

    List<Node> children() {
        return children;
    }

    List<Node> all(String childName) {
        return children.stream().filter(c -> c.name.equals(childName)).toList();
    }

    Optional<Node> find(String childName) {
        return children.stream().filter(c -> c.name.equals(childName)).findFirst();
    }

    /** The text of a child, if it is there. */
    Optional<String> value(String childName) {
        return find(childName).map(Node::text);
    }

    /** The text of a child that the call cannot do without. */
    String need(String childName) {
        return value(childName)
                .orElseThrow(() -> new SimFault("InvalidRequest", "the element " + childName + " is missing in " + name)
                        .asException());
    }
}
