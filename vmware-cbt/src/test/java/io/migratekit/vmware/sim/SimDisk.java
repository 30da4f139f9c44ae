package io.migratekit.vmware.sim;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A disk of a VM: a plain raw file that anyone may write to at any time, and what change tracking remembers of it.
 *
 * <p>A change id is {@code uuid/sequence}. The uuid is one life of the tracking; each freeze counts the sequence up
 * and keeps a {@link Moment}. The living VM shows the sequence that is being written now, so that a client which
 * stores that one instead of the snapshot's misses changes, as it would in real life.
 */
public final class SimDisk {
    private static final int MOMENTS_KEPT = 500;

    private final SimVm vm;
    private final int key;
    private final String label;
    private final Path flat;
    private final String uuid = UUID.randomUUID().toString();
    private final Map<Integer, Moment> moments = new LinkedHashMap<>();
    private int controllerKey;
    private int unitNumber;
    private long capacityBytes;
    private String mode = "persistent";
    private String sharing = "sharingNone";
    private String backing = "FlatVer2";
    private String compatibility = "virtualMode";
    private String parentFile = "";
    private boolean trackable = true;
    private @Nullable String life;
    private int sequence;
    private double dropped;
    private boolean unsound;
    private long falsePositiveBytes;
    private @Nullable Extents injected;

    SimDisk(SimVm vm, int key, String label, int controllerKey, int unitNumber, long capacityBytes, Path flat) {
        this.vm = vm;
        this.key = key;
        this.label = label;
        this.controllerKey = controllerKey;
        this.unitNumber = unitNumber;
        this.capacityBytes = capacityBytes;
        this.flat = flat;
    }

    public int key() {
        return key;
    }

    /** The raw file with what the VM has on this disk now. */
    public Path file() {
        return flat;
    }

    String label() {
        return label;
    }

    String uuid() {
        return uuid;
    }

    SimVm vm() {
        return vm;
    }

    int controllerKey() {
        return controllerKey;
    }

    int unitNumber() {
        return unitNumber;
    }

    public long capacityBytes() {
        synchronized (vm) {
            return capacityBytes;
        }
    }

    String mode() {
        return mode;
    }

    String sharing() {
        return sharing;
    }

    String backing() {
        return backing;
    }

    String compatibility() {
        return compatibility;
    }

    String parentFile() {
        return parentFile;
    }

    /** Behind a controller of the VM that was added before. */
    public SimDisk at(int controller, int unit) {
        synchronized (vm) {
            controllerKey = controller;
            unitNumber = unit;
            return this;
        }
    }

    /** Such as {@code independent_persistent}. */
    public SimDisk mode(String newMode) {
        synchronized (vm) {
            mode = newMode;
            return this;
        }
    }

    /** Such as {@code sharingMultiWriter}. */
    public SimDisk sharing(String newSharing) {
        synchronized (vm) {
            sharing = newSharing;
            return this;
        }
    }

    /** Such as {@code SeSparse}, {@code SparseVer2}, {@code FlatVer1}, {@code RawDiskVer2}, {@code RawDiskMappingVer1}. */
    public SimDisk backing(String kind) {
        synchronized (vm) {
            backing = kind;
            return this;
        }
    }

    /** A mapped LUN, {@code physicalMode} or {@code virtualMode}. */
    public SimDisk rdm(String compatibilityMode) {
        synchronized (vm) {
            backing = "RawDiskMappingVer1";
            compatibility = compatibilityMode;
            return this;
        }
    }

    /** A linked clone of this file, such as {@code [ds1] base/base.vmdk}. */
    public SimDisk linkedTo(String file) {
        synchronized (vm) {
            parentFile = file;
            return this;
        }
    }

    /** Never gets a change id, whatever the VM says. */
    public SimDisk untracked() {
        synchronized (vm) {
            trackable = false;
            life = null;
            return this;
        }
    }

    /** Grows or shrinks, as a person does through the vSphere client. */
    public void resize(long newCapacityBytes) {
        synchronized (vm) {
            SparseFile.resize(flat, newCapacityBytes);
            capacityBytes = newCapacityBytes;
        }
    }

    /** From now on this fraction (0 to 1) of the changed pieces is not reported: for audits of the tracking. */
    public SimDisk dropChanges(double fraction) {
        synchronized (vm) {
            dropped = fraction;
            return this;
        }
    }

