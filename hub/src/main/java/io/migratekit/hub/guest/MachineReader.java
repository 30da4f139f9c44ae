package io.migratekit.hub.guest;

import io.migratekit.hub.repository.Backup;
import io.migratekit.hub.repository.BackupDisk;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** What does the configuration of a restore point say about its VM, and what has to be guessed? */
final class MachineReader {
    private static final Pattern UUID = Pattern.compile("\\p{XDigit}{8}(-\\p{XDigit}{4}){3}-\\p{XDigit}{12}");
    private static final Pattern MAC = Pattern.compile("\\p{XDigit}{2}([:-]\\p{XDigit}{2}){5}");
    private static final long MEBIBYTE = 1 << 20;
    private static final long DEFAULT_MEMORY_MEBIBYTES = 2048;
    /** More than vSphere can give, so that a slip of the pen does not become a machine that cannot be started. */
    private static final long MOST_MEMORY_MEBIBYTES = 32L << 20;

    private static final int MOST_CPUS = 1024;
    private static final int MOST_KEY = Integer.MAX_VALUE;

    private final Backup point;
    private final Facts config;
    private final List<Facts> devices;
    private final List<String> notes = new ArrayList<>();

    MachineReader(Backup point) {
        this.point = point;
        this.config = new Facts(point.configuration()).inner("config");
        this.devices = config.inner("hardware").list("device");
    }

    Machine read() {
        if (point.configuration() == null) {
            notes.add("The restore point has no configuration; all of the machine is guessed.");
        }
        String uuid = config.text("uuid");
        if (!UUID.matcher(uuid).matches()) {
            notes.add("The configuration does not say the machine's UUID; it gets a new one.");
            uuid = "";
        }
        Firmware firmware = firmware();
        boolean secure = config.inner("bootOptions").isTrue("efiSecureBootEnabled");
        long cpus = cpus();
        long cores = coresPerSocket(cpus);
        long memory = memoryBytes();
        List<MachineDisk> disks = disks();
        List<MachineNic> nics = nics();
        noteWhatIsLost();
        return new Machine(
                point.vmName(),
                uuid.toLowerCase(Locale.ROOT),
                firmware,
                secure && firmware == Firmware.EFI,
                (int) (cpus / cores),
                (int) cores,
                memory,
                config.text("guestId"),
                disks,
                nics,
                notes);
    }

    private Firmware firmware() {
        return switch (config.text("firmware").toLowerCase(Locale.ROOT)) {
            case "efi" -> Firmware.EFI;
            case "bios" -> Firmware.BIOS;
            default -> {
                notes.add("The configuration does not say the firmware; BIOS is assumed.");
                yield Firmware.BIOS;
            }
        };
    }

    private long cpus() {
        long cpus = config.inner("hardware").number("numCPU", 1, MOST_CPUS, 0);
        if (cpus == 0) {
            notes.add("The configuration does not say the number of processors; one is assumed.");
            return 1;
        }
        return cpus;
    }

    /** Zero is what vSphere says if it decides itself. */
    private long coresPerSocket(long cpus) {
        long cores = config.inner("hardware").number("numCoresPerSocket", 1, MOST_CPUS, 1);
        if (cpus % cores != 0) {
            notes.add(cpus + " processors cannot be sockets of " + cores
                    + " cores each; each one gets a socket of its own.");
            return 1;
        }
        return cores;
    }

    private long memoryBytes() {
        long mebibytes = config.inner("hardware").number("memoryMB", 1, MOST_MEMORY_MEBIBYTES, 0);
        if (mebibytes == 0) {
            notes.add("The configuration does not say how much memory there is; 2 GiB are assumed.");
            mebibytes = DEFAULT_MEMORY_MEBIBYTES;
        }
        return mebibytes * MEBIBYTE;
    }

    /** In the order in which a BIOS of vSphere looks: SCSI, IDE, SATA, NVMe, which is that of the keys. */
    private List<MachineDisk> disks() {
        List<MachineDisk> disks = new ArrayList<>();
        for (BackupDisk disk : point.disks()) {
            if (disk.layer() == null) {
                notes.add("Disk " + disk.key() + " is not part of the restore point: " + disk.missing());
            } else {
                disks.add(disk(disk));
            }
        }
        Comparator<MachineDisk> order = Comparator.comparingInt(MachineDisk::key);
        disks.sort(bootDisk()
                .map(key -> Comparator.comparing((MachineDisk disk) -> disk.key() != key)
                        .thenComparing(order))
                .orElse(order));
        return disks;
    }

