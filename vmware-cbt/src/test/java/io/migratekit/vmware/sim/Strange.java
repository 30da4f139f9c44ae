package io.migratekit.vmware.sim;

import java.util.List;

/** How would a newer server say the same? With elements, types and enum constants that no client of today knows. */
final class Strange {
    private Strange() {}

    static List<Node> all(List<Node> nodes) {
        return nodes.stream().map(Strange::one).toList();
    }

    private static Node one(Node node) {
        if (node.children().isEmpty()) {
            return node.type().equals("ManagedEntityStatus")
                    ? Node.leaf(node.name(), node.type(), "ultraviolet").renamed(node.name(), node.typeIsShown())
                    : node;
        }
        Node stranger =
                node.typeIsShown() ? Node.subtype(node.name(), node.type()) : Node.object(node.name(), node.type());
        stranger.add(all(node.children()));
        boolean isArray = node.type().startsWith("ArrayOf");
        if (node.type().equals("ArrayOfVirtualDevice")) {
            stranger.add(device("VirtualDevice"));
        } else if (node.type().equals("VirtualHardware")) {
            stranger.add(device("device"));
        }
        if (!isArray) {
            stranger.add(Node.subtype(
                    "elementOfTheFuture", "TypeOfTheFuture", Node.text("depth", "1"), Node.number("count", 2)));
        }
        return stranger;
    }

    private static Node device(String element) {
        return Node.subtype(
                element,
                "VirtualQuantumController",
                Node.number("key", 77000),
                Node.object("deviceInfo", "Description", Node.text("label", "Quantum"), Node.text("summary", "?")),
                Node.number("entangled", 1));
    }
}
