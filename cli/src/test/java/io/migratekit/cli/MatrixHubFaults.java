package io.migratekit.cli;

import static io.migratekit.cli.MatrixFault.Expected.ends;
import static io.migratekit.cli.MatrixFault.Expected.recovers;
import static io.migratekit.cli.MatrixFault.both;

import io.migratekit.cli.MatrixFault.Hop;
import io.migratekit.cli.MatrixFault.Plan;
import io.migratekit.cli.MatrixFault.When;
import io.migratekit.nbd.ConnectSpec;
import io.migratekit.nbd.NbdConnection;
import io.migratekit.nbd.NbdUri;
import io.migratekit.nbd.fixture.ChainTarget;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.nbd.server.QemuNbd;
import io.migratekit.vmware.sim.Trouble;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** What may break at the hub and its exports, and what must not be taken for broken? */
final class MatrixHubFaults {
    /** Whatever the target was being asked when it froze. */
    private static final String WRITING = "stalled in target-write|stalled in target-extents";

    private static final int MIB = 1 << 20;

    private MatrixHubFaults() {}

    static List<MatrixFault> rows() {
        return java.util.stream.Stream.of(hub(), exports(), controls())
                .flatMap(List::stream)
                .toList();
    }

    private static AutoCloseable killed(MatrixLab lab) {
        lab.hub().kill();
        return () -> lab.hub().startAgain();
    }

    private static List<MatrixFault> hub() {
        return List.of(
                both(
                        "does not run",
                        Hop.HUB,
                        When.BEFORE,
                        Plan.USUAL,
                        MatrixHubFaults::killed,
                        ends(42, "the hub at .* (cannot be reached|hung up)", 30)),
                both(
                        "frozen from the beginning",
                        Hop.HUB,
                        When.BEFORE,
                        Plan.USUAL,
                        lab -> Frozen.process(lab.hub().process().pid()),
                        ends(42, "said nothing for 2 s", 30)),
                both(
                        "frozen, its exports go on",
                        Hop.HUB,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> Frozen.process(lab.hub().process().pid()),
                        ends(42, "said nothing for 2 s", 60)),
                both(
                        "frozen with its exports",
                        Hop.HUB,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> HubTrouble.freeze(lab.hub()),
                        ends(60, WRITING, 10).stalling("target-write", "target-extents")),
                both(
                        "killed with its exports, then started again",
                        Hop.HUB,
                        When.MIDWAY,
                        Plan.USUAL.meanwhile(),
                        MatrixHubFaults::killed,
                        ends(0, "stalled in target-connect", 10).stalling("target-connect")),
                both(
                        "killed with its exports, and stays away",
                        Hop.HUB,
                        When.MIDWAY,
                        Plan.USUAL,
                        MatrixHubFaults::killed,
                        ends(30, "stalled in target-connect", 10).stalling("target-connect")),
                both(
                        "does not know our token",
                        Hop.HUB,
                        When.BEFORE,
                        Plan.USUAL,
                        MatrixHubFaults::wrongToken,
                        ends(41, "token", 20)),
                both(
                        "another backup of the VM is being written there",
                        Hop.HUB,
                        When.BEFORE,
                        Plan.USUAL,
                        MatrixHubFaults::anotherBackup,
                        ends(62, "backup other of this VM is being written", 20)),
                both(
                        "its disk becomes full",
                        Hop.HUB,
                        When.MIDWAY,
                        Plan.USUAL.repository(32 * MIB),
                        lab -> MatrixSourceFaults.fill(lab.hub().repository()),
                        ends(40, "No space left on device|no space left", 20)),
                both(
                        "its disk is too small from the beginning",
                        Hop.HUB,
                        When.BEFORE,
                        Plan.USUAL.repository(32 * MIB),
                        lab -> MatrixSourceFaults.fill(lab.hub().repository()),
                        ends(40, "bytes are free|space", 20)));
    }

    private static AutoCloseable wrongToken(MatrixLab lab) throws Exception {
        Path token = Files.writeString(lab.folder().resolve("wrong.token"), "mk_wrong_0123456789012345678901234567\n");
        lab.hubAt("--hub", "http://127.0.0.1:" + MatrixLab.API_PORT, "--hub-token-file", token.toString());
        return () -> lab.hubAtSocket();
    }

