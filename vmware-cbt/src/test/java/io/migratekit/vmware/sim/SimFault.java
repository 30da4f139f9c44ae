package io.migratekit.vmware.sim;

import java.util.ArrayList;
import java.util.List;

/**
 * A fault as vSphere tells it: the name of its type, a message for people, and fields.
 *
 * @param name as in the schema, such as {@code FileFault}; a name that no schema has is fine, too
 */
public record SimFault(String name, String message, List<Field> fields) {
    /** A field of a fault, in the order of the schema. */
    public record Field(String name, String value) {}

    public SimFault {
        fields = List.copyOf(fields);
    }

    public SimFault(String name, String message) {
        this(name, message, List.of());
    }

    /** With some message. */
    public static SimFault named(String name) {
        return switch (name) {
            case "NotAuthenticated" ->
                new SimFault(name, "The session is not authenticated.").with("privilegeId", "System.View");
            case "FileFault" ->
                new SimFault(name, "Error caused by file /vmfs/volumes/ds1/vm/vm.vmdk")
                        .with("file", "/vmfs/volumes/ds1/vm/vm.vmdk");
            case "NoPermission" ->
                new SimFault(name, "Permission to perform this operation was denied.")
                        .with("privilegeId", "VirtualMachine.State.CreateSnapshot");
            default -> new SimFault(name, "simulated " + name);
        };
    }

    public static SimFault invalidArgument(String property) {
        return new SimFault("InvalidArgument", "A specified parameter was not correct: " + property)
                .with("invalidProperty", property);
    }

    static SimFault gone(MoRef ref) {
        return new SimFault(
                        "ManagedObjectNotFound",
                        "The object 'vim." + ref.type() + ":" + ref.id()
                                + "' has already been deleted or has not been completely created")
                .with("obj", ref.id());
    }

    public SimFault with(String field, String value) {
        List<Field> more = new ArrayList<>(fields);
        more.add(new Field(field, value));
        return new SimFault(name, message, more);
    }

    Thrown asException() {
        return new Thrown(this);
    }

    /** The fault's contents as elements; {@code obj} is the one field of type reference. */
    Node asNode(String element) {
        Node node = Node.subtype(element, name);
        for (Field field : fields) {
            node.add(
                    field.name().equals("obj")
                            ? Node.ref("obj", new MoRef(typeOf(field.value()), field.value()))
                            : Node.text(field.name(), field.value()));
        }
        return node;
    }

    private static String typeOf(String id) {
        if (id.startsWith("snapshot-")) {
            return "VirtualMachineSnapshot";
        }
        return id.startsWith("task-") ? "Task" : "VirtualMachine";
    }

    /** Carries a fault out of a method. */
    static final class Thrown extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final transient SimFault fault;

        Thrown(SimFault fault) {
            super(fault.name() + ": " + fault.message(), null, false, false);
            this.fault = fault;
        }

        SimFault fault() {
            return fault;
        }
    }
}
