package io.migratekit.hub.guest;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** How does the restored VM come into Proxmox VE? A shell script of {@code qm} commands, for its host. */
final class ProxmoxScript {
    static final String FILE = "import-proxmox.sh";

    private static final String CHECKS = """
            set -eu
            case $0 in */*) cd -- "${0%/*}/" ;; esac
            case $PWD in *,*) echo "import-proxmox.sh: qm cannot be told of a folder with a comma in its name: $PWD" >&2; exit 1 ;; esac
            STORAGE=${STORAGE:-local-lvm} BRIDGE=${BRIDGE:-vmbr0}
            VMID=${VMID:-$(pvesh get /cluster/nextid)}
            """;

    private ProxmoxScript() {}

    static String of(Machine machine, List<GuestDisk> disks) {
        List<Seat> seats = Wiring.seats(machine, disks, ProxmoxScript::bus);
        StringBuilder script = new StringBuilder(head(machine.name()));
        List<String> notes = new ArrayList<>(Wording.notes(machine, disks));
        Set<String> changes = Wording.changes(machine, disks, seats);
        notes.addAll(changes);
        script.append(Wording.comments("#", notes)).append(CHECKS);
        create(machine, seats, script);
        String first = "";
        for (int i = 0; i < disks.size(); i++) {
            String slot = slot(seats.get(i));
            first = first.isEmpty() ? slot : first;
            disk(disks.get(i), slot, script);
        }
        if (!first.isEmpty()) {
            script.append("qm set \"$VMID\" --boot order=").append(first).append('\n');
        }
        return script.append("echo \"made VM $VMID; start it with: qm start $VMID\"\n")
                .toString();
    }

    private static String head(String name) {
        return """
            #!/bin/sh
            # Makes a VM of Proxmox VE (7.2 or newer) of the restored VM %s. Run it as root on the Proxmox host, with this
            # folder there; the disks are copied into the storage.
            #
            #   VMID=120 STORAGE=local-lvm BRIDGE=vmbr0 sh import-proxmox.sh
            #
            # The network cards keep their MAC addresses and are NOT connected, lest there be two of this VM:
            #   qm set VMID --net0 ...,link_down=0     (qm config VMID shows the rest of the line)
            # What the disks hang on is as near as Proxmox has it to what the VM had. Once the guest has the drivers, virtio
            # is the fastest: detach a disk and add it again as scsiN, with --scsihw virtio-scsi-single.
            """.formatted(Shell.comment(name));
    }

    /** Proxmox has one kind of SCSI controller in a VM, none of LSI's SAS, and no NVMe. */
    private static Bus bus(MachineDisk disk, Firmware firmware) {
        return switch (Bus.inQemu(disk, firmware)) {
            case PVSCSI -> Bus.PVSCSI;
            case IDE -> Bus.IDE;
            case SATA, MPTSAS, NVME, VIRTIO -> Bus.SATA;
        };
    }

    private static void create(Machine machine, List<Seat> seats, StringBuilder script) {
        boolean isEfi = machine.firmware() == Firmware.EFI;
        boolean hasPvscsi = seats.stream().anyMatch(seat -> seat.bus() == Bus.PVSCSI);
        script.append("qm create \"$VMID\" --name "
                        + Plain.name(machine.name(), "-.").replaceAll("[.-]{2,}", "-"))
                .append(" --ostype " + osType(machine) + " \\\n")
                .append("    --machine " + Wiring.qemuMachine(machine) + " --bios " + (isEfi ? "ovmf" : "seabios"))
                .append(" --cpu host --sockets " + machine.sockets() + " --cores " + machine.coresPerSocket())
                .append(" --memory " + (machine.memoryBytes() >> 20) + " \\\n")
                .append("    --scsihw " + (hasPvscsi ? "pvscsi" : "virtio-scsi-single")
                        + " --serial0 socket --vga std");
        if (!machine.uuid().isEmpty()) {
            script.append(" --smbios1 uuid=" + machine.uuid());
        }
        for (int i = 0; i < machine.nics().size(); i++) {
            MachineNic nic = machine.nics().get(i);
            script.append(" \\\n    --net" + i + " \"" + nic.model().word())
                    .append(nic.mac().isEmpty() ? "" : "=" + nic.mac().toUpperCase(Locale.ROOT))
                    .append(",bridge=$BRIDGE,link_down=1\"");
        }
        if (isEfi) {
            script.append(" \\\n    --efidisk0 \"$STORAGE:1,efitype=4m,pre-enrolled-keys="
                            + (machine.secureBoot() ? 1 : 0))
                    .append('"');
        }
        script.append('\n');
    }

    private static void disk(GuestDisk disk, String slot, StringBuilder script) {
        String file = disk.file();
        if (!file.matches("[A-Za-z0-9._-]+")) {
            // Within a list of properties nothing can be escaped.
            String link = "disk-" + disk.key() + "-link." + disk.format();
            script.append("ln -sfn -- " + Shell.word("./" + file) + " " + link + "\n");
            file = link;
        }
        script.append("qm set \"$VMID\" --" + slot + " \"$STORAGE:0,import-from=$PWD/" + file + "\"\n");
    }

    /** Disks of one kind are numbered through; Proxmox itself distributes them over controllers. */
    private static String slot(Seat seat) {
        int number = seat.controller() * seat.bus().disks() + seat.unit();
        return switch (seat.bus()) {
            case PVSCSI, MPTSAS, VIRTIO -> "scsi" + number;
            case IDE -> "ide" + number;
            case SATA, NVME -> "sata" + number;
        };
    }

    private static String osType(Machine machine) {
        String guest = machine.guestId().toLowerCase(Locale.ROOT);
        if (Wiring.isWindows(machine)) {
            return guest.contains("xp") ? "wxp" : guest.contains("2003") || guest.contains("net") ? "w2k3" : "win10";
        }
        return Wiring.isLinux(machine) ? "l26" : "other";
    }
}
