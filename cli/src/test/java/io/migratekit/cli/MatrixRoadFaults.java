package io.migratekit.cli;

import static io.migratekit.cli.MatrixFault.Expected.ends;
import static io.migratekit.cli.MatrixFault.Expected.recovers;
import static io.migratekit.cli.MatrixFault.both;
import static io.migratekit.cli.MatrixFault.ofService;

import io.migratekit.cli.MatrixFault.Hop;
import io.migratekit.cli.MatrixFault.Plan;
import io.migratekit.cli.MatrixFault.What;
import io.migratekit.cli.MatrixFault.When;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What may break between agent and hub: sshd, the network, the service that keeps a tunnel? */
final class MatrixRoadFaults {
    private MatrixRoadFaults() {}

    static List<MatrixFault> rows() {
        return java.util.stream.Stream.of(ssh(), network(), service())
                .flatMap(List::stream)
                .toList();
    }

    private static List<MatrixFault> ssh() {
        return List.of(
                both(
                        "sshd does not run",
                        Hop.SSH,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> {
                            lab.sshd().stop();
                            return () -> lab.sshd().startAgain();
                        },
                        ends(20, "No SSH server listens there", 15)),
                both(
                        "accepts the connection and says nothing",
                        Hop.SSH,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> lab.sshd().freeze(),
                        ends(20, "no SSH greeting within 2 s", 15)),
                both(
                        "another host key",
                        Hop.SSH,
                        When.BEFORE,
                        Plan.USUAL,
                        MatrixRoadFaults::anotherHostKey,
                        ends(20, "another host key", 15)),
                both(
                        "our key is not let in",
                        Hop.SSH,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> {
                            Path keys = lab.sshdFile("authorized_keys");
                            String all = Files.readString(keys);
                            Files.writeString(keys, "");
                            return () -> {
                                Files.writeString(keys, all);
                                lab.restartService();
                            };
                        },
                        ends(20, "does not let us in", 15)),
                both(
                        "may not forward to the hub",
                        Hop.SSH,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> forbidding(lab, "PermitOpen 127.0.0.1:9\n"),
                        ends(20, "PermitOpen", 20)),
                both(
                        "nothing is at the forwarded socket",
                        Hop.SSH,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> {
                            lab.hubAt("--hub", "unix:" + lab.folder().resolve("nothing"));
                            return () -> lab.hubAtSocket();
                        },
                        ends(42, "no such socket", 20)),
                both(
                        "its sessions are killed",
                        Hop.SSH,
                        When.MIDWAY,
                        Plan.USUAL.meanwhile(),
                        lab -> {
                            lab.sshd().killSessions();
                            return () -> {};
                        },
                        recovers(40)),
                both(
                        "stopped, then started again",
                        Hop.SSH,
                        When.MIDWAY,
                        Plan.USUAL.meanwhile(),
                        lab -> {
                            lab.sshd().killSessions();
                            lab.sshd().stop();
                            return () -> lab.sshd().startAgain();
                        },
                        ends(0, "stalled in tunnel", 12).stalling("tunnel")),
                both(
                        "frozen with its sessions",
                        Hop.SSH,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> lab.sshd().freeze(),
                        ends(20, "stalled in tunnel", 10).stalling("tunnel")));
    }

    private static AutoCloseable anotherHostKey(MatrixLab lab) throws Exception {
        Path key = lab.sshdFile("host_key");
        Path kept = lab.sshdFile("kept_key");
        lab.sshd().stop();
        Files.move(key, kept);
        Files.delete(lab.sshdFile("host_key.pub"));
        Tool.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key.toString());
        lab.sshd().startAgain();
        return () -> {
            lab.sshd().stop();
            Files.delete(key);
            Files.move(kept, key);
            lab.sshd().startAgain();
            lab.restartService();
        };
    }

    private static AutoCloseable forbidding(MatrixLab lab, String lines) throws Exception {
        lab.hubAtPort();
        Path configuration = lab.sshdFile("sshd_config");
        String usual = Files.readString(configuration);
        lab.sshd().stop();
        Files.writeString(configuration, lines + usual);
        lab.sshd().startAgain();
        return () -> {
            lab.sshd().killSessions();
            lab.sshd().stop();
            Files.writeString(configuration, usual);
            lab.sshd().startAgain();
        };
    }

    // ---- the network, as NetworkFaultTest breaks it

    private static What packets(String incoming, String outgoing) {
        return lab -> {
            lab.hubNet().filter("""
                    chain incoming {
                        type filter hook input priority 0
                        tcp dport %1$d %2$s
                    }
                    chain outgoing {
                        type filter hook output priority 0
                        tcp sport %1$d %3$s
                    }
                    """.formatted(MatrixLab.SSH_PORT, incoming, outgoing));
            return () -> lab.hubNet().heal();
        };
    }

    private static MatrixFault lost(String name, String incoming, String outgoing) {
        return both(
                name,
                Hop.NETWORK,
                When.MIDWAY,
                Plan.USUAL,
                packets(incoming, outgoing),
                ends(20, "stalled in tunnel", 10).stalling("tunnel"));
    }

    private static List<MatrixFault> network() {
        return List.of(
                lost("packets vanish both ways", "drop", "drop"),
                lost("packets to the hub vanish", "drop", "accept"),
                lost("packets from the hub vanish", "accept", "drop"),
                lost("each connection is reset", "reject with tcp reset", "accept"),
                both(
                        "packets vanish both ways, then pass again",
                        Hop.NETWORK,
                        When.MIDWAY,
                        Plan.USUAL.meanwhile(),
                        packets("drop", "drop"),
                        ends(0, "stalled in tunnel", 10).stalling("tunnel")),
                both(
                        "packets vanish from the beginning",
                        Hop.NETWORK,
                        When.BEFORE,
                        Plan.USUAL,
                        packets("drop", "drop"),
                        ends(20, "within 2 s", 15)));
    }

    private static List<MatrixFault> service() {
        return List.of(
                ofService(
                        "does not run",
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> {
                            lab.withoutService(true);
                            return () -> {
                                lab.withoutService(false);
                                lab.startService();
                            };
                        },
                        ends(20, "hub", 15)),
                ofService(
                        "killed, then started again",
                        When.MIDWAY,
                        Plan.USUAL.meanwhile(),
                        lab -> {
                            lab.service().killAndStartAgain();
                            return () -> {};
                        },
                        recovers(40)),
                ofService(
                        "killed, and stays away",
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> {
                            lab.service().kill();
                            return () -> lab.service().startAgain();
                        },
                        ends(20, "stalled in tunnel", 10).stalling("tunnel")),
                ofService(
                        "frozen",
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> Frozen.process(lab.service().pid()),
                        ends(20, "stalled in tunnel", 12).stalling("tunnel")));
    }
}
