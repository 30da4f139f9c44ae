package io.migratekit.vmware;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.vmware.soap.Facts;
import io.migratekit.vmware.soap.MoRef;
import io.migratekit.vmware.soap.SoapException;
import io.migratekit.vmware.soap.Vim;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Which VMs are there, and where do they stand? */
final class Inventory {
    private static final String VM = "VirtualMachine";
    private static final Set<String> LISTED = Set.of(
            "name",
            "parent",
            "parentVApp",
            "config.instanceUuid",
            "config.template",
            "config.version",
            "config.changeTrackingEnabled",
            "summary.config.guestFullName",
            "summary.config.numVirtualDisks",
            "summary.storage.committed",
            "runtime.powerState",
            "snapshot");

    /** As deep as a tree of folders can reasonably be; a parent that is its own grandchild would have no end. */
    private static final int DEEPEST = 100;

    private final VCenter vcenter;

    Inventory(VCenter vcenter) {
        this.vcenter = vcenter;
    }

    VmRef find(String wanted) {
        String text = wanted.strip();
        Vim vim = vcenter.vim();
        if (text.contains("/")) {
            MoRef found = vim.findByPath(text.replaceAll("^/+|/+$", ""))
                    .orElseThrow(() -> notFound(text, "there is nothing at this path"));
            if (!found.type().equals(VM)) {
                throw new VSphereException.NotFound(text + " is no VM but a " + found.type());
            }
            return named(found);
        }
        if (text.matches("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")) {
            return vim.findByUuid(text, true)
                    .or(() -> vim.findByUuid(text, false))
                    .map(this::named)
                    .orElseThrow(() -> notFound(text, "no VM has it as instance UUID or BIOS UUID"));
        }
        return byReference(text).orElseGet(() -> byName(text));
    }

    private Optional<VmRef> byReference(String text) {
        if (!text.matches("(vm-)?\\d+")) {
            return Optional.empty();
        }
        MoRef reference = new MoRef(VM, text);
        try {
            var _ = vcenter.vim().properties(reference, Set.of("name"), Set.of());
            return Optional.of(named(reference));
        } catch (SoapException.Fault e) {
            if (e.name().equals("ManagedObjectNotFound")) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private VmRef byName(String name) {
        List<Facts> all =
                vcenter.vim().all(List.of(VM, "Folder", "Datacenter", "VirtualApp"), Set.of("name", "parent"));
        List<MoRef> same = all.stream()
                .filter(one -> one.object().type().equals(VM)
                        && plain(one.text("name")).equals(name))
                .map(Facts::object)
                .toList();
        if (same.isEmpty()) {
            throw notFound(name, "no VM that this user may see has this name");
        }
        List<VmRef> named = same.stream().map(this::named).toList();
        if (named.size() > 1) {
            throw new VSphereException.BadSpec(named.size() + " VMs are called " + name + "; say which: "
                    + String.join(", ", named.stream().map(VmRef::path).toList()));
        }
        return named.getFirst();
    }

    private VSphereException notFound(String wanted, String why) {
        return new VSphereException.NotFound("there is no VM " + wanted + " at "
                + vcenter.spec().endpoint() + ": " + why + "; 'migratekit vmware list' shows all");
    }

    private VmRef named(MoRef vm) {
        Map<String, Facts> byId = new HashMap<>();
        vcenter.vim().ancestors(vm).forEach(one -> byId.put(one.object().id(), one));
        return new VmRef(vm.id(), path(vm.id(), byId));
    }

    /** The path of the datacenter that holds it; an ESXi host alone calls its only one always the same. */
    String datacenter(MoRef vm) {
        Map<String, Facts> byId = new HashMap<>();
        vcenter.vim().ancestors(vm).forEach(one -> byId.put(one.object().id(), one));
        return byId.values().stream()
                .map(Facts::object)
                .filter(object -> object.type().equals("Datacenter"))
                .map(object -> path(object.id(), byId).substring(1))
                .findFirst()
                .orElse("ha-datacenter");
    }

    List<VmSummary> list() {
        List<Facts> all = vcenter.vim().all(List.of(VM, "Folder", "Datacenter", "VirtualApp"), LISTED);
        Map<String, Facts> byId = new HashMap<>();
        all.forEach(one -> byId.put(one.object().id(), one));
        List<VmSummary> vms = new ArrayList<>();
        for (Facts one : all) {
            if (one.object().type().equals(VM)) {
                vms.add(new VmSummary(
                        new VmRef(one.object().id(), path(one.object().id(), byId)),
                        plain(one.text("name")),
                        one.text("config.instanceUuid"),
                        one.text("runtime.powerState"),
                        one.flag("config.template"),
                        one.text("config.version"),
                        one.text("summary.config.guestFullName"),
                        (int) one.number("summary.config.numVirtualDisks", 0),
                        one.number("summary.storage.committed", 0),
                        one.flag("config.changeTrackingEnabled"),
                        countSnapshots(one.get("snapshot"))));
            }
        }
        vms.sort(java.util.Comparator.comparing(vm -> vm.vm().path()));
        return vms;
    }

    /** How many snapshots are in the tree that hangs there. */
    static int countSnapshots(@org.jspecify.annotations.Nullable JsonElement snapshot) {
        if (!(snapshot instanceof JsonObject object)) {
            return 0;
        }
        int count = 0;
        for (String branch : List.of("rootSnapshotList", "childSnapshotList")) {
            if (object.get(branch) instanceof JsonArray list) {
                for (JsonElement one : list) {
                    count += 1 + countSnapshots(one);
                }
            }
        }
        return count;
    }

    /** Names carry slashes and percent signs encoded. */
    static String plain(String name) {
        return name.replaceAll("(?i)%2f", "/").replaceAll("(?i)%5c", "\\\\").replace("%25", "%");
    }

    /** The root folder is not part of a path. */
    private static String path(String id, Map<String, Facts> byId) {
        StringBuilder path = new StringBuilder();
        Facts one = byId.get(id);
        for (int depth = 0; one != null && depth < DEEPEST; depth++) {
            Optional<MoRef> vApp = one.reference("parentVApp");
            MoRef parent = one.reference("parent").or(() -> vApp).orElse(null);
            if (parent == null) {
                break;
            }
            path.insert(0, "/" + one.text("name"));
            one = byId.get(parent.id());
        }
        return path.toString();
    }

    /** An ESXi host alone has no instance UUID; its hardware has one. */
    String hostUuid() {
        return vcenter.vim().all(List.of("HostSystem"), Set.of("name")).stream()
                .findFirst()
                .map(host -> vcenter.vim()
                        .properties(
                                host.object(), Set.of(), Set.of("summary.hardware.uuid", "hardware.systemInfo.uuid")))
                .map(host -> host.text("hardware.systemInfo.uuid").isEmpty()
                        ? host.text("summary.hardware.uuid")
                        : host.text("hardware.systemInfo.uuid"))
                .filter(uuid -> !uuid.isEmpty())
                .orElseGet(() -> vcenter.spec().endpoint().toString());
    }
}
