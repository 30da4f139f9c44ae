package io.migratekit.hub.guest;

import java.util.List;
import java.util.Locale;
import java.util.function.BiFunction;

/** Which machine takes over, and on what do its disks hang? */
final class Wiring {
    private Wiring() {}

    /** A seat for each of these disks, in their order. A disk that the machine does not know is one of SATA. */
    static List<Seat> seats(Machine machine, List<GuestDisk> disks, BiFunction<MachineDisk, Firmware, Bus> bus) {
        return Seat.of(disks.stream()
                .map(disk -> machine.disk(disk.key())
                        .map(known -> bus.apply(known, machine.firmware()))
                        .orElse(Bus.SATA))
                .toList());
    }

    /** vSphere's own chipset for a BIOS; for EFI the newer one, which all of its firmware is made for. */
    static String qemuMachine(Machine machine) {
        return machine.firmware() == Firmware.EFI ? "q35" : "pc";
    }

    static boolean isWindows(Machine machine) {
        return machine.guestId().toLowerCase(Locale.ROOT).startsWith("win");
    }

    static boolean isLinux(Machine machine) {
        return machine.guestId()
                .toLowerCase(Locale.ROOT)
                .matches(".*(linux|debian|ubuntu|rhel|centos|sles|suse|fedora|oracle|photon|rocky|alma|coreos).*");
    }
}
