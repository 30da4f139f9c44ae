package io.migratekit.hub.guest;

/** Which kind of controller do qemu and those above it have, and how many disks go on one? */
enum Bus {
    PVSCSI("pvscsi", 15),
    /** SeaBIOS looks at its first seven targets only. */
    MPTSAS("mptsas1068", 7),
    /** Built into the machine, with two channels of two disks each. */
    IDE("ide", 4),
    SATA("ich9-ahci", 6),
    NVME("nvme", 1),
    VIRTIO("virtio-scsi-pci", 30);

    private final String device;
    private final int disks;

    Bus(String device, int disks) {
        this.device = device;
        this.disks = disks;
    }

    /** qemu's name of the controller. */
    String device() {
        return device;
    }

    int disks() {
        return disks;
    }

    boolean isScsi() {
        return this == PVSCSI || this == MPTSAS || this == VIRTIO;
    }

    /**
     * What is nearest to what the VM had: the guest has to find its disks before it can be given other drivers. No OVMF
     * that distributions build sees a disk on a SCSI controller other than virtio's; SATA it always sees.
     */
    static Bus inQemu(MachineDisk disk, Firmware firmware) {
        return switch (disk.bus()) {
            case PVSCSI -> firmware == Firmware.EFI ? SATA : PVSCSI;
            case LSI_LOGIC, LSI_LOGIC_SAS -> firmware == Firmware.EFI ? SATA : MPTSAS;
            case BUS_LOGIC, IDE -> firmware == Firmware.EFI ? SATA : IDE;
            case SATA -> SATA;
            case NVME -> NVME;
        };
    }
}
