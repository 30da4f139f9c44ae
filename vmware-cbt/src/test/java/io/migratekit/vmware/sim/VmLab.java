package io.migratekit.vmware.sim;

import io.migratekit.nbd.fixture.ChainTarget;
import io.migratekit.vmware.VddkStandIn;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;

/** A VM to be backed up: a simulated vCenter, a stand-in of VDDK, and a QCOW2 chain behind qemu-nbd for each disk. */
public class VmLab implements AutoCloseable {
    public static final long MIB = 1 << 20;

    private final Path folder;
    private final SimulatedVCenter vcenter;
    private final SimVm vm;
    private final VddkStandIn standIn;
    private final Map<Integer, ChainTarget> targets = new TreeMap<>();

    public VmLab(Path folder, long... diskBytes) throws IOException {
        this(folder, Settings.DEFAULT, diskBytes);
    }

    public VmLab(Path folder, Settings settings, long... diskBytes) throws IOException {
        this.folder = folder;
        Path root = Files.createDirectories(folder.resolve("vcenter"));
        vcenter = SimulatedVCenter.start(root, settings);
        standIn = VddkStandIn.in(root, vcenter.settings().password());
        vm = vcenter.addVm("web01").changeTracking(true);
        for (long bytes : diskBytes) {
            SimDisk disk = vm.addDisk(bytes);
            targets.put(disk.key(), new ChainTarget(folder, "target-" + disk.key(), bytes));
        }
    }

    public Path folder() {
        return folder;
    }

    public SimulatedVCenter vcenter() {
        return vcenter;
    }

    public SimVm vm() {
        return vm;
    }

    public VddkStandIn standIn() {
        return standIn;
    }

    /** Where each disk goes, by its key. */
    public Map<Integer, ChainTarget> targets() {
        return Collections.unmodifiableMap(targets);
    }

    public ChainTarget target(int disk) {
        return Objects.requireNonNull(targets.get(disk));
    }

    /** What is written from now on goes into new layers. */
    public void newLayers() {
        targets.values().forEach(ChainTarget::newLayer);
    }

    /** Every target holds what the last snapshot froze. */
    public void assertTargetsHoldTheLastMoment() {
        assertTargetsHold(lastSnapshot());
    }

    /** Every target holds what this snapshot, gone or not, has frozen. */
    public void assertTargetsHold(String snapshot) {
        targets.forEach((key, target) -> target.assertHolds(vcenter.truth(snapshot, key)));
    }

    /** The snapshot that was taken last, gone or not. */
    public String lastSnapshot() {
        try (var folders = Files.list(folder.resolve("vcenter/truth"))) {
            List<String> names = new ArrayList<>(
                    folders.map(path -> path.getFileName().toString()).toList());
            names.sort((a, b) -> Integer.compare(number(a), number(b)));
            return names.getLast();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int number(String moref) {
        return Integer.parseInt(moref.replaceAll("\\D", ""));
    }

    /** The guest writes: data, zeroes, and what is the same as before. */
    public void guestWrites(Random random, int times) {
        for (int key : targets.keySet()) {
            SimDisk disk = vm.disk(key);
            try (RandomAccessFile file = new RandomAccessFile(disk.file().toFile(), "rw")) {
                for (int i = 0; i < times; i++) {
                    int length = Math.min(1 + random.nextInt(300_000), (int) disk.capacityBytes());
                    byte[] bytes = new byte[length];
                    if (random.nextInt(4) > 0) {
                        random.nextBytes(bytes);
                    }
                    file.seek(random.nextLong(disk.capacityBytes() - length + 1));
                    file.write(bytes);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    @Override
    public void close() {
        targets.values().forEach(ChainTarget::close);
        vcenter.close();
    }
}
