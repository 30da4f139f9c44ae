package io.migratekit.vmware;

/**
 * Which VM do we talk about? Its reference at this vCenter, and what people call it.
 *
 * @param moref the managed object's id, such as {@code vm-57}: for calls, not to be stored
 * @param path where it stands in the inventory, such as {@code /DC/vm/web01}: for messages
 */
public record VmRef(String moref, String path) {
    @Override
    public String toString() {
        return path + " (" + moref + ")";
    }
}
