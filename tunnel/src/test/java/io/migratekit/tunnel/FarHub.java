package io.migratekit.tunnel;

import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.server.ServerCommand;
import io.migratekit.nbd.server.ServerLimits;
import io.migratekit.nbd.server.ServerProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A hub behind a network that can be broken: a real sshd in a network namespace of its own, reached over a pair of
 * virtual cables, with the kernel's own packet filter between. Only root can make one. Names and addresses are drawn, so
 * that two of them can be there at once; closing removes everything, and so does the end of the JVM.
 */
final class FarHub implements AutoCloseable {
    static final int PORT = 22;

    private final Path directory;
    private final String namespace;
    private final String cable;
    private final String address;
    private final Thread removal = new Thread(this::removeNetwork);
    private ServerProcess sshd;

    private FarHub(Path directory) throws IOException {
        this.directory = directory;
        int number = ThreadLocalRandom.current().nextInt(1 << 14);
        namespace = "mk-hub-" + number + "-" + ProcessHandle.current().pid();
        cable = "mkh" + number;
        String net = "10." + (128 + (number >> 8)) + "." + (number & 0xff) + ".";
        address = net + "2";
        System.out.println("FarHub: namespace " + namespace + ", address " + address);
        Runtime.getRuntime().addShutdownHook(removal);
        try {
            Tool.run("ip", "netns", "add", namespace);
            Tool.run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace);
            Tool.run("ip", "address", "add", net + "1/30", "dev", cable);
            Tool.run("ip", "link", "set", cable, "up");
            Tool.run("ip", "-n", namespace, "address", "add", address + "/30", "dev", "eth0");
            Tool.run("ip", "-n", namespace, "link", "set", "eth0", "up");
            Tool.run("ip", "-n", namespace, "link", "set", "lo", "up");
            sshd = startSshd();
        } catch (RuntimeException | Error | IOException e) {
            close();
            throw e;
        }
    }

    static boolean canBeMade() {
        return System.getProperty("user.name").equals("root");
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
        List<String> words =
                List.of("netns", "exec", namespace, "/usr/sbin/sshd", "-D", "-e", "-f", file("sshd_config"));
        ServerProcess process = ServerProcess.start(
                _ -> ServerCommand.of("ip", "iproute2", words), ServerLimits.DEFAULTS.withStop(Duration.ofSeconds(2)));
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
        try {
            Path rules = Files.writeString(
                    directory.resolve("rules.nft"), "flush ruleset\ntable ip fault {\n" + chains + "\n}\n");
            in("nft", "-f", rules.toString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void heal() {
        in("nft", "flush", "ruleset");
    }

    /** Runs a program inside the hub's network. */
    String in(String... words) {
        List<String> line = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
        line.addAll(List.of(words));
        return Tool.run(line.toArray(String[]::new));
    }

    private void removeNetwork() {
        Tool.outcome(List.of("ip", "netns", "del", namespace));
        Tool.outcome(List.of("ip", "link", "del", cable)); // Usually gone with its other end.
    }

    @Override
    public void close() {
        if (sshd != null) {
            sshd.close();
        }
        removeNetwork();
        Runtime.getRuntime().removeShutdownHook(removal);
    }
}
