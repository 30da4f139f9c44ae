package io.migratekit.hub.guest;

import io.migratekit.nbd.server.ServerCommand;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Which qemu boots a restore point? One without a network, that may start nothing on the host, on overlays that are thrown
 * away, and with as much of the VM's hardware as matters for booting.
 */
final class BootMachine {
    private static final String PROGRAM = "qemu-system-x86_64";
    private static final String PACKAGE = "qemu-system-x86";
    private static final int MOST_CPUS = 2;
    private static final long LEAST_MEMORY_BYTES = 64L << 20;
    private static final String SERIAL = "serial.log";
    private static final String MONITOR = "monitor";

    private BootMachine() {}

    static Path serial(Path folder) {
        return folder.resolve(SERIAL);
    }

    static Path monitor(Path folder) {
        return folder.resolve(MONITOR);
    }

    /** Makes the overlays and the firmware's memory in this folder, which is removed with qemu. */
    static ServerCommand command(BootRequest request, Path folder) {
        Machine machine = request.machine();
        List<GuestDisk> disks = Overlays.make(machine, request.disks(), folder);
        List<String> words = new ArrayList<>(List.of("-nodefaults", "-no-user-config"));
        words.addAll(List.of("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"));
        words.addAll(List.of("-name", "migratekit-boot-proof"));
        // Without graphics SeaBIOS says on the serial port, too, what it and boot loaders say on the screen.
        words.addAll(List.of("-machine", Wiring.qemuMachine(machine) + ",graphics=off"));
        if (request.accelerator() == BootRequest.Accelerator.BEST) {
            words.addAll(List.of("-accel", "kvm"));
        }
        words.addAll(List.of("-accel", "tcg", "-cpu", "max"));
        words.addAll(List.of("-smp", Integer.toString(Math.min(machine.cpus(), MOST_CPUS))));
        words.addAll(List.of("-m", (memoryBytes(machine, request.limits(), freeBytes()) >> 20) + "M"));
        words.addAll(List.of("-device", "VGA", "-display", "none", "-nic", "none"));
        words.addAll(List.of("-rtc", Wiring.isWindows(machine) ? "base=localtime" : "base=utc"));
        words.addAll(List.of(
                "-chardev",
                "file,id=serial,path=" + QemuDisks.escaped(serial(folder).toString())));
        words.addAll(List.of("-serial", "chardev:serial"));
        words.addAll(List.of("-qmp", "unix:" + QemuDisks.escaped(monitor(folder).toString()) + ",server=on,wait=off"));
        // When the guest ends, there is still something to take a picture of.
        words.addAll(List.of("-action", "reboot=shutdown,shutdown=pause"));
        if (machine.firmware() == Firmware.EFI) {
            words.addAll(firmware(folder, Ovmf.KNOWN));
        }
        for (int i = 0; i < disks.size(); i++) {
            Path overlay = folder.resolve(disks.get(i).file());
            words.add("-drive");
            words.add(
                    "if=none,id=disk" + i + ",format=qcow2,cache=unsafe,file=" + QemuDisks.escaped(overlay.toString()));
        }
        words.addAll(QemuDisks.words(Wiring.seats(machine, disks, Bus::inQemu)));
        return new ServerCommand(PROGRAM, PACKAGE, words, Map.of(), List.of());
    }

    static List<String> firmware(Path folder, List<Ovmf> known) {
        Ovmf ovmf = Ovmf.find(known)
                .orElseThrow(() -> new BootFailed(
                        "the VM has EFI, and its firmware for qemu, OVMF, is not installed: install the package ovmf (apt-get"
                                + " install ovmf); looked for "
                                + known.getFirst().code() + " and others",
                        null));
        Path variables = folder.resolve("efi-variables.fd");
        try {
            Files.write(variables, Files.readAllBytes(ovmf.variables()));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot copy " + ovmf.variables() + " to " + variables, e);
        }
        return List.of(
                "-drive",
                "if=pflash,unit=0,format=raw,readonly=on,file=" + ovmf.code(),
                "-drive",
                "if=pflash,unit=1,format=raw,file=" + QemuDisks.escaped(variables.toString()));
    }

    /** What the VM had, but no more than is allowed, and not so much that the host has to swap. */
    static long memoryBytes(Machine machine, BootLimits limits, long freeBytes) {
        long most = Math.min(limits.memoryBytes(), freeBytes / 2);
        return Math.max(LEAST_MEMORY_BYTES, Math.min(machine.memoryBytes(), most));
    }

    private static long freeBytes() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/meminfo"))) {
            return lines.filter(line -> line.startsWith("MemAvailable:"))
                    .map(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
                    .findFirst()
                    .orElse(Long.MAX_VALUE);
        } catch (IOException | UncheckedIOException | NumberFormatException e) {
            return Long.MAX_VALUE; // Then only the limit counts.
        }
    }
}
