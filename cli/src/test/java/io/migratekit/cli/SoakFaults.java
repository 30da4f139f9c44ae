package io.migratekit.cli;

import io.migratekit.nbd.fixture.Fault;
import io.migratekit.nbd.fixture.Frozen;
import io.migratekit.vmware.sim.SimSnapshot;
import io.migratekit.vmware.sim.SimVm;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/** What is broken next, and how is it mended? Faults of every hop, each drawn as often as any other. */
final class SoakFaults {
    private final SoakLab lab;
    private final NightLab night;
    private final Random random;
    private final Map<String, Way> ways = new LinkedHashMap<>();
    private final Map<String, Integer> counts = new TreeMap<>();

    /** Breaks something; what mends it, or nothing if there was nothing to break. */
    private interface Way {
        Optional<Runnable> breakIt() throws IOException;
    }

    /** What is broken now. */
    record Open(String name, Runnable mend) {}

    SoakFaults(SoakLab lab, Random random) {
        this.lab = lab;
        this.night = lab.night();
        this.random = random;
        killings();
        freezings();
        network();
        vcenter();
        source();
        hub();
    }

    /** Breaks one thing that is not broken yet; empty if just then there was none of its kind. */
    Optional<Open> next(Set<String> broken) {
        List<String> names =
                ways.keySet().stream().filter(name -> !broken.contains(name)).toList();
        String name = names.get(random.nextInt(names.size()));
        try {
            Optional<Runnable> mend =
                    java.util.Objects.requireNonNull(ways.get(name)).breakIt();
            mend.ifPresent(_ -> counts.merge(name, 1, Integer::sum));
            return mend.map(how -> new Open(name, how));
        } catch (IOException e) {
            throw new UncheckedIOException(name, e);
        }
    }

    /** How often each was done. */
    Map<String, Integer> counts() {
        return counts;
    }

    int kinds() {
        return ways.size();
    }

    private static Optional<Runnable> nothingToMend() {
        return Optional.of(() -> {});
    }

    private Optional<Long> one(List<Long> pids) {
        return pids.isEmpty() ? Optional.empty() : Optional.of(pids.get(random.nextInt(pids.size())));
    }

    private static boolean kill(long pid) {
        return ProcessHandle.of(pid).map(ProcessHandle::destroyForcibly).orElse(false);
    }

    // ---- SIGKILL

    private void killings() {
        for (int agent = 0; agent < NightLab.AGENTS; agent++) {
            int number = agent;
            if (number != SoakLab.AGENT_THAT_STAYS) {
                ways.put("kill " + NightLab.name(number), () -> {
                    night.agent(number).kill();
                    return Optional.of(() -> night.startAgain(number, SoakLab.SLOTS, SoakLab.agentWords()));
                });
            }
        }
        ways.put("kill hub", () -> {
            HubProcess hub = night.hubs().get(1 - SoakLab.HUB_THAT_STAYS);
            hub.kill();
            return Optional.of(hub::startAgain);
        });
        ways.put("kill PostgreSQL", () -> {
            night.postgres().orElseThrow().kill();
            return Optional.of(() -> night.postgres().orElseThrow().begin());
        });
        ways.put("kill backup", () -> killOne(lab.backups()));
        ways.put("kill nbdkit", () -> killOne(lab.processes("nbdkit ")));
        ways.put("kill qemu-nbd", () -> killOne(lab.processes("qemu-nbd ")));
        ways.put("kill tunnel service", () -> {
            lab.service().killAndStartAgain();
            return nothingToMend();
        });
        ways.put("kill SSH sessions", () -> {
            // Those of this moment; agents come back at once.
            lab.sshd().sessions().forEach(SoakFaults::kill);
            return nothingToMend();
        });
        ways.put("stop sshd", () -> {
            lab.sshd().stop();
            return Optional.of(lab.sshd()::startAgain);
        });
    }

    private Optional<Runnable> killOne(List<Long> pids) {
        return one(pids).filter(SoakFaults::kill).flatMap(_ -> nothingToMend());
    }

    // ---- SIGSTOP

    private void freezings() {
        for (int agent = 0; agent < NightLab.AGENTS; agent++) {
            int number = agent;
            ways.put(
                    "freeze " + NightLab.name(number),
                    () -> freeze(List.of(night.agent(number).pid())));
        }
        for (int hub = 0; hub < 2; hub++) {
            int number = hub;
            ways.put(
                    "freeze hub " + number,
                    () -> freeze(List.of(night.hubs().get(number).process().pid())));
        }
        ways.put("freeze backup", () -> freeze(one(lab.backups())));
        ways.put("freeze nbdkit", () -> freeze(one(lab.processes("nbdkit "))));
        ways.put("freeze qemu-nbd", () -> freeze(one(lab.processes("qemu-nbd "))));
        ways.put("freeze tunnel service", () -> freeze(List.of(lab.service().pid())));
        ways.put("freeze sshd", () -> freeze(lab.processes("sshd")));
    }

