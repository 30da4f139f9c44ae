package io.migratekit.hub.guest;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How does libvirt hear of the restored VM? A domain for {@code virsh define}. */
final class LibvirtXml {
    static final String FILE = "libvirt.xml";

    /** As many signs of four bytes each, with an ending, are still the name of a file. */
    private static final int LONGEST_NAME = 60;

    private LibvirtXml() {}

    static String of(Machine machine, List<GuestDisk> disks, Path folder) {
        List<Seat> seats = Wiring.seats(machine, disks, LibvirtXml::bus);
        StringBuilder xml = new StringBuilder();
        xml.append("<!-- virsh define ").append(FILE).append("; virsh start NAME - -console\n");
        xml.append("     The paths of the disks are those of the folder in which they were restored.\n");
        List<String> notes = new ArrayList<>(Wording.notes(machine, disks));
        notes.addAll(Wording.changes(machine, disks, seats));
        notes.forEach(note -> xml.append("     * ").append(Xml.comment(note)).append('\n'));
        xml.append("     Without KVM on the host: type='qemu' instead of 'kvm'. -->\n");
        xml.append("<domain type='kvm'>\n");
        element(xml, "name", name(machine.name()));
        if (!machine.uuid().isEmpty()) {
            element(xml, "uuid", machine.uuid());
        }
        if (!machine.name().isBlank()) {
            element(xml, "title", Plain.line(machine.name()));
        }
        xml.append("  <memory unit='MiB'>").append(machine.memoryBytes() >> 20).append("</memory>\n");
        element(xml, "vcpu", Integer.toString(machine.cpus()));
        os(machine, xml);
        xml.append("  <cpu mode='maximum'>\n    <topology sockets='")
                .append(machine.sockets())
                .append("' cores='")
                .append(machine.coresPerSocket())
                .append("' threads='1'/>\n  </cpu>\n");
        xml.append("  <clock offset='")
                .append(Wiring.isWindows(machine) ? "localtime" : "utc")
                .append("'/>\n  <devices>\n");
        disks(disks, seats, folder, xml);
        machine.nics().forEach(nic -> nic(nic, xml));
        xml.append("    <serial type='pty'/>\n    <console type='pty'/>\n");
        xml.append("    <graphics type='vnc' autoport='yes' listen='127.0.0.1'/>\n");
        xml.append("    <video>\n      <model type='vga'/>\n    </video>\n  </devices>\n</domain>\n");
        return xml.toString();
    }

    /** libvirt learned only lately what qemu can do with NVMe. */
    private static Bus bus(MachineDisk disk, Firmware firmware) {
        Bus bus = Bus.inQemu(disk, firmware);
        return bus == Bus.NVME ? Bus.SATA : bus;
    }

    private static void os(Machine machine, StringBuilder xml) {
        boolean isEfi = machine.firmware() == Firmware.EFI;
        String secure = machine.secureBoot() ? "yes" : "no";
        xml.append(isEfi ? "  <os firmware='efi'>\n" : "  <os>\n");
        xml.append("    <type arch='x86_64' machine='")
                .append(Wiring.qemuMachine(machine))
                .append("'>hvm</type>\n");
        if (isEfi) {
            xml.append("    <firmware>\n");
            xml.append("      <feature enabled='" + secure + "' name='enrolled-keys'/>\n");
            xml.append("      <feature enabled='" + secure + "' name='secure-boot'/>\n");
            xml.append("    </firmware>\n");
        }
        xml.append("  </os>\n  <features>\n    <acpi/>\n    <apic/>\n");
        xml.append(machine.secureBoot() ? "    <smm state='on'/>\n" : "").append("  </features>\n");
    }

    private static void disks(List<GuestDisk> disks, List<Seat> seats, Path folder, StringBuilder xml) {
        Map<String, Integer> scsi = new LinkedHashMap<>();
        int scsiOrSata = 0;
        int ide = 0;
        for (int i = 0; i < disks.size(); i++) {
            Seat seat = seats.get(i);
            int controller = seat.controller();
            if (seat.bus().isScsi()) {
                int number = scsi.size();
                Integer known = scsi.putIfAbsent(seat.controllerId(), number);
                controller = known == null ? number : known;
                if (known == null) {
                    xml.append(
                            "    <controller type='scsi' index='" + number + "' model='" + model(seat.bus()) + "'/>\n");
                }
            }
            String name = seat.bus() == Bus.IDE ? "hd" + letters(ide++) : "sd" + letters(scsiOrSata++);
            String file = folder.resolve(disks.get(i).file()).toString();
            xml.append("    <disk type='file' device='disk'>\n");
            xml.append("      <driver name='qemu' type='" + disks.get(i).format() + "'/>\n");
            xml.append("      <source file='" + Xml.text(file) + "'/>\n");
            xml.append("      <target dev='" + name + "' bus='" + word(seat.bus()) + "'/>\n");
            if (seat.bus() == Bus.MPTSAS) {
                xml.append("      <wwn>" + QemuDisks.wwn(i) + "</wwn>\n");
            }
            xml.append("      <boot order='" + (i + 1) + "'/>\n");
            xml.append("      <address type='drive' controller='" + controller + "' " + place(seat) + "/>\n");
            xml.append("    </disk>\n");
        }
    }

    private static String model(Bus bus) {
        return switch (bus) {
            case PVSCSI -> "vmpvscsi";
            case MPTSAS -> "lsisas1068";
            case VIRTIO -> "virtio-scsi";
            case IDE, SATA, NVME -> throw new IllegalArgumentException("no SCSI: " + bus);
        };
    }

    private static String word(Bus bus) {
        return switch (bus) {
            case PVSCSI, MPTSAS, VIRTIO -> "scsi";
            case IDE -> "ide";
            case SATA, NVME -> "sata";
        };
    }

    private static String place(Seat seat) {
        return switch (seat.bus()) {
            case PVSCSI, MPTSAS, VIRTIO -> "bus='0' target='" + seat.unit() + "' unit='0'";
            case IDE -> "bus='" + seat.unit() / 2 + "' target='0' unit='" + seat.unit() % 2 + "'";
            case SATA, NVME -> "bus='0' target='0' unit='" + seat.unit() + "'";
        };
    }

    /** a to z, then aa and so on. */
    private static String letters(int number) {
        String last = String.valueOf((char) ('a' + number % 26));
        return number < 26 ? last : letters(number / 26 - 1) + last;
    }

    private static void nic(MachineNic nic, StringBuilder xml) {
        xml.append("    <interface type='network'>\n");
        if (!nic.mac().isEmpty()) {
            xml.append("      <mac address='" + nic.mac() + "'/>\n");
        }
        xml.append("      <source network='default'/>\n");
        xml.append("      <model type='" + nic.model().word() + "'/>\n    </interface>\n");
    }

    /** A name of libvirt's is one of files as well, and a word of its commands. */
    private static String name(String name) {
        String line = Plain.line(name).replace('/', '-').strip();
        String word = line.matches("[.-].*|") ? "restored" + line : line;
        return word.substring(
                0, word.offsetByCodePoints(0, Math.min(LONGEST_NAME, word.codePointCount(0, word.length()))));
    }

    private static void element(StringBuilder xml, String name, String text) {
        xml.append("  <" + name + ">").append(Xml.text(text)).append("</" + name + ">\n");
    }
}
