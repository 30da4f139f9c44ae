package io.migratekit.hub.guest;

import io.migratekit.hub.repository.Backup;
import java.util.List;
import java.util.Optional;

/**
 * What was the VM, apart from what its disks hold? As the agent found it; what it did not tell is a sane guess, and
 * {@code notes} says so.
 *
 * @param uuid what the guest sees as the machine's identity; empty if not told
 * @param disks all that the restore point has, the one to boot from first
 * @param guestId vSphere's word for the operating system; empty if not told
 * @param notes a sentence for each thing that was guessed or cannot be had elsewhere
 */
public record Machine(
        String name,
        String uuid,
        Firmware firmware,
        boolean secureBoot,
        int sockets,
        int coresPerSocket,
        long memoryBytes,
        String guestId,
        List<MachineDisk> disks,
        List<MachineNic> nics,
        List<String> notes) {

    public Machine {
        disks = List.copyOf(disks);
        nics = List.copyOf(nics);
        notes = List.copyOf(notes);
    }

    /** The machine of a restore point. Nothing in its configuration is so odd that there would be none. */
    public static Machine of(Backup point) {
        return new MachineReader(point).read();
    }

    public int cpus() {
        return sockets * coresPerSocket;
    }

    /** The disk with this key. */
    public Optional<MachineDisk> disk(int key) {
        return disks.stream().filter(disk -> disk.key() == key).findFirst();
    }
}
