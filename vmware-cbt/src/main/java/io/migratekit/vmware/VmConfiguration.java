package io.migratekit.vmware;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.vmware.soap.Facts;
import io.migratekit.vmware.soap.MoRef;
import io.migratekit.vmware.soap.SoapException;
import io.migratekit.vmware.soap.Vim;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What is this VM, in all that a restore needs to know, as it was when asked? */
public final class VmConfiguration {
    private static final Set<String> REQUIRED = Set.of("name", "config", "runtime.powerState");

    private static final Set<String> OPTIONAL = Set.of(
            "capability.changeTrackingSupported",
            "config.keyId",
            "customValue",
            "datastore",
            "disabledMethod",
            "guest.guestFullName",
            "guest.hostName",
            "guest.toolsRunningStatus",
            "network",
            "resourcePool",
            "runtime.consolidationNeeded",
            "runtime.faultToleranceState",
            "runtime.host",
            "snapshot",
            "summary.runtime.connectionState",
            "value");

    private final VmRef vm;
    private final Facts facts;
    private final JsonObject document;

    private VmConfiguration(VmRef vm, Facts facts, JsonObject document) {
        this.vm = vm;
        this.facts = facts;
        this.document = document;
    }

    static VmConfiguration read(Vim vim, VmRef vm) {
        Facts facts = vim.properties(VCenter.reference(vm), REQUIRED, OPTIONAL);
        JsonObject document = new JsonObject();
        document.addProperty("server", vim.about().fullName());
        document.addProperty("read", Instant.now().toString());
        document.addProperty("moref", vm.moref());
        document.addProperty("path", vm.path());
        // In the order of names, so that two documents can be compared.
        new java.util.TreeMap<>(facts.values()).forEach(document::add);
        document.add("networks", named(vim, facts.list("network"), Set.of("name"), Set.of("key")));
        document.add("datastores", named(vim, facts.list("datastore"), Set.of("name"), Set.of("summary.type")));
        return new VmConfiguration(vm, facts, document);
    }

    /** What a restore elsewhere can find again: names, where the configuration has only references. */
    private static JsonArray named(Vim vim, JsonArray references, Set<String> required, Set<String> optional) {
        JsonArray all = new JsonArray();
        for (JsonElement one : references) {
            MoRef.of(one).ifPresent(reference -> {
                JsonObject object = new JsonObject();
                object.addProperty("type", reference.type());
                object.addProperty("moref", reference.id());
                try {
                    Set<String> asked = reference.type().equals("Network") ? Set.of() : optional;
                    for (Map.Entry<String, JsonElement> value :
                            vim.properties(reference, required, asked).values().entrySet()) {
                        object.add(value.getKey(), value.getValue());
                    }
                } catch (SoapException.Fault e) {
                    // Not every user may look at every network; the reference is better than nothing.
                    object.addProperty("hidden", e.name());
                }
                all.add(object);
            });
        }
        return all;
    }

    /** Everything, in the words and the structure of vSphere's own JSON: {@code _typeName}, names as in the API. */
    public JsonObject toJson() {
        return document.deepCopy();
    }

    public VmRef vm() {
        return vm;
    }

    public String name() {
        return Inventory.plain(facts.text("name"));
    }

    public String instanceUuid() {
        return VmDisks.text(config(), "instanceUuid");
    }

    /** The disks of the living VM. Their change ids are not to be remembered: those of a snapshot are. */
    public List<VmDisk> disks() {
        return VmDisks.of(devices());
    }

    public boolean changeTrackingEnabled() {
        return isTrue(config(), "changeTrackingEnabled");
    }

    /** Whether the hardware can track changes; old servers do not tell, and then it is tried. */
    public boolean changeTrackingSupported() {
        return facts.get("capability.changeTrackingSupported") == null
                || facts.flag("capability.changeTrackingSupported");
    }

    /** Such as {@code poweredOn}. */
    public String powerState() {
        return facts.text("runtime.powerState");
    }

    /** Such as {@code connected}; empty if not told. */
    public String connectionState() {
        return facts.text("summary.runtime.connectionState");
    }

    /** Such as 19 for {@code vmx-19}; 0 if not told. */
    public int hardwareVersion() {
        String digits = VmDisks.text(config(), "version").replaceFirst("^vmx-0*(\\d{1,4})$", "$1");
        return digits.matches("\\d+") ? Integer.parseInt(digits) : 0;
    }

    public boolean template() {
        return isTrue(config(), "template");
    }

    public boolean encrypted() {
        return facts.get("config.keyId") != null || config().has("keyId");
    }

    public boolean consolidationNeeded() {
        return facts.flag("runtime.consolidationNeeded");
    }

    /** How many snapshots there are in the whole tree, anybody's. */
    public int snapshotCount() {
        return Inventory.countSnapshots(facts.get("snapshot"));
    }

    /** Rule 21: what is special about this VM, so that no snapshot of it may be possible; with what can be done. */
    public Optional<String> hindrance() {
        String faultTolerance = facts.text("runtime.faultToleranceState");
        if (template()) {
            return Optional.of("It is a template, and templates have no snapshots: convert it to a VM first");
        }
        if (!faultTolerance.isEmpty() && !faultTolerance.equals("notConfigured")) {
            return Optional.of("Fault tolerance is on for this VM (" + faultTolerance + "), which may forbid snapshots:"
                    + " turn it off while the backup runs");
        }
        return disks().stream()
                .map(FolderSource::datastore)
                .filter(name -> datastoreType(name).equalsIgnoreCase("VVOL"))
                .findFirst()
                .map(name -> "Its disks are virtual volumes (datastore " + name + "), of which the storage array takes"
                        + " the snapshots: look whether it can, and whether its VASA provider is up");
    }

    /** All virtual devices, as vSphere describes them. */
    JsonArray devices() {
        return VmDisks.list(VmDisks.inner(config(), "hardware"), "device");
    }

    /** Of which kind is the datastore of this name, such as {@code VMFS}; empty if not told. */
    String datastoreType(String name) {
        for (JsonElement one : document.getAsJsonArray("datastores")) {
            if (one instanceof JsonObject object && VmDisks.text(object, "name").equals(name)) {
                return VmDisks.text(object, "summary.type");
            }
        }
        return "";
    }

    private JsonObject config() {
        return facts.get("config") instanceof JsonObject config ? config : new JsonObject();
    }

    private static boolean isTrue(JsonObject object, String name) {
        return VmDisks.text(object, name).equals("true");
    }
}
