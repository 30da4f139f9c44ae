package io.migratekit.nbd.server;

import java.time.Duration;
import java.util.List;

/** What becomes of a server when its JVM ends? This is the JVM: it starts one, prints its process id and directory, and waits. */
final class JvmWithServer {
    private JvmWithServer() {}

    public static void main(String[] words) throws InterruptedException {
        ServerProcess server =
                ServerProcess.start(_ -> ServerCommand.of("sleep", "coreutils", List.of("60")), ServerLimits.DEFAULTS);
        System.out.println(server.pid());
        System.out.println(server.directory());
        Thread.sleep(Duration.ofSeconds(60));
    }
}
