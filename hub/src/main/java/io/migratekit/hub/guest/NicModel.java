package io.migratekit.hub.guest;

/** Which network card does the guest see? */
public enum NicModel {
    VMXNET3("vmxnet3", "VirtualVmxnet3"),
    E1000("e1000", "VirtualE1000"),
    E1000E("e1000e", "VirtualE1000e"),
    PCNET("pcnet", "VirtualPCNet32");

    private final String word;
    private final String type;

    NicModel(String word, String type) {
        this.word = word;
        this.type = type;
    }

    /** What qemu calls it. */
    public String word() {
        return word;
    }

    /** The name of its type in vSphere's API. */
    String type() {
        return type;
    }
}
