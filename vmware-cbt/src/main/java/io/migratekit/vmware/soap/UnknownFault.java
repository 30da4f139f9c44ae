package io.migratekit.vmware.soap;

import com.vmware.vim25.MethodFault;

/** A fault of which the stubs have no class: its name is what matters. */
@SuppressWarnings("serial")
final class UnknownFault extends MethodFault {
    private static final long serialVersionUID = 1L;
    private final String typeName;

    UnknownFault(String typeName) {
        this.typeName = typeName;
    }

    /** What the server calls this fault, known to the stubs or not. */
    static String nameOf(MethodFault fault) {
        return fault instanceof UnknownFault unknown
                ? unknown.typeName
                : fault.getClass().getSimpleName();
    }
}