    /** Of the same VM, from another machine, which was killed. */
    private static AutoCloseable anotherBackup(MatrixLab lab) throws Exception {
        lab.startService();
        lab.awaitService();
        Path state = lab.folder().resolve("other-state");
        CopyProcess other = lab.backUp("other", "--state-dir", state.toString(), "--rate", "1M");
        other.awaitSaid("disk 2000 (", MatrixLab.LIMIT);
        other.kill();
        return () -> {
            lab.source().ours().forEach(lab.source().vm()::removeSnapshot);
            Run run = Run.migratekit(lab.lab().hubWords("abandon", "other"));
            if (run.code() != 0) {
                throw new AssertionError(run.toString());
            }
        };
    }

    private static List<MatrixFault> exports() {
        return List.of(
                both(
                        "frozen",
                        Hop.EXPORT,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> Frozen.process(lab.hub().export(2000)),
                        ends(60, WRITING, 10).stalling("target-write", "target-extents")),
                both(
                        "frozen, then goes on",
                        Hop.EXPORT,
                        When.MIDWAY,
                        Plan.USUAL.meanwhile(),
                        lab -> Frozen.process(lab.hub().export(2000)),
                        ends(0, WRITING, 10).stalling("target-write", "target-extents")),
                both(
                        "killed",
                        Hop.EXPORT,
                        When.MIDWAY,
                        Plan.USUAL,
                        lab -> {
                            ProcessHandle.of(lab.hub().export(2000)).ifPresent(ProcessHandle::destroyForcibly);
                            return () -> {};
                        },
                        recovers(60)),
                both(
                        "an export without a hub: its one slot is taken",
                        Hop.EXPORT,
                        When.BEFORE,
                        Plan.USUAL,
                        MatrixHubFaults::oneSlotTaken,
                        ends(31, "all client slots of the server are taken", 15)));
    }

    private static AutoCloseable oneSlotTaken(MatrixLab lab) {
        ChainTarget target = lab.source().target(2000);
        String uri = target.uri().toString();
        target.stop();
        QemuNbd one = QemuNbd.of(lab.folder().resolve("target-2000-0.qcow2"), QemuNbd.Format.QCOW2, 1)
                .unixSocket(lab.folder().resolve("target-2000.sock"))
                .persistent(true)
                .start();
        NbdConnection held = NbdConnection.open(NbdUri.parse(uri), ConnectSpec.of("hold"));
        lab.exportAt(uri);
        return () -> {
            held.close();
            one.close();
            target.start();
        };
    }

    private static List<MatrixFault> controls() {
        return List.of(
                both("nothing", Hop.CONTROL, When.BEFORE, Plan.CONTROL, _ -> () -> {}, recovers(90)),
                MatrixSourceFaults.slowVCenter(
                        "each answer of vCenter is a second late", new Trouble.Delay(Duration.ofSeconds(1))),
                MatrixSourceFaults.slowVCenter(
                        "vCenter's answers trickle", new Trouble.SlowHeaders(Duration.ofMillis(300))),
                MatrixSourceFaults.slowExtents(Duration.ofSeconds(120)),
                both(
                        "a road of 1 Mbit/s",
                        Hop.CONTROL,
                        When.BEFORE,
                        Plan.CONTROL.disk(2 * MIB),
                        lab -> {
                            String device = lab.hubDevice();
                            lab.agentNet()
                                    .in(
                                            "tc", "qdisc", "add", "dev", "eth1", "root", "tbf", "rate", "1mbit",
                                            "burst", "10kb", "latency", "400ms");
                            lab.hubNet()
                                    .in(
                                            "tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", "1mbit",
                                            "burst", "10kb", "latency", "400ms");
                            return () -> {
                                lab.agentNet().in("tc", "qdisc", "del", "dev", "eth1", "root");
                                lab.hubNet().in("tc", "qdisc", "del", "dev", device, "root");
                            };
                        },
                        recovers(120)),
                both(
                        "a round trip of 200 ms",
                        Hop.CONTROL,
                        When.BEFORE,
                        Plan.CONTROL,
                        lab -> lab.delay(Duration.ofMillis(100)),
                        recovers(120)));
    }
}
