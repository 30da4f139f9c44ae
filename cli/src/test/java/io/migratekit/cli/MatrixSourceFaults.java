package io.migratekit.cli;

import static io.migratekit.cli.MatrixFault.Expected.ends;
import static io.migratekit.cli.MatrixFault.Expected.recovers;
import static io.migratekit.cli.MatrixFault.both;

import io.migratekit.cli.MatrixFault.Hop;
import io.migratekit.cli.MatrixFault.Plan;
import io.migratekit.cli.MatrixFault.What;
import io.migratekit.cli.MatrixFault.When;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.vmware.sim.Trouble;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** What may break on the agent's side: its machine, names, vCenter, and the server of a disk? */
final class MatrixSourceFaults {
    /** Whatever the source was being asked when it froze. */
    private static final String READING = "stalled in source-read|stalled in source-extents";

    private static final String CREATE = "CreateSnapshot_Task";

    private MatrixSourceFaults() {}

    static List<MatrixFault> rows() {
        return java.util.stream.Stream.of(machine(), names(), vcenter(), disks())
                .flatMap(List::stream)
                .toList();
    }

    /** There is nothing to mend. */
    private static void nothing() {}

    private static List<MatrixFault> machine() {
        return List.of(
                both(
                        "descriptors run out (`--nofile=24`)",
                        Hop.AGENT,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> {
                            lab.agentBehind("prlimit", "--nofile=24");
                            return MatrixSourceFaults::nothing;
                        },
                        ends(63, "Too many open files", 20)),
                both(
                        "the disk of the state is full",
                        Hop.AGENT,
                        When.MIDWAY,
                        Plan.USUAL.state(8 << 20),
                        lab -> fill(lab.source().state()),
                        ends(63, "No space left on device", 20)),
                both(
                        "`kill -9` of the agent",
                        Hop.AGENT,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> {
                            lab.agent().kill();
                            return MatrixSourceFaults::nothing;
                        },
                        ends(137, "", 5).leavingSnapshot()),
                both(
                        "the agent stands still for 4 s, then goes on",
                        Hop.AGENT,
                        When.MIDWAY,
                        Plan.USUAL.meanwhile(),
                        lab -> Frozen.process(lab.agent().pid()),
                        recovers(40)));
    }

    /** Takes all that is free; mended, it is free again. */
    static AutoCloseable fill(Path folder) {
        Path filler = folder.resolve("filler");
        Tool.outcome(List.of("dd", "if=/dev/zero", "of=" + filler, "bs=64k"));
        return () -> Files.delete(filler);
    }

    private static List<MatrixFault> names() {
        return List.of(
                both(
                        "the hub's name is not known",
                        Hop.NAMES,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> names(lab, MatrixLab.HUB_HOST, "127.0.0.1"),
                        ends(20, MatrixLab.HUB_HOST, 15)),
                both(
                        "the name server is silent, asked for the hub",
                        Hop.NAMES,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> silentNames(lab, MatrixLab.HUB_HOST),
                        ends(20, "no address lookup within 2 s", 15)),
                both(
                        "the name server is silent, asked for vCenter",
                        Hop.NAMES,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> silentNames(lab, MatrixLab.VCENTER_HOST),
                        ends(10, MatrixLab.VCENTER_HOST, 20)));
    }

    /** Somebody's name is in no file, and the name server is at this address. */
    private static AutoCloseable names(MatrixLab lab, String without, String server) {
        String all = lab.names();
        lab.names(all.lines().filter(line -> !line.endsWith(without)).reduce("", (text, line) -> text + line + "\n"));
        lab.nameServer(server);
        return () -> lab.names(all);
    }

    private static AutoCloseable silentNames(MatrixLab lab, String without) {
        AutoCloseable known = names(lab, without, lab.hubAddress());
        lab.hubNet().filter("""
                chain incoming {
                    type filter hook input priority 0
                    udp dport 53 drop
                }
                """);
        return () -> {
            lab.hubNet().heal();
            known.close();
            lab.restartService();
        };
    }

