package io.migratekit.hub.guest;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Where does a disk hang in the machine that takes over? Disks keep their order; controllers are filled one after another.
 *
 * @param controller the number of the controller among those of its kind
 * @param unit the disk's place on it
 */
record Seat(Bus bus, int controller, int unit) {

    /** A seat for each disk, given what each one should hang on. What has no room on the one IDE controller goes to SATA. */
    static List<Seat> of(List<Bus> wanted) {
        Map<Bus, Integer> taken = new EnumMap<>(Bus.class);
        List<Seat> seats = new ArrayList<>();
        for (Bus bus : wanted) {
            boolean isFull = bus == Bus.IDE && taken.getOrDefault(bus, 0) == bus.disks();
            Bus given = isFull ? Bus.SATA : bus;
            int index = taken.merge(given, 1, Integer::sum) - 1;
            seats.add(new Seat(given, index / given.disks(), index % given.disks()));
        }
        return seats;
    }

    /** The id of its controller in qemu's words. */
    String controllerId() {
        return switch (bus) {
            case PVSCSI -> "pvscsi" + controller;
            case MPTSAS -> "mptsas" + controller;
            case IDE -> "ide";
            case SATA -> "sata" + controller;
            case NVME -> "nvme" + controller;
            case VIRTIO -> "virtio" + controller;
        };
    }
}
