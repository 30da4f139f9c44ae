package io.migratekit.vmware.sim;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** What is in the inventory: datacenters, folders, hosts, datastores that are folders of this machine, VMs. */
final class World {
    /** Anything in the inventory that is no VM. */
    record Place(MoRef ref, @Nullable MoRef parent, String name) {}

    private static final MoRef HOST = new MoRef("HostSystem", "host-8");
    private static final MoRef POOL = new MoRef("ResourcePool", "resgroup-9");
    private static final MoRef COMPUTE = new MoRef("ComputeResource", "domain-c7");
    static final MoRef ROOT = new MoRef("Folder", "group-d1");
    private static final Map<String, String> KINDS =
            Map.of("vm", "group-v", "host", "group-h", "datastore", "group-s", "network", "group-n");

    private final Path folder;
    private final Settings settings;
    private final AtomicInteger ids = new AtomicInteger(100);
    private final AtomicInteger snapshotIds = new AtomicInteger(1000);
    private final Map<String, Place> places = new LinkedHashMap<>();
    private final Map<String, String> datastoreTypes = new LinkedHashMap<>();
    private final Set<String> lacking = new HashSet<>();
    private final Map<String, SimVm> vms = new LinkedHashMap<>();

    World(Path folder, Settings settings) {
        this.folder = folder;
        this.settings = settings;
        put(new Place(ROOT, null, "Datacenters"));
        datacenter("DC0");
        MoRef hosts = folderOf("DC0", "host");
        put(new Place(COMPUTE, hosts, "esx01.sim"));
        put(new Place(HOST, COMPUTE, "esx01.sim"));
        put(new Place(POOL, COMPUTE, "Resources"));
        datastore("ds1");
        network("VM Network");
    }

    Settings settings() {
        return settings;
    }

    Path frozenFolder() {
        return folder.resolve("frozen");
    }

    Path truth(String snapshot, int diskKey) {
        return folder.resolve("truth").resolve(snapshot).resolve(Integer.toString(diskKey));
    }

    Path datastoreFolder(String name) {
        return folder.resolve("datastores").resolve(name);
    }

    /** The host on which a VM runs of which nothing else is said. */
    MoRef host() {
        return HOST;
    }

    /** Finds it, or makes it, alone in a compute resource of its name. */
    synchronized MoRef host(String name) {
        MoRef hosts = folderOf("DC0", "host");
        Place there = child(hosts, name);
        MoRef compute = there != null
                ? there.ref()
                : put(new Place(new MoRef("ComputeResource", "domain-c" + ids.incrementAndGet()), hosts, name))
                        .ref();
        Place host = child(compute, name);
        return host != null
                ? host.ref()
                : put(new Place(new MoRef("HostSystem", "host-" + ids.incrementAndGet()), compute, name))
                        .ref();
    }

    MoRef resourcePool() {
        return POOL;
    }

    private synchronized Place put(Place place) {
        places.put(place.ref().id(), place);
        return place;
    }

    synchronized MoRef datacenter(String name) {
        Place there = child(ROOT, name);
        if (there != null) {
            return there.ref();
        }
        MoRef ref = put(new Place(new MoRef("Datacenter", "datacenter-" + ids.incrementAndGet()), ROOT, name))
                .ref();
        for (String kind : List.of("vm", "host", "datastore", "network")) {
            put(new Place(new MoRef("Folder", KINDS.get(kind) + ids.incrementAndGet()), ref, kind));
        }
        return ref;
    }

    private MoRef folderOf(String datacenter, String kind) {
        return Objects.requireNonNull(child(datacenter(datacenter), kind)).ref();
    }

