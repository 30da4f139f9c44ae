package io.migratekit.hub.guest;

import java.util.List;

/** Which way leads back to vSphere? Commands of qemu-img and govc, with what has to be made again. */
final class Vsphere {
    private Vsphere() {}

    static String of(Machine machine, List<GuestDisk> disks) {
        StringBuilder text = new StringBuilder("""
                ## Back to vSphere

                Disks go there as streamOptimized VMDK, which `govc import.vmdk` uploads (govc takes the server from GOVC_URL,
                GOVC_USERNAME and GOVC_PASSWORD). Then a VM is made around them. NAME, DATASTORE and NETWORK are yours to choose.

                ```sh
                """);
        for (GuestDisk disk : disks) {
            String vmdk = vmdk(disk);
            text.append("qemu-img convert -p -f " + disk.format() + " -O vmdk -o subformat=streamOptimized ")
                    .append(Shell.word("./" + Plain.line(disk.file())) + " " + vmdk + "\n");
            text.append("govc import.vmdk -ds DATASTORE " + vmdk + " NAME\n");
        }
        create(machine, disks, text);
        text.append("```\n\n");
        text.append("""
                * The firmware must be the one it had, or the guest does not start. The controller should be: the guest surely has
                  its driver.
                * `-net.address` and `-uuid` keep what licences and network settings of the guest may depend on. Not while the
                  original runs.
                * What is not made again: snapshots, resource pools, permissions, custom attributes. The record of the restore
                  point has them as they were (`configuration`).
                * Instead of govc: upload the VMDK with the datastore browser, and on the ESXi host
                  `vmkfstools -i NAME/uploaded.vmdk -d thin NAME/disk.vmdk`, since a VM cannot run from a streamOptimized file.
                """);
        return text.toString();
    }

    private static String vmdk(GuestDisk disk) {
        return "disk-" + disk.key() + ".vmdk";
    }

    private static void create(Machine machine, List<GuestDisk> disks, StringBuilder text) {
        String guest = machine.guestId().isEmpty() ? "otherGuest64" : machine.guestId();
        text.append("govc vm.create -on=false -ds DATASTORE -c " + machine.cpus() + " -m "
                        + (machine.memoryBytes() >> 20))
                .append(" -g " + Shell.word(Plain.line(guest)))
                .append(" -firmware " + (machine.firmware() == Firmware.EFI ? "efi" : "bios"));
        if (!machine.nics().isEmpty()) {
            text.append(" -net NETWORK " + nic(machine.nics().getFirst()));
        }
        for (int i = 0; i < disks.size(); i++) {
            String controller = machine.disk(disks.get(i).key())
                    .map(disk -> controller(disk.bus()))
                    .orElse("sata");
            text.append(
                    i == 0 ? " -disk.controller " + controller + " -disk NAME/" + vmdk(disks.get(i)) + " NAME\n" : "");
            text.append(
                    i == 0
                            ? ""
                            : "govc vm.disk.attach -vm NAME -ds DATASTORE -controller " + controller + " -disk NAME/"
                                    + vmdk(disks.get(i)) + " -link=false\n");
        }
        if (disks.isEmpty()) {
            text.append(" NAME\n");
        }
        machine.nics().stream()
                .skip(1)
                .forEach(nic -> text.append("govc vm.network.add -vm NAME -net NETWORK " + nic(nic) + "\n"));
        if (!machine.uuid().isEmpty()) {
            text.append("govc vm.change -vm NAME -uuid " + machine.uuid() + "\n");
        }
        if (machine.secureBoot()) {
            text.append("govc device.boot -vm NAME -secure\n");
        }
        text.append("govc vm.power -on NAME\n");
    }

    private static String nic(MachineNic nic) {
        return "-net.adapter " + nic.model().word() + (nic.mac().isEmpty() ? "" : " -net.address " + nic.mac());
    }

    private static String controller(DiskBus bus) {
        return switch (bus) {
            case PVSCSI -> "pvscsi";
            case LSI_LOGIC -> "lsilogic";
            case LSI_LOGIC_SAS -> "lsilogic-sas";
            case BUS_LOGIC -> "buslogic";
            case IDE -> "ide";
            case SATA -> "sata";
            case NVME -> "nvme";
        };
    }
}
