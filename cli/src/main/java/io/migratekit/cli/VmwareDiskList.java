package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.vmware.VmConfiguration;
import io.migratekit.vmware.VmDisk;
import java.util.ArrayList;
import java.util.List;

/** Which disks has a VM, by the keys that other commands want to hear? */
record VmwareDiskList(VmConfiguration vm) {
    private static final List<String> HEAD = List.of("DISK", "LABEL", "SIZE", "CBT", "MODE", "FILE");

    List<List<String>> rows() {
        List<List<String>> rows = new ArrayList<>(List.of(HEAD));
        for (VmDisk disk : vm.disks()) {
            rows.add(List.of(
                    Integer.toString(disk.key()),
                    Printable.of(disk.label()),
                    Sizes.rounded(disk.capacityBytes()),
                    disk.changeId().isPresent() ? "on" : "off",
                    Printable.of(disk.mode()),
                    Printable.of(disk.file())
                            + (disk.isClone() ? " on " + Printable.of(String.join(", ", disk.parents())) : "")));
        }
        return rows;
    }

    JsonObject json() {
        JsonObject document = new JsonObject();
        document.addProperty("path", vm.vm().path());
        document.addProperty("instanceUuid", vm.instanceUuid());
        JsonArray disks = new JsonArray();
        for (VmDisk disk : vm.disks()) {
            JsonObject one = new JsonObject();
            one.addProperty("disk", disk.key());
            one.addProperty("label", disk.label());
            one.addProperty("capacityBytes", disk.capacityBytes());
            one.addProperty("changeTracking", disk.changeId().isPresent());
            one.addProperty("mode", disk.mode());
            one.addProperty("file", disk.file());
            JsonArray parents = new JsonArray();
            disk.parents().forEach(parents::add);
            one.add("parents", parents);
            disks.add(one);
        }
        document.add("disks", disks);
        return document;
    }
}
