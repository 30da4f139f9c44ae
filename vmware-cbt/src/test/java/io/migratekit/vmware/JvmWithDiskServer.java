package io.migratekit.vmware;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** What becomes of a disk server when its JVM is killed? This is the JVM: folder and size in, nbdkit's process id and URI out. */
final class JvmWithDiskServer {
    private JvmWithDiskServer() {}

    public static void main(String[] words) throws Exception {
        VddkStandIn standIn = VddkStandIn.in(Path.of(words[0]), Disks.PASSWORD);
        DiskServer server = DiskServer.start(
                Disks.vCenter(Disks.PASSWORD),
                Disks.VM,
                Disks.SNAPSHOT,
                Disks.disk(Long.parseLong(words[1])),
                DiskServerSpec.DEFAULT.withPlugin(standIn.plugin()),
                Disks.SEEN,
                Optional.empty(),
                DiskServer.Listener.NONE);
        System.out.println(server.pid());
        System.out.println(server.uri());
        Thread.sleep(Duration.ofSeconds(60));
    }
}
