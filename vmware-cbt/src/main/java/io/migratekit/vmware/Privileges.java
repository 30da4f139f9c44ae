package io.migratekit.vmware;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.vmware.soap.MoRef;
import io.migratekit.vmware.soap.SoapException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What must a user be allowed to do, so that a VM can be backed up? The list of docs/operations.md, but for what switching
 * change tracking on takes.
 */
final class Privileges {
    private static final List<String> FOR_SNAPSHOTS = List.of(
            "VirtualMachine.State.CreateSnapshot",
            "VirtualMachine.State.RemoveSnapshot",
            "VirtualMachine.State.RenameSnapshot");
    private static final List<String> FOR_VDDK = List.of(
            "VirtualMachine.Config.DiskLease",
            "VirtualMachine.Provisioning.DiskRandomRead",
            "VirtualMachine.Provisioning.GetVmFiles");
    private static final List<String> ON_DATASTORE = List.of("Datastore.Browse", "Datastore.FileManagement");
    private static final String DECRYPT = "Cryptographer.Access";
    /** An older server, or a host alone, may not know the question, or not know one of the privileges. */
    private static final Set<String> CANNOT_SAY =
            Set.of("NotSupported", "NotImplemented", "MethodNotFound", "InvalidArgument", "InvalidRequest");

    private Privileges() {}

    static Optional<List<String>> missing(VCenter vc, VmConfiguration vm, DiskServerSpec.Source source) {
        List<String> onVm = new ArrayList<>(FOR_SNAPSHOTS);
        if (source == DiskServerSpec.Source.VDDK) {
            onVm.addAll(FOR_VDDK);
        }
        if (vm.encrypted()) {
            onVm.add(DECRYPT);
        }
        Optional<List<String>> missing =
                lacking(vc, VCenter.reference(vm.vm()), vm.vm().toString(), onVm);
        for (JsonElement one : vm.toJson().getAsJsonArray("datastores")) {
            JsonObject datastore = one.getAsJsonObject();
            MoRef reference = new MoRef("Datastore", VmDisks.text(datastore, "moref"));
            String name = "the datastore " + VmDisks.text(datastore, "name");
            missing = missing.flatMap(
                    all -> lacking(vc, reference, name, ON_DATASTORE).map(more -> {
                        List<String> both = new ArrayList<>(all);
                        both.addAll(more);
                        return both;
                    }));
        }
        return missing;
    }

    private static Optional<List<String>> lacking(VCenter vc, MoRef object, String name, List<String> privileges) {
        return vc.asked("asking which privileges we have on " + name, vim -> {
            try {
                return vim.lacking(object, privileges)
                        .map(all -> all.stream()
                                .map(privilege -> privilege + " on " + name)
                                .toList());
            } catch (SoapException.Fault e) {
                if (CANNOT_SAY.contains(e.name())) {
                    return Optional.empty();
                }
                throw e;
            }
        });
    }
}