    // ---- vCenter

    private static What trouble(String method, Trouble trouble) {
        return lab -> {
            lab.vcenter().faults().always(method, trouble);
            return () -> lab.vcenter().faults().clear();
        };
    }

    private static AutoCloseable lostVCenter(MatrixLab lab) {
        lab.agentNet().filter("""
                chain outgoing {
                    type filter hook output priority 0
                    tcp dport %d drop
                }
                """.formatted(lab.vcenter().endpoint().port()));
        return () -> lab.agentNet().heal();
    }

    private static AutoCloseable stopped(MatrixLab lab) {
        lab.vcenter().stop();
        return () -> lab.vcenter().startAgain();
    }

    private static List<MatrixFault> vcenter() {
        return List.of(
                both(
                        "takes calls and answers none",
                        Hop.VCENTER,
                        When.BEFORE,
                        Plan.USUAL,
                        trouble("*", new Trouble.NoAnswer()),
                        ends(10, "did not answer RetrieveServiceContent within 3000 ms", 15)),
                both(
                        "packets to it vanish",
                        Hop.VCENTER,
                        When.BEFORE,
                        Plan.USUAL,
                        MatrixSourceFaults::lostVCenter,
                        ends(10, MatrixLab.VCENTER_HOST, 20)),
                both(
                        "its port is closed",
                        Hop.VCENTER,
                        When.BEFORE,
                        Plan.USUAL,
                        MatrixSourceFaults::stopped,
                        ends(10, MatrixLab.VCENTER_HOST, 20)),
                both(
                        "shows another certificate",
                        Hop.VCENTER,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> {
                            lab.trustFirst();
                            lab.vcenter().changeCertificate();
                            return lab::trustAgain;
                        },
                        ends(11, "certificate", 15)),
                both(
                        "shows another certificate from now on",
                        Hop.VCENTER,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> {
                            lab.vcenter().changeCertificate();
                            lab.vcenter().cutConnections();
                            lab.source().ask("rate", "cell", "0");
                            return MatrixSourceFaults::nothing;
                        },
                        ends(11, "everything is copied and durable", 40).leavingSnapshot()),
                both(
                        "refuses the password",
                        Hop.VCENTER,
                        When.BEFORE,
                        Plan.USUAL,
                        trouble("Login", Trouble.fault("InvalidLogin")),
                        ends(11, "password", 15)),
                both(
                        "answers with 503",
                        Hop.VCENTER,
                        When.BEFORE,
                        Plan.USUAL,
                        trouble("*", new Trouble.HttpStatus(503, "starting")),
                        ends(10, "503", 20)),
                both(
                        "forgets the session",
                        Hop.VCENTER,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> {
                            lab.vcenter().expireSessions();
                            return MatrixSourceFaults::nothing;
                        },
                        recovers(40)),
                both(
                        "restarts",
                        Hop.VCENTER,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> {
                            lab.vcenter().restart();
                            return MatrixSourceFaults::nothing;
                        },
                        recovers(40)),
                both(
                        "the task of the snapshot fails",
                        Hop.VCENTER,
                        When.BEFORE,
                        Plan.USUAL,
                        trouble(CREATE, Trouble.taskFault("FileFault")),
                        ends(12, "snapshot", 20)),
                both(
                        "the task of the snapshot does not end (`--deadline 8s`)",
                        Hop.VCENTER,
                        When.BEFORE,
                        Plan.USUAL.meanwhile().with("--deadline", "8s"),
                        lab -> {
                            lab.vcenter().faults().always(CREATE, new Trouble.TaskNeverEnds());
                            return () -> {
                                lab.vcenter().faults().clear();
                                lab.vcenter().restart();
                            };
                        },
                        ends(61, "deadline of 8 s", 15)),
                both(
                        "cannot say what has changed (FileFault)",
                        Hop.VCENTER,
                        When.BEFORE,
                        Plan.USUAL.afterAnother(),
                        trouble("QueryChangedDiskAreas", Trouble.fault("FileFault")),
                        ends(0, "everything, ", 30)),
                both(
                        "does not answer when the snapshot is to go",
                        Hop.VCENTER,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> {
                            lab.vcenter().faults().always("*", new Trouble.NoAnswer());
                            lab.source().ask("rate", "cell", "0");
                            return () -> lab.vcenter().faults().clear();
                        },
                        ends(10, "everything is copied and durable", 150).leavingSnapshot()));
    }