    /** Finds it, or makes it in the first datacenter. */
    synchronized MoRef datastore(String name) {
        try {
            Files.createDirectories(datastoreFolder(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return leaf("DC0", "datastore", "Datastore", "datastore-", name);
    }

    /** Such as {@code VVOL} or {@code vsan}. */
    synchronized void datastoreType(String name, String type) {
        datastoreTypes.put(name, type);
    }

    synchronized String datastoreType(String name) {
        return datastoreTypes.getOrDefault(name, "VMFS");
    }

    /** The user may not do this from now on. */
    synchronized void lack(String privilege) {
        lacking.add(privilege);
    }

    synchronized boolean lacks(String privilege) {
        return lacking.contains(privilege);
    }

    /** The host under another name, such as one that can be resolved. */
    synchronized void hostName(String name) {
        put(new Place(HOST, COMPUTE, name));
    }

    synchronized MoRef network(String name) {
        return leaf("DC0", "network", "Network", "network-", name);
    }

    private MoRef leaf(String datacenter, String kind, String type, String prefix, String name) {
        MoRef parent = folderOf(datacenter, kind);
        Place there = child(parent, name);
        return there != null
                ? there.ref()
                : put(new Place(new MoRef(type, prefix + ids.incrementAndGet()), parent, name))
                        .ref();
    }

    synchronized SimVm addVm(String datacenter, String vmFolder, String datastore, String name) {
        datastore(datastore);
        MoRef parent = folderOf(datacenter, "vm");
        for (String part : vmFolder.split("/", -1)) {
            if (!part.isEmpty()) {
                Place there = child(parent, part);
                parent = there != null
                        ? there.ref()
                        : put(new Place(new MoRef("Folder", "group-v" + ids.incrementAndGet()), parent, part))
                                .ref();
            }
        }
        MoRef ref = new MoRef("VirtualMachine", "vm-" + ids.incrementAndGet());
        SimVm vm = new SimVm(this, ref, parent, datacenter, datastore, name);
        vms.put(ref.id(), vm);
        return vm;
    }

    MoRef newSnapshotRef(SimVm vm) {
        return new MoRef("VirtualMachineSnapshot", "snapshot-" + snapshotIds.incrementAndGet());
    }

    synchronized List<SimVm> vms() {
        return List.copyOf(vms.values());
    }

    synchronized void removeVm(SimVm vm) {
        vms.remove(vm.ref.id());
    }

    synchronized @Nullable SimVm vm(String id) {
        return vms.get(id);
    }

    synchronized @Nullable Place child(MoRef parent, String name) {
        return places.values().stream()
                .filter(p -> parent.equals(p.parent()) && p.name().equals(name))
                .findFirst()
                .orElse(null);
    }

    synchronized List<MoRef> childrenOf(MoRef parent, String type) {
        List<MoRef> found = new ArrayList<>();
        places.values().stream()
                .filter(p -> parent.equals(p.parent())
                        && (type.isEmpty() || p.ref().type().equals(type)))
                .forEach(p -> found.add(p.ref()));
        vms.values().stream().filter(v -> v.parent.equals(parent)).forEach(v -> found.add(v.ref));
        return found;
    }

    /** Everything below a folder, deepest last. */
    List<MoRef> below(MoRef container) {
        List<MoRef> found = new ArrayList<>();
        for (MoRef child : childrenOf(container, "")) {
            found.add(child);
            found.addAll(below(child));
        }
        return found;
    }

    /** What stands at a path such as {@code DC0/vm/web01}; a slash in a name is {@code %2f}. */
    synchronized @Nullable MoRef atPath(String path) {
        MoRef at = ROOT;
        for (String part : path.split("/", -1)) {
            if (part.isEmpty()) {
                continue;
            }
            String name = part.replace("%2f", "/").replace("%2F", "/").replace("%25", "%");
            MoRef parent = at;
            Place place = child(parent, name);
            MoRef next = place != null
                    ? place.ref()
                    : vms.values().stream()
                            .filter(v -> v.parent.equals(parent) && v.name.equals(name))
                            .map(v -> v.ref)
                            .findFirst()
                            .orElse(null);
            if (next == null) {
                return null;
            }
            at = next;
        }
        return at;
    }

    /** The VM that has this snapshot. */
    @Nullable
    SimVm vmOfSnapshot(String id) {
        return vms().stream()
                .filter(v -> v.snapshots.find(id) != null)
                .findFirst()
                .orElse(null);
    }

    /** All properties of an object of the inventory; nothing if there is none such. */
    @Nullable
    Node properties(MoRef ref) {
        if (ref.type().equals("VirtualMachine")) {
            SimVm vm = vm(ref.id());
            return vm == null ? null : VmTree.of(vm);
        }
        if (ref.type().equals("VirtualMachineSnapshot")) {
            SimVm vm = vmOfSnapshot(ref.id());
            SimSnapshot snapshot = vm == null ? null : vm.snapshots.find(ref.id());
            return vm == null || snapshot == null ? null : VmTree.of(vm, snapshot);
        }
        Place place;
        synchronized (this) {
            place = places.get(ref.id());
        }
        return place == null || !place.ref().equals(ref) ? null : PlaceTree.of(this, place);
    }
}
