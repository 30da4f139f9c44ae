package io.migratekit.agent.migration;

import io.migratekit.agent.job.JobStore;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/**
 * Who are we, for other agents that find our snapshot, and for a hub that knows us by a name? This machine and this
 * state directory: whoever shares both can see whether our job lives; all others have to wait until its lease ends.
 */
public final class Owner {
    private static final Path MACHINE_ID = Path.of("/etc/machine-id");

    private Owner() {}

    /** As it stands in a snapshot's description: the host's name and a checksum. */
    public static String of(JobStore store) {
        CRC32C sum = new CRC32C();
        sum.update((machine() + ":" + store.path()).getBytes(StandardCharsets.UTF_8));
        return "%s-%08x".formatted(hostName(), sum.getValue());
    }

    private static String machine() {
        try {
            return Files.readString(MACHINE_ID).strip();
        } catch (IOException e) {
            return hostName();
        }
    }

    private static String hostName() {
        try {
            // From the kernel: to ask the name service may take for ever.
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            return InetAddress.getLoopbackAddress().getHostName();
        }
    }
}