    private Optional<Integer> bootDisk() {
        return config.inner("bootOptions").list("bootOrder").stream()
                .map(device -> (int) device.number("deviceKey", 1, MOST_KEY, 0))
                .filter(key -> point.disks().stream().anyMatch(disk -> disk.key() == key))
                .findFirst();
    }

    private MachineDisk disk(BackupDisk kept) {
        String label = Optional.ofNullable(kept.label()).orElse("");
        Facts disk = device(kept.key());
        Facts controller = device((int) disk.number("controllerKey", 0, MOST_KEY, -1));
        Optional<DiskBus> bus = bus(controller.type());
        if (bus.isEmpty()) {
            notes.add("The configuration does not say on which controller disk " + kept.key()
                    + (controller.type().isEmpty() ? "" : " (on a " + controller.type() + ")")
                    + " hangs; SATA is assumed.");
        }
        return new MachineDisk(
                kept.key(),
                label,
                bus.orElse(DiskBus.SATA),
                (int) controller.number("busNumber", 0, 255, 0),
                (int) disk.number("unitNumber", 0, 255, 0),
                kept.capacityBytes());
    }

    private static Optional<DiskBus> bus(String type) {
        if (type.equals("VirtualSATAController")) {
            return Optional.of(DiskBus.SATA);
        }
        return List.of(DiskBus.values()).stream()
                .filter(bus -> bus.type().equals(type))
                .findFirst();
    }

    private Facts device(int key) {
        return devices.stream()
                .filter(device -> device.number("key", 0, MOST_KEY, -1) == key && key >= 0)
                .findFirst()
                .orElseGet(() -> new Facts(null));
    }

    /** In the order of their keys, as the guest counts them. */
    private List<MachineNic> nics() {
        Map<Long, MachineNic> nics = new TreeMap<>();
        for (Facts device : devices) {
            if (!device.text("macAddress").isEmpty() || nicModel(device.type()).isPresent()) {
                long key = device.number("key", 0, MOST_KEY, MOST_KEY + 1L + nics.size());
                nics.put(key, nic(device));
            }
        }
        if (devices.isEmpty()) {
            notes.add("The configuration lists no devices; the machine gets no network card.");
        }
        return List.copyOf(nics.values());
    }

    private MachineNic nic(Facts device) {
        String mac = device.text("macAddress").replace('-', ':').toLowerCase(Locale.ROOT);
        // The lowest bit of the first byte makes it the address of a group, which no card can have.
        if (!MAC.matcher(mac).matches() || Integer.parseInt(mac.substring(0, 2), 16) % 2 == 1) {
            notes.add("A network card has no usable MAC address; it gets a new one.");
            mac = "";
        }
        Optional<NicModel> model = nicModel(device.type());
        if (model.isEmpty()) {
            notes.add("The network card " + mac + " is a " + device.type()
                    + ", which only vSphere has; it becomes an e1000.");
        }
        Facts backing = device.inner("backing");
        String network = backing.text("deviceName").isEmpty()
                ? backing.inner("port").text("portgroupKey")
                : backing.text("deviceName");
        return new MachineNic(model.orElse(NicModel.E1000), mac, network);
    }

    private static Optional<NicModel> nicModel(String type) {
        return List.of(NicModel.values()).stream()
                .filter(model -> model.type().equals(type))
                .findFirst();
    }

    private void noteWhatIsLost() {
        for (Facts device : devices) {
            switch (device.type()) {
                case "VirtualTPM" ->
                    notes.add(
                            "The VM had a TPM. What it held is not part of a backup: a guest that seals its disks with it"
                                    + " (BitLocker) asks for the recovery key.");
                case "VirtualPCIPassthrough" ->
                    notes.add("The VM had a PCI device of its host passed through; nothing takes its place.");
                default -> {
                    // The firmware's and the display's devices are everywhere.
                }
            }
        }
        if (config.inner("keyId").type().startsWith("CryptoKey")) {
            notes.add("The VM was encrypted by vSphere. Its disks are not encrypted here.");
        }
    }
}
