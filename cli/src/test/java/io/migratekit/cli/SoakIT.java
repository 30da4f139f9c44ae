package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.migratekit.nbd.Deadline;
import io.migratekit.nbd.fixture.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Is everything right however long things break on every hop while backups, restores, verifications and retention go on? In rounds: first
 * faults, two at a time at the most, then all is mended, every VM has to be backed up once more, and everything is looked
 * at. System properties: {@code soak.minutes}, {@code soak.seed}. {@code bin/soak --minutes N} runs it.
 */
class SoakIT {
    private static final int VMS = 9;
    private static final int OPEN_JOBS = 6;
    private static final int OPEN_FAULTS = 2;
    private static final int OPEN_COMMANDS = 2;
    /** However broken things are, a command that was told to wait for 20 s at the most ends in this time. */
    private static final Duration COMMAND = Duration.ofMinutes(8);

    private static final Duration JOBS_END = Duration.ofMinutes(8);
    /** An internal error; a comparison that failed; a chain that is broken. */
    private static final Set<Integer> NEVER = Set.of(1, 50, 51);

    private final long seed = Long.getLong("soak.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final int minutes = Integer.getInteger("soak.minutes", 2);
    private final Map<String, Integer> outcomes = new TreeMap<>();
    private final Map<SoakFaults.Open, Instant> broken = new LinkedHashMap<>();
    private final List<Command> commands = new ArrayList<>();
    private int number;
    private int restored;

    @TempDir
    private Path folder;

    /** A command that is running. */
    private record Command(String name, CopyProcess process, Instant until, Optional<JsonObject> restoring, Path to) {}

    @Test
    @Timeout(value = 24, unit = TimeUnit.HOURS) // Each of its waits has a limit of its own.
    void whateverBreaksEveryPointIsTrueAndNothingIsLeft() throws Exception {
        System.out.println("soak: seed=" + seed + " minutes=" + minutes);
        Deadline end = Deadline.in(Duration.ofMinutes(minutes));
        Duration round = Duration.ofSeconds(Math.clamp(minutes * 5L, 45, 600));
        try (SoakLab lab = new SoakLab(folder, VMS, random)) {
            SoakFaults faults = new SoakFaults(lab, random);
            SoakProof proof = new SoakProof(lab);
            try {
                do {
                    breakThings(lab, faults, proof, Deadline.in(round));
                    calm(lab);
                    proof.check();
                    proof.forgetOldTruths();
                    System.out.println("soak: " + summary(faults, proof));
                } while (!end.isOver());
                System.out.println("soak grew: " + proof.assertNoGrowth());
            } catch (AssertionError e) {
                throw new AssertionError("seed=" + seed + " " + summary(faults, proof) + ": " + e.getMessage(), e);
            }
            System.out.println("soak faults: " + faults.kinds() + " kinds, " + faults.counts());
        }
        assertEquals(List.of(), KeptHub.processesOf(folder), "processes are left");
    }

    private String summary(SoakFaults faults, SoakProof proof) {
        return faults.counts().values().stream().mapToInt(Integer::intValue).sum() + " faults; "
                + proof.counts() + "; " + restored + " restores compared; outcomes " + outcomes
                + "; temporary files of killed processes at once: " + proof.temporaryLeft();
    }

    // ---- while things break

    private void breakThings(SoakLab lab, SoakFaults faults, SoakProof proof, Deadline until) throws IOException {
        Instant next = Instant.now();
        while (!until.isOver()) {
            mend(false);
            supervise(lab);
            if (Instant.now().isAfter(next) && broken.size() < OPEN_FAULTS) {
                next = Instant.now().plusMillis(500 + random.nextInt(6000));
                faults.next(broken.keySet().stream().map(SoakFaults.Open::name).collect(Collectors.toSet()))
                        .ifPresent(open -> {
                            broken.put(open, Instant.now().plusMillis(500 + random.nextInt(9000)));
                            System.out.println("soak broke: " + open.name());
                        });
            }
            night(lab, proof);
            HubTrouble.sleep(400);
        }
    }

    /** Guests write, jobs begin, and points are looked at, restored and removed. */
    private void night(SoakLab lab, SoakProof proof) throws IOException {
        NightLab night = lab.night();
        night.write(any(night), random, 3);
        look(lab, proof);
        int hub = random.nextInt(2);
        switch (random.nextInt(8)) {
            case 0, 1, 2 -> {
                NightLab.Machine machine = any(night);
                int open = night.askIfThere(machine.hub(), "jobs", "--timeout", "5s")
                        .map(jobs -> NightLab.list(jobs, "jobs").size())
                        .orElse(OPEN_JOBS);
                if (open < OPEN_JOBS) {
                    count(
                            "order",
                            night.tell(machine.hub(), "start", machine.id(), "--timeout", "5s")
                                    .code());
                }
            }
            case 3 -> command(lab, hub, "prune", Optional.empty(), "--apply", "--keep-last", "3");
            case 4 ->
                command(lab, hub, "verify", Optional.empty(), "--vm", any(night).id());
            case 5 -> {
                List<JsonObject> points = night.askIfThere(hub, "list", "--timeout", "5s")
                        .map(list -> NightLab.list(list, "backups").stream()
                                .filter(point ->
                                        point.get("state").getAsString().equals("sealed"))
                                .toList())
                        .orElse(List.of());
                if (!points.isEmpty()) {
                    JsonObject point = points.get(random.nextInt(points.size()));
                    command(
                            lab,
                            hub,
                            "restore",
                            Optional.of(point),
                            point.get("id").getAsString(),
                            "--format",
                            "raw");
                }
            }
            default -> {}
        }
    }

    private NightLab.Machine any(NightLab night) {
        return night.machines().get(random.nextInt(VMS));
    }

    private void command(SoakLab lab, int hub, String what, Optional<JsonObject> restoring, String... more) {
        if (commands.size() >= OPEN_COMMANDS) {
            return;
        }
        List<String> words = new ArrayList<>(List.of(what));
        words.addAll(List.of(more));
        words.addAll(List.of("--timeout", "20s"));
        Path to = folder.resolve("restored-" + ++number);
        if (restoring.isPresent()) {
            words.addAll(List.of("--to", to.toString(), "--retry-for", "20s", "--progress", "none"));
        }
        CopyProcess process = lab.night().run(List.of(lab.night().words(hub, words.toArray(String[]::new))));
        commands.add(new Command(what, process, Instant.now().plus(COMMAND), restoring, to));
    }

    /** What became of the commands. */
    private void look(SoakLab lab, SoakProof proof) throws IOException {
        for (Iterator<Command> all = commands.iterator(); all.hasNext(); ) {
            Command command = all.next();
            if (command.process().isAlive()) {
                assertTrue(
                        Instant.now().isBefore(command.until()),
                        () -> command.name() + " hangs: " + command.process().err());
                continue;
            }
            all.remove();
            Run run = command.process().end(COMMAND);
            count(command.name(), run.code());
            assertTrue(!NEVER.contains(run.code()), () -> command.name() + " at " + lab.folder() + ": " + run);
            if (run.code() == 0 && command.restoring().isPresent()) {
                JsonObject point = command.restoring().get();
                for (JsonObject disk : NightLab.list(point, "disks")) {
                    int key = disk.get("key").getAsInt();
                    Path file = command.to().resolve("disk-" + key + ".raw");
                    Tool.run("cmp", proof.truth(point, key).toString(), file.toString());
                }
                restored++;
            }
            for (String name : KeptHub.names(command.to())) {
                Files.delete(command.to().resolve(name));
            }
        }
    }

    private void count(String what, int code) {
        outcomes.merge(what + " " + code, 1, Integer::sum);
    }

    /** What systemd does: what has ended by itself is started again. */
    private void supervise(SoakLab lab) {
        NightLab night = lab.night();
        for (int agent = 0; agent < NightLab.AGENTS; agent++) {
            if (!night.agent(agent).isAlive() && isNotBroken("kill " + NightLab.name(agent))) {
                count(
                        "systemd starts " + NightLab.name(agent) + " after",
                        night.agent(agent).end(COMMAND).code());
                night.startAgain(agent, SoakLab.SLOTS, SoakLab.agentWords());
            }
        }
        for (HubProcess hub : night.hubs()) {
            assertTrue(hub.process().isAlive() || !isNotBroken("kill hub"), () -> "a hub ended: " + hub.said());
        }
    }

    private boolean isNotBroken(String name) {
        return broken.keySet().stream().noneMatch(open -> open.name().equals(name));
    }

    private void mend(boolean all) {
        for (SoakFaults.Open open : List.copyOf(broken.keySet())) {
            // A hub does not begin without its database.
            boolean waits = open.name().equals("kill hub") && !isNotBroken("kill PostgreSQL");
            if (!waits && (all || Instant.now().isAfter(broken.get(open)))) {
                broken.remove(open);
                open.mend().run();
            }
        }
    }

    // ---- and then nothing breaks

    private void calm(SoakLab lab) throws IOException {
        while (!broken.isEmpty()) {
            mend(true);
        }
        supervise(lab);
        NightLab night = lab.night();
        Deadline limit = Deadline.in(COMMAND);
        while (!commands.isEmpty()) {
            look(lab, new SoakProof(lab));
            assertTrue(!limit.isOver(), "commands hang");
            HubTrouble.sleep(200);
        }
        awaitNoJobs(night, false);
        List<String> last = new ArrayList<>();
        for (NightLab.Machine machine : night.machines()) {
            String id = "calm-" + ++number;
            night.tellWell(machine.hub(), "start", machine.id(), "--id", id);
            last.add(machine.hub() + " " + id);
        }
        awaitNoJobs(night, true);
        for (String job : last) {
            JsonObject ended = night.job(job.charAt(0) - '0', job.substring(2));
            assertEquals("done", ended.get("state").getAsString(), ended::toString);
        }
        for (int hub = 0; hub < 2; hub++) {
            for (JsonObject job : NightLab.list(night.ask(hub, "jobs", "--ended"), "jobs")) {
                int code = job.has("code") ? job.get("code").getAsInt() : 0;
                assertTrue(!NEVER.contains(code), job::toString);
            }
        }
    }

    /** Those that wait for their next attempt are cancelled, unless all have to end well. */
    private void awaitNoJobs(NightLab night, boolean mustEndWell) {
        Deadline limit = Deadline.in(JOBS_END);
        Deadline patience = Deadline.in(Duration.ofSeconds(60));
        while (true) {
            List<JsonObject> open = new ArrayList<>();
            for (int hub = 0; hub < 2; hub++) {
                for (JsonObject job : NightLab.list(night.ask(hub, "jobs"), "jobs")) {
                    open.add(job);
                    if (!mustEndWell && patience.isOver()) {
                        night.tell(hub, "jobs", job.get("id").getAsString(), "--cancel");
                        count("cancelled", 0);
                    }
                }
            }
            if (open.isEmpty()) {
                return;
            }
            assertTrue(!limit.isOver(), () -> "jobs do not end: " + open);
            HubTrouble.sleep(1000);
        }
    }
}
