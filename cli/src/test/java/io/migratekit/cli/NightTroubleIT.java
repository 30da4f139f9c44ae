package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.migratekit.nbd.fixture.SmallDisk;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.vmware.sim.Trouble;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Do all others end in their usual time when one VM, one vCenter or one hub does not, and does a lost agent stay lost? */
@Execution(ExecutionMode.CONCURRENT)
class NightTroubleIT {
    /** Four small backups on a machine that is busy with the rest of the tests; what hangs would take its own limits, again and again. */
    private static final Duration USUAL = Duration.ofSeconds(90);

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final Set<String> OVER = Set.of("done", "failed", "cancelled");

    private final Random random = new Random(7);

    @TempDir
    private Path folder;

    private static String begin(NightLab lab, NightLab.Machine machine) {
        String id = "b-" + machine.vm().name();
        lab.tellWell(machine.hub(), "start", machine.id(), "--id", id);
        return id;
    }

    private static String state(NightLab lab, int hub, String id) {
        return lab.job(hub, id).get("state").getAsString();
    }

    @Test
    void oneVmOneVCenterAndOneHubHoldUpNobodyElse() throws IOException {
        try (SmallDisk _ = SmallDisk.at(folder.resolve("h1/repository"), "2500k");
                NightLab lab = new NightLab(folder, 2, 15, random)) {
            lab.startAgents(4, "--stall-after", "10s");
            lab.standIn(0).fault("hang-read", "east-0/");
            lab.vcenter(1).faults().always("*", new Trouble.NoAnswer());
            Map<String, NightLab.Machine> ordered = new TreeMap<>();
            for (NightLab.Machine machine : lab.machines()) {
                ordered.put(begin(lab, machine), machine);
            }
            List<String> well = new ArrayList<>();
            List<String> full = new ArrayList<>();
            ordered.forEach((id, machine) -> {
                if (machine.hub() == 1) {
                    full.add(id);
                } else if (machine.vcenter() == lab.vcenter(0) && !id.equals("b-east-0")) {
                    well.add(id);
                }
            });
            assertEquals(List.of("b-east-12", "b-east-3", "b-east-6", "b-east-9"), well);
            Waiting.until(
                    "all that can has ended",
                    USUAL,
                    () -> well.stream().allMatch(id -> OVER.contains(state(lab, 0, id)))
                            && full.stream().allMatch(id -> OVER.contains(state(lab, 1, id))));
            for (String id : well) {
                assertEquals("done", state(lab, 0, id), () -> lab.job(0, id).toString());
                lab.assertOneTruePoint(java.util.Objects.requireNonNull(ordered.get(id)));
            }
            assertTold(lab, full);
            endAll(lab, ordered);
        }
    }

    /** Whoever looks sees which of them it is, and why. */
    private static void assertTold(NightLab lab, List<String> full) {
        for (String id : full) {
            JsonObject job = lab.job(1, id);
            assertTrue(
                    job.get("state").getAsString().equals("done")
                            || (job.get("code").getAsInt() == 40
                                    && job.get("said").getAsString().matches("(?s).*( space | bytes are free ).*")),
                    job::toString);
        }
        assertTrue(
                full.stream().anyMatch(id -> state(lab, 1, id).equals("failed")),
                "the disk was full: " + lab.ask(1, "jobs", "--ended"));
        JsonObject frozen = lab.job(0, "b-east-0");
        assertTrue(!OVER.contains(frozen.get("state").getAsString()), frozen::toString);
        assertTrue(frozen.has("said") && frozen.get("said").getAsString().contains("waits for"), frozen::toString);
        for (String id : List.of("b-east-2", "b-east-5")) {
            JsonObject job = lab.job(0, id);
            assertTrue(!OVER.contains(job.get("state").getAsString()), job::toString);
        }
    }

    /** What hangs can be cancelled, and nothing is left of it. */
    private static void endAll(NightLab lab, Map<String, NightLab.Machine> ordered) {
        lab.vcenter(1).faults().clear();
        ordered.forEach((id, machine) -> {
            if (!OVER.contains(state(lab, machine.hub(), id))) {
                lab.tellWell(machine.hub(), "jobs", id, "--cancel");
            }
        });
        Waiting.until(
                "what was cancelled has ended",
                SOON,
                () -> ordered.entrySet().stream()
                        .allMatch(one -> OVER.contains(state(lab, one.getValue().hub(), one.getKey()))));
        ordered.forEach((id, machine) -> Waiting.until(
                "no snapshot of " + id + " is left",
                SOON,
                () -> machine.vm().snapshots().isEmpty()));
    }

    @Test
    void aLostAgentStaysLostWhenItWakesUp() throws IOException {
        try (NightLab lab = new NightLab(folder, 1, 1, random, "--lost-after", "1m")) {
            NightLab.Machine machine = lab.machines().getFirst();
            lab.startAgents(1, "--rate", "150K");
            String lost = begin(lab, machine);
            Waiting.until(
                    "it is being written",
                    SOON,
                    () -> state(lab, 0, lost).equals("running")
                            && !machine.vm().snapshots().isEmpty());
            int agent = lab.job(0, lost).get("agent").getAsString().equals(NightLab.name(0)) ? 0 : 1;
            List<Long> asleep = new ArrayList<>(lab.agent(agent).children());
            asleep.addFirst(lab.agent(agent).pid());
            assertTrue(asleep.size() > 1, "the backup is a process of its own");
            asleep.forEach(pid -> lab.agent(agent).signal(pid, "STOP"));
            try {
                Waiting.until(
                        "its job is given up",
                        Duration.ofSeconds(100),
                        () -> state(lab, 0, lost).equals("failed"));
                assertEquals(
                        "agent " + NightLab.name(agent) + " was not heard for 60 s; another job takes its place",
                        lab.job(0, lost).get("said").getAsString());
                JsonObject next = NightLab.list(lab.ask(0, "jobs"), "jobs").getFirst();
                String successor = next.get("id").getAsString();
                Waiting.until("it begins", SOON, () -> state(lab, 0, successor).equals("running"));
                assertEquals(
                        NightLab.name(1 - agent),
                        lab.job(0, successor).get("agent").getAsString());
                Waiting.until(
                        "it is being written",
                        SOON,
                        () -> lab.ask(0, "list").toString().contains(successor));
                // The process of the backup first: its agent, who would end it, comes later.
                asleep.reversed()
                        .subList(0, asleep.size() - 1)
                        .forEach(pid -> lab.agent(agent).signal(pid, "CONT"));
                Waiting.until("the successor is done", USUAL, () -> OVER.contains(state(lab, 0, successor)));
                assertEquals(
                        "done",
                        state(lab, 0, successor),
                        () -> lab.job(0, successor).toString());
            } finally {
                asleep.forEach(pid -> Tool.outcome(List.of("kill", "-CONT", Long.toString(pid))));
            }
            Waiting.until(
                    "the old process has ended",
                    SOON,
                    () -> lab.agent(agent).children().isEmpty());
            lab.assertOneTruePoint(machine);
            assertEquals("failed", state(lab, 0, lost));
            Run again = lab.goOn(agent, machine, lost);
            assertEquals(40, again.code(), again::toString);
            assertTrue(again.err().contains("backup " + lost + " was given up"), again::err);
            lab.assertOneTruePoint(machine);
        }
    }
}