    private static Optional<Runnable> freeze(Optional<Long> pid) {
        return pid.flatMap(one -> freeze(List.of(one)));
    }

    private static Optional<Runnable> freeze(List<Long> pids) {
        if (pids.stream().allMatch(pid -> ProcessHandle.of(pid).isEmpty())) {
            return Optional.empty();
        }
        try {
            Frozen frozen = Frozen.processes(pids);
            return Optional.of(frozen::close);
        } catch (AssertionError endedMeanwhile) {
            return Optional.empty();
        }
    }

    // ---- the network before sshd

    private void network() {
        Map<String, Fault> faults = Map.of(
                "network swallows", Fault.freezeAfter(0),
                "network resets", Fault.resetAfter(0),
                "network cuts", Fault.cutAfter(random.nextInt(300_000)),
                "network trickles", Fault.trickle(20_000),
                "network delays", Fault.delay(Duration.ofMillis(100)));
        new TreeMap<>(faults)
                .forEach((name, fault) -> ways.put(name, () -> {
                    lab.network().setFromNow(fault);
                    return Optional.of(lab.network()::thaw);
                }));
    }

    // ---- vCenter

    private void vcenter() {
        Map<String, Trouble> always = Map.of(
                "vCenter is silent", new Trouble.NoAnswer(),
                "vCenter answers 503", new Trouble.HttpStatus(503, "simulated"),
                "vCenter hangs up", new Trouble.CutBefore(),
                "vCenter is slow", new Trouble.Delay(Duration.ofSeconds(2)),
                "vCenter stalls in its answers", new Trouble.StalledBody(100),
                "vCenter loses sessions", new Trouble.SessionLost());
        new TreeMap<>(always)
                .forEach((name, trouble) -> ways.put(name, () -> {
                    var vcenter = night.vcenter(random.nextInt(2));
                    vcenter.faults().always("*", trouble);
                    return Optional.of(vcenter.faults()::clear);
                }));
        Map<String, Trouble> once = Map.of(
                "CreateSnapshot_Task=its answer is lost", Trouble.lostAnswer(),
                "CreateSnapshot_Task=its task fails", Trouble.taskFault("FileFault"),
                "RemoveSnapshot_Task=its task fails", Trouble.taskFault("FileFault"),
                "RemoveSnapshot_Task=its answer is lost", Trouble.lostAnswer(),
                "RemoveSnapshot_Task=consolidation is left", new Trouble.LeavesConsolidation(),
                "QueryChangedDiskAreas=fails", Trouble.fault("FileFault"));
        new TreeMap<>(once)
                .forEach((name, trouble) -> ways.put(name, () -> {
                    var vcenter = night.vcenter(random.nextInt(2));
                    vcenter.faults().once(name.substring(0, name.indexOf('=')), trouble);
                    return Optional.of(vcenter.faults()::clear);
                }));
        ways.put("vCenter restarts", () -> {
            var vcenter = night.vcenter(random.nextInt(2));
            vcenter.stop();
            return Optional.of(vcenter::startAgain);
        });
        ways.put("change tracking begins anew", () -> {
            anyVm().resetTracking();
            return nothingToMend();
        });
        ways.put("somebody removes our snapshot", () -> {
            SimVm vm = anyVm();
            List<SimSnapshot> there = vm.snapshots();
            if (there.isEmpty()) {
                return Optional.empty();
            }
            vm.removeSnapshot(there.getLast());
            return nothingToMend();
        });
    }

    private SimVm anyVm() {
        return night.machines().get(random.nextInt(night.machines().size())).vm();
    }

    // ---- what reads disks from ESXi

    private void source() {
        for (String name : List.of("hang-open", "hang-read", "die-on-read", "fail-open", "fail-read")) {
            ways.put("VDDK: " + name, () -> {
                var standIn = night.standIn(random.nextInt(2));
                List<String> errors = new ArrayList<>();
                if (name.startsWith("fail")) {
                    errors.add("nbdkit: vddk[1]: error: [NFC ERROR] simulated");
                }
                standIn.fault(name, errors.toArray(String[]::new));
                return Optional.of(() -> {
                    try {
                        standIn.heal(name);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
            });
        }
    }

    // ---- the hub's disk

    private void hub() {
        ways.put("hub's disk is full", () -> {
            Path filler = lab.fill();
            return Optional.of(() -> {
                try {
                    Files.deleteIfExists(filler);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        });
    }
}
