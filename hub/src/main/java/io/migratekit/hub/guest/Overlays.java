package io.migratekit.hub.guest;

import io.migratekit.nbd.server.Qcow2File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** What does a guest write to that must not change the layers? Empty QCOW2 files on top of them, made by qemu-img. */
final class Overlays {
    private Overlays() {}

    /** One for each disk, the disk to boot from first. */
    static List<GuestDisk> make(Machine machine, List<BootDisk> disks, Path folder) {
        if (disks.isEmpty()) {
            throw new BootFailed("the restore point of " + machine.name() + " has no disk that could be booted", null);
        }
        List<Integer> order = machine.disks().stream().map(MachineDisk::key).toList();
        List<BootDisk> sorted = disks.stream()
                .sorted(Comparator.comparingInt(
                        disk -> order.contains(disk.key()) ? order.indexOf(disk.key()) : order.size()))
                .toList();
        List<GuestDisk> overlays = new ArrayList<>();
        for (BootDisk disk : sorted) {
            String name = "disk-" + disk.key() + ".qcow2";
            create(disk, folder, name);
            overlays.add(new GuestDisk(disk.key(), name, "qcow2"));
        }
        return overlays;
    }

    private static void create(BootDisk disk, Path folder, String name) {
        try {
            Qcow2File.createOver(folder.resolve(name), disk.backing(), disk.format());
        } catch (IOException e) {
            throw new BootFailed(
                    "cannot make an overlay on " + disk.backing() + " in " + folder
                            + " with qemu-img (package qemu-utils): " + e.getMessage(),
                    e);
        }
    }
}
