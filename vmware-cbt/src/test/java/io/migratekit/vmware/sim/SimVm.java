package io.migratekit.vmware.sim;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** A VM: what it is made of, and what a person would do to it. Everything may be called at any time. */
public final class SimVm {
    /** A network card, by its type in the schema, such as {@code VirtualVmxnet3}. */
    record Nic(int key, String type, String network, String mac) {}

    /** A controller, by its type in the schema, such as {@code ParaVirtualSCSIController}. */
    record Controller(int key, String type, int bus, String sharedBus) {}

    private static final int RECENT_TASKS = 5;

    final World world;
    final MoRef ref;
    final MoRef parent;
    final String name;
    final String datacenter;
    volatile String datastore;
    volatile MoRef host;
    final Map<Integer, SimDisk> disks = new ConcurrentSkipListMap<>();
    final List<Nic> nics = new CopyOnWriteArrayList<>();
    final Map<Integer, Controller> controllers = new ConcurrentSkipListMap<>();
    final Map<String, String> extraConfig = new LinkedHashMap<>();
    final Snapshots snapshots;
    private final String uuid = UUID.randomUUID().toString();
    private String instanceUuid = UUID.randomUUID().toString();
    private String firmware = "bios";
    private String guestId = "debian11_64Guest";
    private String version = "vmx-19";
    private String keyId = "";
    volatile long committedBytes;
    private String connectionState = "connected";
    private int cpus = 2;
    private int memoryMegabytes = 2048;
    private String powerState = "poweredOn";
    private String faultTolerance = "notConfigured";
    private boolean template;
    private boolean tools = true;
    private boolean trackingSupported = true;
    private boolean changeTracking;
    private boolean trackingIsPending;
    private boolean consolidationNeeded;
    private boolean busy;
    private final ArrayDeque<MoRef> recentTasks = new ArrayDeque<>();

    SimVm(World world, MoRef ref, MoRef parent, String datacenter, String datastore, String name) {
        this.world = world;
        this.ref = ref;
        this.parent = parent;
        this.datacenter = datacenter;
        this.datastore = datastore;
        this.host = world.host();
        this.name = name;
        this.snapshots = new Snapshots(this);
        controllers.put(1000, new Controller(1000, "ParaVirtualSCSIController", 0, "noSharing"));
        nics.add(new Nic(4000, "VirtualVmxnet3", "VM Network", "00:50:56:00:00:" + lastByte(ref)));
    }

    private static String lastByte(MoRef ref) {
        return String.format("%02x", ref.id().hashCode() & 0xff);
    }

    public String moref() {
        return ref.id();
    }

    public String name() {
        return name;
    }

    /** It runs on the host of this name, which is made if need be. */
    public SimVm on(String hostName) {
        host = world.host(hostName);
        return this;
    }

    /** Adds an empty disk, or one with what already stands in its file, behind the SCSI controller. */
    public SimDisk addDisk(long capacityBytes) {
        synchronized (this) {
            int number = disks.size();
            int key = 2000 + number;
            String file = number == 0 ? name : name + "_" + number;
            Path flat = world.datastoreFolder(datastore).resolve(name).resolve(file + "-flat.vmdk");
            if (!Files.exists(flat)) {
                SparseFile.create(flat, capacityBytes);
            }
            Descriptor.write(flat.resolveSibling(file + ".vmdk"), capacityBytes, flat);
            int unit = number < 7 ? number : number + 1;
            SimDisk disk = new SimDisk(this, key, "Hard disk " + (number + 1), 1000, unit, capacityBytes, flat);
            disks.put(key, disk);
            return disk;
        }
    }

    public SimDisk disk(int key) {
        synchronized (this) {
            SimDisk disk = disks.get(key);
            if (disk == null) {
                throw new IllegalArgumentException(name + " has no disk " + key);
            }
            return disk;
        }
    }

    /** Such as 15000, {@code VirtualAHCIController}, or 200, {@code VirtualIDEController}, or 31000, {@code VirtualNVMEController}. */
    public synchronized SimVm controller(int key, String type) {
        controllers.put(key, new Controller(key, type, controllers.size(), "noSharing"));
        return this;
    }

    /** Shares the bus of the SCSI controller, such as {@code physicalSharing}. */
    public synchronized SimVm sharedBus(String sharing) {
        controllers.put(1000, new Controller(1000, "ParaVirtualSCSIController", 0, sharing));
        return this;
    }

    public synchronized SimVm nic(String type, String network, String mac) {
        nics.add(new Nic(4000 + nics.size(), type, network, mac));
        return this;
    }

    public synchronized SimVm extraConfig(String key, String value) {
        extraConfig.put(key, value);
        return this;
    }

    public synchronized SimVm firmware(String kind) {
        firmware = kind;
        return this;
    }

    public synchronized SimVm guestId(String id) {
        guestId = id;
        return this;
    }

    /** Such as {@code vmx-06}, which has no change tracking. */
    public synchronized SimVm hardwareVersion(String newVersion) {
        version = newVersion;
        trackingSupported = Integer.parseInt(newVersion.substring(newVersion.indexOf('-') + 1)) >= 7;
        return this;
    }

