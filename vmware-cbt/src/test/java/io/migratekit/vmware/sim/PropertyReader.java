package io.migratekit.vmware.sim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What does a filter of the PropertyCollector select? Objects along traversals, then their properties by path. */
final class PropertyReader {
    private static final Set<String> ENTITIES = Set.of(
            "Folder",
            "Datacenter",
            "ComputeResource",
            "HostSystem",
            "ResourcePool",
            "Datastore",
            "Network",
            "VirtualMachine");
    private final Function<MoRef, @Nullable Node> properties;

    PropertyReader(Function<MoRef, @Nullable Node> properties) {
        this.properties = properties;
    }

    /** The ObjectContents that the filters select, as {@code objects} (or {@code returnval}) elements. */
    List<Node> read(List<Node> filters, String element, Optional<SimFault> missing) {
        List<Node> answer = new ArrayList<>();
        for (Node filter : filters) {
            Map<MoRef, Node> selected = new LinkedHashMap<>();
            for (Node objectSpec : filter.all("objectSet")) {
                select(objectSpec, selected);
            }
            for (Map.Entry<MoRef, Node> entry : selected.entrySet()) {
                List<Node> wanted = filter.all("propSet").stream()
                        .filter(p -> matches(entry.getKey().type(), p.need("type")))
                        .toList();
                if (!wanted.isEmpty()) {
                    answer.add(content(element, entry.getKey(), entry.getValue(), wanted, missing));
                }
            }
        }
        return answer;
    }

    private void select(Node objectSpec, Map<MoRef, Node> selected) {
        MoRef root = objectSpec
                .find("obj")
                .orElseThrow(() -> SimFault.invalidArgument("obj").asException())
                .ref();
        Node tree = properties.apply(root);
        if (tree == null) {
            throw SimFault.gone(root).asException();
        }
        if (!isTrue(objectSpec, "skip")) {
            selected.put(root, tree);
        }
        Map<String, Node> named = new HashMap<>();
        collectNamed(objectSpec, named);
        walk(root, tree, objectSpec.all("selectSet"), named, selected, new HashSet<>());
    }

    private static void collectNamed(Node node, Map<String, Node> named) {
        for (Node spec : node.all("selectSet")) {
            if (spec.find("path").isPresent()) {
                spec.value("name").ifPresent(name -> named.put(name, spec));
                collectNamed(spec, named);
            }
        }
    }

    private void walk(
            MoRef from,
            Node tree,
            List<Node> specs,
            Map<String, Node> named,
            Map<MoRef, Node> selected,
            Set<String> been) {
        for (Node given : specs) {
            Node spec = given.find("path").isPresent()
                    ? given
                    : named.get(given.value("name").orElse(""));
            if (spec == null) {
                throw SimFault.invalidArgument("selectSet").asException();
            }
            if (!matches(from.type(), spec.need("type"))
                    || !been.add(from.id() + " " + System.identityHashCode(spec))) {
                continue;
            }
            for (Node target : Paths.nodes(tree, spec.need("path"))) {
                Node next = target.isRef() ? properties.apply(target.ref()) : null;
                if (next != null) {
                    if (!isTrue(spec, "skip")) {
                        selected.put(target.ref(), next);
                    }
                    walk(target.ref(), next, spec.all("selectSet"), named, selected, been);
                }
            }
        }
    }

    private static boolean isTrue(Node node, String flag) {
        return node.value(flag).map(v -> v.equals("true") || v.equals("1")).orElse(false);
    }

    private static boolean matches(String actual, String wanted) {
        return actual.equals(wanted)
                || (wanted.equals("ManagedEntity") && ENTITIES.contains(actual))
                || (wanted.equals("View") && actual.equals("ContainerView"));
    }

    private static Node content(String element, MoRef ref, Node tree, List<Node> wanted, Optional<SimFault> missing) {
        Node content = Node.object(element, "ObjectContent", Node.ref("obj", ref));
        Set<String> paths = wanted.stream()
                .flatMap(p -> isTrue(p, "all")
                        ? tree.children().stream().map(Node::name)
                        : p.all("pathSet").stream().map(Node::text))
                .collect(Collectors.toCollection(java.util.LinkedHashSet::new));
        List<Node> absent = new ArrayList<>();
        for (String path : paths) {
            if (missing.isPresent()) {
                absent.add(missing(path, missing.get()));
            } else {
                Paths.value(ref.type(), tree, path)
                        .ifPresent(value ->
                                content.add(Node.object("propSet", "DynamicProperty", Node.text("name", path), value)));
            }
        }
        return content.add(absent);
    }

    private static Node missing(String path, SimFault fault) {
        return Node.object(
                "missingSet",
                "MissingProperty",
                Node.text("path", path),
                Node.object(
                        "fault",
                        "LocalizedMethodFault",
                        fault.asNode("fault"),
                        Node.text("localizedMessage", fault.message())));
    }
}
