package io.migratekit.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VmSummary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which VMs are there? */
@Command(
        name = "list",
        description = {
            "List the VMs with their paths, state, change tracking, snapshots and number of disks;"
                    + " with a VM, its disks: keys, sizes, change tracking, files."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class VmwareListCommand implements Callable<Integer> {
    private static final List<String> HEAD = List.of("PATH", "STATE", "CBT", "SNAPSHOTS", "DISKS", "STORAGE", "UUID");

    private final Console console;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it before any use.
    private VmwareLogin vmware;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private VmwareVmOptions one;

    @Option(names = "--json", description = "Print JSON instead of text.")
    private boolean json;

    VmwareListCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        try (VCenter vc = vmware.login(console)) {
            Optional<String> wanted = one.find();
            if (wanted.isPresent()) {
                VmwareDiskList disks = new VmwareDiskList(vc.configuration(vc.find(wanted.get())));
                console.out().print(json ? disks.json() + "\n" : "");
                if (!json) {
                    Columns.print(console.out(), disks.rows());
                }
                return ExitCode.DONE.code();
            }
            List<VmSummary> vms = vc.list();
            if (json) {
                console.out().println(document(vc, vms));
            } else {
                table(vms);
            }
        }
        return ExitCode.DONE.code();
    }

    private static JsonObject document(VCenter vc, List<VmSummary> vms) {
        JsonObject document = new JsonObject();
        document.addProperty("endpoint", vc.spec().endpoint().toString());
        document.addProperty("instanceUuid", vc.instanceUuid());
        JsonArray all = new JsonArray();
        for (VmSummary vm : vms) {
            JsonObject one = new JsonObject();
            one.addProperty("path", vm.vm().path());
            one.addProperty("moref", vm.vm().moref());
            one.addProperty("name", vm.name());
            one.addProperty("instanceUuid", vm.instanceUuid());
            one.addProperty("powerState", vm.powerState());
            one.addProperty("template", vm.template());
            one.addProperty("hardwareVersion", vm.hardwareVersion());
            one.addProperty("guest", vm.guest());
            one.addProperty("disks", vm.disks());
            one.addProperty("storageBytes", vm.storageBytes());
            one.addProperty("changeTracking", vm.changeTrackingEnabled());
            one.addProperty("snapshots", vm.snapshots());
            all.add(one);
        }
        document.add("vms", all);
        return document;
    }

    private void table(List<VmSummary> vms) {
        List<List<String>> rows = new ArrayList<>(List.of(HEAD));
        for (VmSummary vm : vms) {
            rows.add(List.of(
                    Printable.of(vm.vm().path()),
                    vm.template()
                            ? "template"
                            : Printable.of(vm.powerState().replaceFirst("^powered", ""))
                                    .toLowerCase(java.util.Locale.ROOT),
                    vm.changeTrackingEnabled() ? "on" : "off",
                    Integer.toString(vm.snapshots()),
                    Integer.toString(vm.disks()),
                    Sizes.rounded(vm.storageBytes()),
                    Printable.of(vm.instanceUuid())));
        }
        Columns.print(console.out(), rows);
    }
}