    // ---- the server of a disk

    private static What standIn(String fault, String... errors) {
        return lab -> {
            lab.source().standIn().fault(fault, errors);
            return () -> lab.source().standIn().heal(fault);
        };
    }

    private static List<MatrixFault> disks() {
        return List.of(
                both(
                        "nbdkit is frozen",
                        Hop.SOURCE,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> Frozen.processes(lab.diskServers()),
                        ends(60, READING, 8).stalling("source-read", "source-extents")),
                both(
                        "nbdkit is frozen, then goes on",
                        Hop.SOURCE,
                        When.MIDWAY,
                        Plan.USUAL.meanwhile(),
                        lab -> Frozen.processes(lab.diskServers()),
                        ends(0, READING, 8).stalling("source-read", "source-extents")),
                both(
                        "nbdkit is killed",
                        Hop.SOURCE,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> {
                            lab.diskServers().forEach(pid -> Tool.outcome(List.of("kill", "-KILL", "" + pid)));
                            return MatrixSourceFaults::nothing;
                        },
                        ends(0, "It is started again", 20)),
                both(
                        "VDDK crashes at each read",
                        Hop.SOURCE,
                        When.BEFORE,
                        Plan.USUAL,
                        standIn("die-on-read"),
                        ends(12, "ended with exit status 9 while it was needed", 20)
                                .stalling("source-read")),
                both(
                        "VDDK hangs in a read",
                        Hop.SOURCE,
                        When.BEFORE,
                        Plan.USUAL,
                        standIn("hang-read"),
                        ends(60, "stalled in source-read", 15).stalling("source-read")),
                both(
                        "reads fail",
                        Hop.SOURCE,
                        When.MIDWAY,
                        Plan.USUAL,
                        standIn("fail-read", "VixDiskLib_Read: a read error"),
                        ends(12, "VixDiskLib_Read: a read error", 25).stalling("source-read")),
                both(
                        "extents are not listed",
                        Hop.SOURCE,
                        When.BEFORE,
                        Plan.USUAL,
                        standIn("hang-extents"),
                        ends(0, "stalled in source-extents", 15).stalling("source-extents")),
                both(
                        "VDDK refuses the login",
                        Hop.SOURCE,
                        When.BEFORE,
                        Plan.USUAL,
                        standIn(
                                "fail-open",
                                "VixDiskLib_ConnectEx: Cannot complete login due to an incorrect user name or password."),
                        ends(12, "did not accept the user name and the password", 20)),
                both(
                        "VDDK hangs while it opens the disk",
                        Hop.SOURCE,
                        When.BEFORE,
                        Plan.USUAL,
                        standIn("hang-open"),
                        ends(12, "within", 150)));
    }

    static MatrixFault slowVCenter(String name, Trouble trouble) {
        return both(name, Hop.CONTROL, When.BEFORE, Plan.CONTROL, trouble("*", trouble), recovers(120));
    }

    static MatrixFault slowExtents(Duration howLong) {
        return both(
                "extents that take " + howLong.toSeconds() + " s",
                Hop.CONTROL,
                When.BEFORE,
                Plan.CONTROL,
                lab -> {
                    lab.source().standIn().fault("hang-extents");
                    Thread mending = Thread.ofPlatform().daemon().start(() -> {
                        try {
                            Thread.sleep(howLong);
                            lab.source().standIn().heal("hang-extents");
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        } catch (java.io.IOException e) {
                            throw new java.io.UncheckedIOException(e);
                        }
                    });
                    return mending::interrupt;
                },
                recovers(200));
    }
}
