package io.migratekit.hub.guest;

import io.migratekit.nbd.files.SafeFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What lies beside the disks of a restored VM, so that it can be run? Nothing is refused for an odd configuration. */
public final class GuestFiles {
    private GuestFiles() {}

    /**
     * Writes them, in place of those of an earlier restore.
     *
     * @param about what is to be known first: of which moment this is, and what of it is not right
     * @param disks the restored files in the folder, in any order
     * @return what was written, {@code RESTORE.md} first
     */
    public static List<Path> write(Machine machine, List<String> about, List<GuestDisk> disks, Path folder)
            throws IOException {
        Path place = folder.toAbsolutePath().normalize();
        List<Path> written = new ArrayList<>();
        for (Map.Entry<String, String> file :
                texts(machine, about, disks, place).entrySet()) {
            Path path = place.resolve(file.getKey());
            SafeFiles.replace(path, file.getValue().getBytes(StandardCharsets.UTF_8), SafeFiles.Survives.POWER_CUT);
            written.add(path);
        }
        return written;
    }

    /** The disk to boot from comes first everywhere. */
    private static Map<String, String> texts(Machine machine, List<String> about, List<GuestDisk> disks, Path place) {
        List<Integer> order = machine.disks().stream().map(MachineDisk::key).toList();
        List<GuestDisk> sorted = disks.stream()
                .sorted(Comparator.comparingInt(
                        disk -> order.contains(disk.key()) ? order.indexOf(disk.key()) : order.size()))
                .toList();
        Map<String, String> texts = new LinkedHashMap<>();
        texts.put(RestoreText.FILE, RestoreText.of(machine, about, sorted));
        texts.put(QemuScript.FILE, QemuScript.of(machine, sorted));
        texts.put(LibvirtXml.FILE, LibvirtXml.of(machine, sorted, place));
        texts.put(ProxmoxScript.FILE, ProxmoxScript.of(machine, sorted));
        return texts;
    }
}
