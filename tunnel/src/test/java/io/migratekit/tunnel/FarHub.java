package io.migratekit.tunnel;

import io.migratekit.nbd.fixture.NetNamespace;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.server.ServerCommand;
import io.migratekit.nbd.server.ServerLimits;
import io.migratekit.nbd.server.ServerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A hub behind a network that can be broken: a real sshd in a network namespace of its own.
 */
final class FarHub implements AutoCloseable {
    static final int PORT = 22;

    private final Path directory;
    private final NetNamespace network;
    private final String address;
    private ServerProcess sshd;

    private FarHub(Path directory) throws IOException {
        this.directory = directory;
        network = NetNamespace.make("hub");
        try {
            address = network.cableFromHere().far();
            sshd = startSshd();
        } catch (RuntimeException | Error | IOException e) {
            close();
            throw e;
        }
    }

    static boolean canBeMade() {
        return NetNamespace.canBeMade();
    }

    static FarHub start(Path directory) throws IOException {
        return new FarHub(directory);
    }

    private ServerProcess startSshd() throws IOException {
        Files.createDirectories(Path.of("/run/sshd")); // Where the server of the distribution locks itself in.
        for (String key : List.of("host_key", "user_key")) {
            Tool.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file(key));
        }
        Files.copy(directory.resolve("user_key.pub"), directory.resolve("authorized_keys"));
        Files.writeString(
                directory.resolve("known_hosts"), address + " " + Files.readString(directory.resolve("host_key.pub")));
        Files.writeString(directory.resolve("sshd_config"), """
                ListenAddress %s
                Port %d
                HostKey %s
                PidFile %s
                AuthorizedKeysFile %s
                PermitRootLogin prohibit-password
                UsePAM no
                StrictModes no
                """.formatted(
                        address, PORT, file("host_key"), file("sshd.pid"), file("authorized_keys")));
        List<String> words = new ArrayList<>(network.words());
        words.addAll(List.of("/usr/sbin/sshd", "-D", "-e", "-f", file("sshd_config")));
        ServerProcess process = ServerProcess.start(
                _ -> ServerCommand.of(words.getFirst(), "iproute2", words.subList(1, words.size())),
                ServerLimits.DEFAULTS.withStop(Duration.ofSeconds(2)));
        process.awaitPidFile(directory.resolve("sshd.pid"));
        return process;
    }

    private String file(String name) {
        return directory.resolve(name).toString();
    }

    TunnelSpec spec(Forward... forwards) {
        return TunnelSpec.of(
                        "far",
                        SshTarget.parse(System.getProperty("user.name") + "@" + address),
                        SshKeys.of(directory.resolve("user_key")),
                        new HostKeys.KnownHosts(List.of(directory.resolve("known_hosts"))))
                .withLimits(Hub.QUICK.withTimeout(Duration.ofSeconds(2)))
                .withPersistence(
                        new Persistence(Duration.ofMillis(50), Duration.ofMillis(200), java.util.Optional.empty()))
                .withForwards(forwards);
    }

    /** Gives the packet filter of the hub's network these chains, instead of all that it had. */
    void filter(String chains) {
        network.filter(chains);
    }

    void heal() {
        network.heal();
    }

    /** Runs a program inside the hub's network. */
    String in(String... words) {
        return network.in(words);
    }

    @Override
    public void close() {
        if (sshd != null) {
            sshd.close();
        }
        network.close();
    }
}
