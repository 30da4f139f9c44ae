package io.migratekit.hub.guest;

import io.migratekit.nbd.Durations;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** What does a guest write to that must not change the layers? Empty QCOW2 files on top of them, made by qemu-img. */
final class Overlays {
    private Overlays() {}

    /** One for each disk, the disk to boot from first. */
    static List<GuestDisk> make(Machine machine, List<BootDisk> disks, Path folder, BootLimits limits) {
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
            create(disk.layer().toAbsolutePath(), folder, name, limits);
            overlays.add(new GuestDisk(disk.key(), name, "qcow2"));
        }
        return overlays;
    }

    private static void create(Path layer, Path folder, String name, BootLimits limits) {
        Path said = folder.resolve("qemu-img.out");
        List<String> words =
                List.of("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", layer.toString(), name);
        try {
            Process process = new ProcessBuilder(words)
                    .directory(folder.toFile())
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(said.toFile())
                    .start();
            try {
                if (!process.waitFor(limits.answer().toNanos(), TimeUnit.NANOSECONDS)) {
                    throw new BootFailed(
                            "qemu-img did not make an overlay on " + layer + " within "
                                    + Durations.show(limits.answer()),
                            null);
                }
            } finally {
                process.destroyForcibly();
            }
            if (process.exitValue() != 0) {
                throw new BootFailed(
                        "qemu-img cannot make an overlay on " + layer + ": "
                                + new String(Files.readAllBytes(said), StandardCharsets.UTF_8).strip(),
                        null);
            }
        } catch (IOException e) {
            throw new BootFailed(
                    "cannot run qemu-img (package qemu-utils) for an overlay on " + layer + " in " + folder + ": "
                            + e.getMessage(),
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BootFailed("interrupted while an overlay on " + layer + " was made", e);
        }
    }
}
