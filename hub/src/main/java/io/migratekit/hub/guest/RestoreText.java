package io.migratekit.hub.guest;

import java.util.List;
import java.util.stream.Collectors;

/** What does a person read who finds the folder of a restored VM? What it is, and each way to run it again. */
final class RestoreText {
    static final String FILE = "RESTORE.md";

    private RestoreText() {}

    static String of(Machine machine, List<String> about, List<GuestDisk> disks) {
        StringBuilder text = new StringBuilder();
        text.append("# Restored: ").append(Plain.line(machine.name())).append("\n\n");
        about.forEach(line -> text.append("* ").append(Plain.line(line)).append('\n'));
        text.append(facts(machine));
        for (GuestDisk disk : disks) {
            text.append("* disk ")
                    .append(disk.key())
                    .append(": `")
                    .append(Plain.line(disk.file()).replace('`', '?'));
            text.append("` (").append(disk.format()).append(')');
            machine.disk(disk.key())
                    .ifPresent(known -> text.append(", was ")
                            .append(Plain.line(known.label()))
                            .append(" on ")
                            .append(known.bus().word())
                            .append(' ')
                            .append(known.controller())
                            .append(':')
                            .append(known.unit()));
            text.append('\n');
        }
        List<String> notes = Wording.notes(machine, disks);
        if (!notes.isEmpty()) {
            text.append("\n## What was guessed, and what is not as it was\n\n");
            notes.forEach(note -> text.append("* ").append(Plain.line(note)).append('\n'));
        }
        text.append("""

                ## With qemu, libvirt or Proxmox

                ```sh
                sh run-qemu.sh --serial --throw-away    # to try it: nothing is written to the disks
                sh run-qemu.sh                          # to use it
                virsh define libvirt.xml                # libvirt: the paths in it are those of this folder
                sh import-proxmox.sh                    # on a Proxmox host; the script says what can be chosen
                ```

                The VM has the identity it had: address, keys, MAC addresses. Never let it meet the original in one network.

                """);
        return text.append(Vsphere.of(machine, disks)).toString();
    }

    private static String facts(Machine machine) {
        return "* firmware: " + (machine.firmware() == Firmware.EFI ? "EFI" : "BIOS")
                + (machine.secureBoot() ? " with secure boot" : "") + "\n* processors: " + machine.cpus() + " ("
                + machine.sockets() + " sockets of " + machine.coresPerSocket() + ")\n* memory: "
                + (machine.memoryBytes() >> 20) + " MiB\n* UUID: "
                + (machine.uuid().isEmpty() ? "not known" : machine.uuid()) + "\n* guest: "
                + (machine.guestId().isEmpty() ? "not known" : Plain.line(machine.guestId())) + "\n"
                + machine.nics().stream()
                        .map(nic -> "* network card: " + nic.model().word() + " " + nic.mac() + " in "
                                + (nic.network().isEmpty() ? "an unknown network" : Plain.line(nic.network())) + "\n")
                        .collect(Collectors.joining());
    }
}
