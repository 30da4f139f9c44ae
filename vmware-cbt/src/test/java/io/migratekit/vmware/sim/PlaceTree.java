package io.migratekit.vmware.sim;

import java.util.Objects;

/** What are the properties of folders, datacenters, hosts, datastores and networks? Few: what clients walk along. */
final class PlaceTree {
    private PlaceTree() {}

    static Node of(World world, World.Place place) {
        String type = place.ref().type();
        Node tree = Node.object(type, type, Node.text("name", place.name()));
        MoRef parent = place.parent();
        if (parent != null) {
            tree.add(Node.ref("parent", parent));
        }
        switch (type) {
            case "Folder" -> world.childrenOf(place.ref(), "").forEach(c -> tree.add(Node.ref("childEntity", c)));
            case "Datacenter" -> {
                for (String kind : new String[] {"vm", "host", "datastore", "network"}) {
                    MoRef folder = Objects.requireNonNull(world.child(place.ref(), kind))
                            .ref();
                    tree.add(Node.ref(kind + "Folder", folder));
                    if (kind.equals("datastore") || kind.equals("network")) {
                        world.childrenOf(folder, "").forEach(c -> tree.add(Node.ref(kind, c)));
                    }
                }
            }
            case "ComputeResource" ->
                tree.add(Node.ref("host", world.host(place.name())), Node.ref("resourcePool", world.resourcePool()));
            case "HostSystem" ->
                world.vms().stream()
                        .filter(vm -> vm.host.equals(place.ref()))
                        .forEach(vm -> tree.add(Node.ref("vm", vm.ref)));
            case "ResourcePool" -> world.vms().forEach(vm -> tree.add(Node.ref("vm", vm.ref)));
            case "Datastore" -> {
                tree.add(Node.object(
                        "summary",
                        "DatastoreSummary",
                        Node.ref("datastore", place.ref()),
                        Node.text("name", place.name()),
                        Node.text("url", "ds:///vmfs/volumes/" + place.name() + "/"),
                        Node.number("capacity", 1L << 44),
                        Node.number("freeSpace", 1L << 43),
                        Node.flag("accessible", true),
                        Node.text("type", world.datastoreType(place.name()))));
                world.vms().stream()
                        .filter(vm -> vm.datastore.equals(place.name()))
                        .forEach(vm -> tree.add(Node.ref("vm", vm.ref)));
            }
            default -> {}
        }
        return tree;
    }
}
