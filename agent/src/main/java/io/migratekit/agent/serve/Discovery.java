package io.migratekit.agent.serve;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.migratekit.agent.hub.HubClient;
import io.migratekit.agent.migration.HubRequests;
import io.migratekit.vmware.VCenter;
import io.migratekit.vmware.VCenterListener;
import io.migratekit.vmware.VCenterSpec;
import io.migratekit.vmware.VSphereException;
import io.migratekit.vmware.VmConfiguration;
import io.migratekit.vmware.VmSummary;

/** Which VMs does a vCenter have, and what does a hub have to know of them? */
final class Discovery {
    private static final System.Logger LOG = System.getLogger(Discovery.class.getName());

    private Discovery() {}

    /** What came of a look: so many VMs were told, so many could not be looked at. */
    record Found(int vms, int failed) {}

    /** Looks, and tells the hub. A VM that cannot be looked at, or is gone by then, is left out. */
    static Found look(VCenterSpec spec, HubClient hub, String agent) {
        JsonArray seen = new JsonArray();
        int failed = 0;
        String id;
        try (VCenter vcenter = VCenter.login(spec, VCenterListener.NOBODY)) {
            id = vcenter.instanceUuid();
            for (VmSummary vm : vcenter.list()) {
                if (vm.template() || vm.instanceUuid().isEmpty()) {
                    continue;
                }
                try {
                    VmConfiguration configuration = vcenter.configuration(vm.vm());
                    hub.putVm(vm.instanceUuid(), HubRequests.inventory(id, configuration));
                    seen.add(sighting(vcenter, configuration));
                } catch (VSphereException.NotFound | VSphereException.Denied e) {
                    failed++;
                    LOG.log(System.Logger.Level.WARNING, () -> "vm=" + vm.name() + " is left out: " + e.getMessage());
                }
            }
        }
        JsonObject all = new JsonObject();
        all.addProperty("vcenter", id);
        all.add("vms", seen);
        hub.putSightings(agent, all);
        return new Found(seen.size(), failed);
    }

    private static JsonObject sighting(VCenter vcenter, VmConfiguration vm) {
        JsonObject one = new JsonObject();
        one.addProperty("vm", vm.instanceUuid());
        one.addProperty("name", vm.name());
        vcenter.host(vm.vm()).ifPresent(host -> one.addProperty("host", host));
        JsonArray datastores = new JsonArray();
        for (JsonElement datastore : vm.toJson().getAsJsonArray("datastores")) {
            JsonElement name = datastore.getAsJsonObject().get("name");
            if (name != null) {
                JsonObject named = new JsonObject();
                named.add("name", name);
                datastores.add(named);
            }
        }
        one.add("datastores", datastores);
        one.addProperty("disks", vm.disks().size());
        return one;
    }
}