    /** Each extent is reported that much longer than it is, where there is room. */
    public SimDisk falsePositives(long bytes) {
        synchronized (vm) {
            falsePositiveBytes = bytes;
            return this;
        }
    }

    /** These are the answer whatever was written, and whatever change id is asked for; null ends that. */
    public SimDisk answer(@Nullable Extents extents) {
        synchronized (vm) {
            injected = extents;
            return this;
        }
    }

    /** What the snapshots of a disk leave alone. */
    boolean isLeftOutOfSnapshots() {
        return mode.startsWith("independent")
                || (backing.startsWith("RawDisk") && compatibility.equals("physicalMode"));
    }

    boolean isTracked() {
        return life != null;
    }

    /** Begins to track, or begins anew under a new uuid. */
    void startTracking(boolean whileSnapshotsExist) {
        boolean canBe = trackable
                && !isLeftOutOfSnapshots()
                && (!backing.endsWith("Ver1") || backing.equals("RawDiskMappingVer1"));
        moments.clear();
        sequence = 0;
        // A new beginning, as after a revert, is not what rule 3 is about: switching it on is. Our choice.
        unsound = whileSnapshotsExist && (life == null || unsound);
        life = canBe ? newLife() : null;
    }

    void stopTracking() {
        life = null;
        moments.clear();
    }

    /** As VMware writes it: sixteen bytes with blanks and a dash in the middle. */
    private static String newLife() {
        String hex = UUID.randomUUID().toString().replace("-", "");
        String bytes = hex.replaceAll("(..)(?!$)", "$1 ");
        return bytes.substring(0, 23) + "-" + bytes.substring(24);
    }

    Optional<String> liveChangeId() {
        return Optional.ofNullable(life).map(l -> l + "/" + (sequence + 1));
    }

    /** Remembers a moment, and gives the change id for it. */
    Optional<String> remember(Moment moment) {
        if (life == null) {
            return Optional.empty();
        }
        moments.put(++sequence, moment);
        if (moments.size() > MOMENTS_KEPT) {
            moments.remove(moments.keySet().iterator().next());
        }
        return Optional.of(life + "/" + sequence);
    }

    /** What was written between a change id and a moment; {@code *} means all that is in use. */
    Extents changedSince(String changeId, Moment now, String fileName) {
        Extents found = injected;
        if (found != null) {
            return found;
        }
        SimFault fileFault = new SimFault("FileFault", "Error caused by file " + fileName).with("file", fileName);
        String mine = life;
        if (mine == null) {
            throw fileFault.asException();
        }
        if (changeId.equals("*")) {
            return unsound ? spoilt(now.inUse(), 0.5, now) : spoilt(now.inUse(), 0, now);
        }
        int slash = changeId.lastIndexOf('/');
        if (slash < 0 || !changeId.substring(slash + 1).matches("\\d{1,9}")) {
            throw SimFault.invalidArgument("changeId").asException();
        }
        int asked = Integer.parseInt(changeId.substring(slash + 1));
        Moment then = moments.get(asked);
        if (!changeId.substring(0, slash).equals(mine) || (then == null && asked != sequence + 1)) {
            throw fileFault.asException();
        }
        if (then == null) {
            return Extents.NONE;
        }
        return spoilt(writtenSince(asked, then, now), unsound ? Math.max(dropped, 0.5) : dropped, now);
    }

    /** Also what was changed and then changed back: tracking counts writes, it does not compare. */
    private Extents writtenSince(int asked, Moment then, Moment now) {
        Moment before = then;
        Extents written = Extents.NONE;
        for (Map.Entry<Integer, Moment> next : moments.entrySet()) {
            if (next.getKey() > asked && !before.equals(now)) {
                written = written.and(next.getValue().since(before));
                before = next.getValue();
            }
        }
        return before.equals(now) ? written : written.and(now.since(before));
    }

    private Extents spoilt(Extents truth, double lost, Moment now) {
        Extents reported = lost == 0 ? truth : truth.cutInto(now.granularity()).dropping(lost, key * 31L + sequence);
        return falsePositiveBytes == 0 ? reported : reported.grown(falsePositiveBytes, now.capacity());
    }
}
