package io.migratekit.hub.guest;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What has whoever starts a restored VM to know? The same sentences in each of the files. */
final class Wording {
    private Wording() {}

    /** What was guessed, and what is not as it was. */
    static List<String> notes(Machine machine, List<GuestDisk> disks) {
        List<String> notes = new ArrayList<>(machine.notes());
        for (MachineDisk disk : machine.disks()) {
            if (disks.stream().noneMatch(file -> file.key() == disk.key())) {
                notes.add("Disk " + disk.key() + " is not among the restored files; the machine goes without it.");
            }
        }
        for (GuestDisk file : disks) {
            if (machine.disk(file.key()).isEmpty()) {
                notes.add("Nothing is known of disk " + file.key() + "; SATA is assumed.");
            }
        }
        if (machine.firmware() == Firmware.EFI) {
            notes.add(
                    "Which file EFI starts was written in the VM's NVRAM, which is not part of a backup. Without it the"
                            + " firmware takes EFI/BOOT/BOOTX64.EFI of the first disk; if there is none, choose the boot loader in"
                            + " the firmware's menu (Boot Maintenance Manager, Boot From File) and let the guest write it down"
                            + " (grub-install, bcdboot).");
        }
        if (machine.secureBoot()) {
            notes.add("Secure boot was on. Signed systems start without it, too.");
        }
        return notes;
    }

    /** A sentence for each kind of controller that is not what the guest had. */
    static Set<String> changes(Machine machine, List<GuestDisk> disks, List<Seat> seats) {
        Set<String> changes = new LinkedHashSet<>();
        for (int i = 0; i < disks.size(); i++) {
            Seat seat = seats.get(i);
            machine.disk(disks.get(i).key())
                    .filter(disk -> !isTheSame(disk.bus(), seat.bus()))
                    .ifPresent(disk ->
                            changes.add("The VM's disks on " + disk.bus().word() + " hang on " + shown(seat.bus())
                                    + " here" + why(machine, disk.bus(), seat.bus())));
        }
        return changes;
    }

    private static boolean isTheSame(DiskBus had, Bus has) {
        return switch (had) {
            case PVSCSI -> has == Bus.PVSCSI;
            case LSI_LOGIC_SAS -> has == Bus.MPTSAS;
            case IDE -> has == Bus.IDE;
            case SATA -> has == Bus.SATA;
            case NVME -> has == Bus.NVME;
            case LSI_LOGIC, BUS_LOGIC -> false;
        };
    }

    private static String shown(Bus bus) {
        return switch (bus) {
            case MPTSAS -> "LSI SAS 1068";
            case PVSCSI -> "PVSCSI";
            case IDE -> "IDE";
            case SATA -> "SATA";
            case NVME -> "NVMe";
            case VIRTIO -> "virtio";
        };
    }

    private static String why(Machine machine, DiskBus had, Bus has) {
        if (has == Bus.MPTSAS) {
            return ", the nearest that qemu has (driver mptsas instead of mptspi).";
        }
        return machine.firmware() == Firmware.EFI && has == Bus.SATA && had != DiskBus.NVME
                ? ", because the EFI firmware for qemu sees no disks on the other one."
                : ", because there is no such controller.";
    }

    /** Lines of a comment, one for each sentence. */
    static String comments(String begin, Iterable<String> sentences) {
        StringBuilder lines = new StringBuilder();
        for (String sentence : sentences) {
            lines.append(begin).append(" * ").append(Plain.line(sentence)).append('\n');
        }
        return lines.isEmpty() ? "" : begin + "\n" + lines + begin + "\n";
    }
}
