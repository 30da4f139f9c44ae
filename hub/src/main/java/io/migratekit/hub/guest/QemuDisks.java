package io.migratekit.hub.guest;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** How does qemu hear where each disk hangs? The drives themselves are {@code disk0}, {@code disk1} and so on. */
final class QemuDisks {
    private QemuDisks() {}

    /** Pairs of words: {@code -device} and what follows it. */
    static List<String> words(List<Seat> seats) {
        List<String> words = new ArrayList<>();
        Set<String> controllers = new LinkedHashSet<>();
        for (int i = 0; i < seats.size(); i++) {
            Seat seat = seats.get(i);
            if (seat.bus() != Bus.IDE && seat.bus() != Bus.NVME && controllers.add(seat.controllerId())) {
                device(words, seat.bus().device() + ",id=" + seat.controllerId());
            }
            String name = seat.bus() == Bus.MPTSAS ? ",wwn=0x" + wwn(i) : "";
            device(words, disk(seat) + ",drive=disk" + i + ",bootindex=" + (i + 1) + name);
        }
        return words;
    }

    /** A SAS disk without a name of the world's own is one that Linux' driver does not see. */
    static String wwn(int number) {
        return "5000c29%09x".formatted(number + 1);
    }

    private static String disk(Seat seat) {
        return switch (seat.bus()) {
            case PVSCSI, MPTSAS, VIRTIO -> "scsi-hd,bus=" + seat.controllerId() + ".0,scsi-id=" + seat.unit();
            case IDE -> "ide-hd,bus=ide." + seat.unit() / 2 + ",unit=" + seat.unit() % 2;
            case SATA -> "ide-hd,bus=" + seat.controllerId() + "." + seat.unit();
            case NVME -> "nvme,serial=" + seat.controllerId();
        };
    }

    private static void device(List<String> words, String what) {
        words.add("-device");
        words.add(what);
    }

    /** A word within a list of qemu's options, where a comma would begin the next one. */
    static String escaped(String value) {
        return value.replace(",", ",,");
    }
}