    public synchronized SimVm size(int cpuCount, int megabytes) {
        cpus = cpuCount;
        memoryMegabytes = megabytes;
        return this;
    }

    public synchronized SimVm instanceUuid(String newUuid) {
        instanceUuid = newUuid;
        return this;
    }

    public synchronized SimVm encrypted(String newKeyId) {
        keyId = newKeyId;
        return this;
    }

    public synchronized SimVm template(boolean yes) {
        template = yes;
        return this;
    }

    /** Such as {@code running}; {@code notConfigured} ends it. */
    public synchronized SimVm faultTolerance(String state) {
        faultTolerance = state;
        return this;
    }

    public synchronized SimVm tools(boolean running) {
        tools = running;
        return this;
    }

    /** What its files take, as it says; nothing is said if it is 0. */
    public SimVm committed(long bytes) {
        committedBytes = bytes;
        return this;
    }

    /** Such as {@code orphaned} or {@code inaccessible}. */
    public synchronized SimVm connectionState(String state) {
        connectionState = state;
        return this;
    }

    public synchronized SimVm consolidationNeeded(boolean yes) {
        consolidationNeeded = yes;
        return this;
    }

    public synchronized SimVm poweredOff() {
        powerState = "poweredOff";
        stun();
        return this;
    }

    public synchronized SimVm poweredOn() {
        powerState = "poweredOn";
        stun();
        return this;
    }

    /** What {@code ReconfigVM} does: at once if the VM is off, else with the next stun. */
    public synchronized SimVm changeTracking(boolean on) {
        if (on != changeTracking) {
            changeTracking = on;
            trackingIsPending = true;
            if (!powerState.equals("poweredOn")) {
                stun();
            }
        }
        return this;
    }

    /** Tracking begins anew, as after a power failure: every change id that was stored is void. */
    public synchronized SimVm resetTracking() {
        trackingIsPending = true;
        stun();
        return this;
    }

    /** The short stop in which a pending change of the tracking comes into force. */
    synchronized void stun() {
        if (!trackingIsPending) {
            return;
        }
        trackingIsPending = false;
        for (SimDisk disk : disks.values()) {
            if (changeTracking) {
                disk.startTracking(!snapshots.isEmpty());
            } else {
                disk.stopTracking();
            }
        }
    }

    /** Takes a snapshot by somebody else, at once. */
    public SimSnapshot addSnapshot(String snapshotName, String description) {
        return snapshots.take(snapshotName, description, false);
    }

    /** Removes it, whoever took it, as a person does through the vSphere client. */
    public void removeSnapshot(SimSnapshot snapshot) {
        snapshots.remove(snapshot);
    }

    /** Moves it to another datastore while it runs (Storage vMotion): whatever was frozen is found there from now on. */
    public void moveTo(String otherDatastore) {
        world.datastore(otherDatastore);
        snapshots.moved(() -> datastore = otherDatastore);
    }

    /** All of them, oldest first. */
    public List<SimSnapshot> snapshots() {
        return snapshots.list();
    }

    /** All that it ever had, oldest first. */
    public List<SimSnapshot> history() {
        return snapshots.history();
    }

    public String instanceUuid() {
        return facts().instanceUuid();
    }

    /** The file with what a disk looked like when the snapshot was taken; by the snapshot's reference or name. */
    public Path frozen(String snapshot, int diskKey) {
        return snapshots.frozen(snapshot, diskKey).file();
    }

    /** Goes back to a snapshot, which voids every change id. */
    public void revert(SimSnapshot snapshot) {
        snapshots.revert(snapshot);
        resetTracking();
    }

    /** A task was started for it; the last few are told. */
    synchronized void began(MoRef task) {
        recentTasks.addLast(task);
        if (recentTasks.size() > RECENT_TASKS) {
            recentTasks.removeFirst();
        }
    }

    synchronized List<MoRef> recentTasks() {
        return List.copyOf(recentTasks);
    }

    /** Whether nobody else works on it; the one who gets true has to give it back. */
    synchronized boolean seize() {
        if (busy) {
            return false;
        }
        busy = true;
        return true;
    }

    synchronized void release() {
        busy = false;
    }

    synchronized Facts facts() {
        return new Facts(
                uuid,
                instanceUuid,
                firmware,
                guestId,
                version,
                keyId,
                connectionState,
                faultTolerance,
                cpus,
                memoryMegabytes,
                powerState,
                template,
                tools,
                trackingSupported,
                changeTracking,
                consolidationNeeded);
    }

    /** What it is like at this moment. */
    record Facts(
            String uuid,
            String instanceUuid,
            String firmware,
            String guestId,
            String version,
            String keyId,
            String connectionState,
            String faultTolerance,
            int cpus,
            int memoryMegabytes,
            String powerState,
            boolean template,
            boolean tools,
            boolean trackingSupported,
            boolean changeTracking,
            boolean consolidationNeeded) {
        boolean isOn() {
            return powerState.equals("poweredOn");
        }
    }
}
