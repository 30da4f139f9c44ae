package io.migratekit.tunnel;

import io.migratekit.nbd.fixture.LoopbackSshd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A hub with a real sshd for a test, and specifications of tunnels to it. */
final class Hub implements AutoCloseable {
    static final TunnelLimits QUICK =
            TunnelLimits.DEFAULT.withTimeout(Duration.ofSeconds(5)).withKeepalive(Duration.ofMillis(300), 3);

    final LoopbackSshd sshd;

    private Hub(LoopbackSshd sshd) {
        this.sshd = sshd;
    }

    static Hub start(Path directory, String... sshdLines) throws IOException {
        return new Hub(LoopbackSshd.start(Files.createDirectory(directory.resolve("sshd")), sshdLines));
    }

    SshTarget target() {
        return target(sshd.port());
    }

    static SshTarget target(int port) {
        return SshTarget.parse("127.0.0.1:" + port);
    }

    HostKeys known() {
        return new HostKeys.KnownHosts(List.of(sshd.knownHosts()));
    }

    TunnelSpec spec(Forward... forwards) {
        return TunnelSpec.of("test", target(), SshKeys.of(sshd.userKey()), known())
                .withLimits(QUICK)
                .withPersistence(
                        new Persistence(Duration.ofMillis(50), Duration.ofMillis(200), java.util.Optional.empty()))
                .withForwards(forwards);
    }

    @Override
    public void close() {
        sshd.close();
    }
}
