package io.migratekit.hub.guest;

/** Which kind of controller does a disk of the VM hang on? The guest has a driver for it. */
public enum DiskBus {
    PVSCSI("PVSCSI", "ParaVirtualSCSIController"),
    LSI_LOGIC("LSI Logic parallel", "VirtualLsiLogicController"),
    LSI_LOGIC_SAS("LSI Logic SAS", "VirtualLsiLogicSASController"),
    BUS_LOGIC("BusLogic", "VirtualBusLogicController"),
    IDE("IDE", "VirtualIDEController"),
    SATA("SATA", "VirtualAHCIController"),
    NVME("NVMe", "VirtualNVMEController");

    private final String word;
    private final String type;

    DiskBus(String word, String type) {
        this.word = word;
        this.type = type;
    }

    /** What vSphere calls it. */
    public String word() {
        return word;
    }

    /** The name of its type in vSphere's API. */
    String type() {
        return type;
    }
}
