package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.migratekit.vmware.sim.SimSnapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Does every VM have exactly one true restore point in the morning, whoever was killed at night, and was no limit exceeded? System
 * properties: {@code soak.vms} says how many VMs there are, {@code soak.kills} how many kills, and {@code soak.seed} which.
 */
@Execution(ExecutionMode.CONCURRENT)
@Tag("long")
class NightIT {
    private static final int SLOTS = 3;
    private static final Map<String, Integer> LIMITS = Map.of("hub", 4, "vcenter", 5, "host", 3, "datastore", 4);
    private static final List<String> NARROW = List.of("host:esx-0-1=2", "datastore:ds-1-0=2");

    private final long seed = Long.getLong("soak.seed", System.nanoTime());
    private final Random random = new Random(seed);
    /** How often they write depends on time; who is killed does not. */
    private final Random guest = new Random(seed + 1);

    private final int vms = Integer.getInteger("soak.vms", 6);
    private final int kills = Integer.getInteger("soak.kills", 3);
    private final List<String> told = new ArrayList<>();

    @TempDir
    private Path folder;

    @Test
    @Timeout(value = 2, unit = TimeUnit.HOURS) // Each of its waits has a limit of its own.
    @Execution(ExecutionMode.SAME_THREAD) // One night after the other, beside other tests.
    void aNightOfTwoHubsOnOneDatabase() throws Exception {
        night(2);
    }

    @Test
    @Timeout(value = 2, unit = TimeUnit.HOURS)
    @Execution(ExecutionMode.SAME_THREAD)
    @EnabledIfSystemProperty(named = "soak.vms", matches = ".+", disabledReason = "bin/soak night")
    void aNightOfOneHubWithADatabaseOfItsOwn() throws Exception {
        night(1);
    }

    private void night(int hubs) throws Exception {
        System.out.println("night begins: seed=" + seed + " hubs=" + hubs + " vms=" + vms + " kills=" + kills);
        try (NightLab lab = new NightLab(folder, hubs, vms, random)) {
            List<String> limits = new ArrayList<>(List.of("limits"));
            LIMITS.forEach((kind, most) -> limits.add(kind + "=" + most));
            limits.addAll(NARROW);
            lab.tellWell(0, limits.toArray(String[]::new));
            lab.startAgents(SLOTS);
            begin(lab);
            long begun = System.nanoTime();
            NightReasons reasons = new NightReasons(lab);
            try {
                disturb(lab, reasons);
                awaitMorning(lab, reasons);
            } catch (AssertionError e) {
                throw new AssertionError("seed=" + seed + " " + told + ": " + e.getMessage(), e);
            }
            System.out.println("night passed: " + (System.nanoTime() - begun) / 1_000_000_000 + " s, " + told);
            try {
                check(lab, reasons);
            } catch (AssertionError e) {
                throw new AssertionError("seed=" + seed + " " + told + ": " + e.getMessage(), e);
            }
        }
        assertNoProcessIsLeft();
    }

    /**
     * A schedule at each hub, for the next minute that is not too close. For a short night its time is made to come at once, and must
     * not come a second time while the night lasts.
     */
    private void begin(NightLab lab) {
        boolean isShort = Integer.getInteger("soak.vms") == null;
        ZonedDateTime at = ZonedDateTime.now(ZoneId.of("UTC"))
                .plusSeconds(5)
                .truncatedTo(ChronoUnit.MINUTES)
                .plusMinutes(isShort ? 720 : 1);
        for (int hub = 0; hub < lab.hubs().size(); hub++) {
            lab.tellWell(
                    hub,
                    "schedule",
                    "night",
                    "--at",
                    at.getMinute() + " " + at.getHour() + " * * *",
                    "--zone",
                    "UTC",
                    "--vm",
                    lab.hubs().size() == 1 ? "*" : hub == 0 ? "east-*" : "west-*");
        }
        if (!isShort) {
            sleep(Duration.between(Instant.now(), at.toInstant()));
            return;
        }
        lab.postgres()
                .orElseThrow()
                .run(
                        NightLab.DATABASE,
                        "update scheduled_tasks set execution_time = now() where task_name like 'schedule %'");
    }

    private void disturb(NightLab lab, NightReasons reasons) throws IOException {
        // Over as long as it takes, or there would be nobody left to be disturbed.
        int pauseMillis = Math.max(1500, vms * 1200 / Math.max(1, kills));
        for (int i = 0; i < kills; i++) {
            Instant next = Instant.now().plusMillis(random.nextInt(2 * pauseMillis));
            do {
                guests(lab);
                reasons.sample();
            } while (Instant.now().isBefore(next));
            kill(lab, Duration.ofMillis(random.nextInt(3000)));
        }
    }

    private void guests(NightLab lab) {
        for (int i = 0; i < 5; i++) {
            lab.write(lab.machines().get(guest.nextInt(vms)), guest, 1);
        }
    }

    private void kill(NightLab lab, Duration down) throws IOException {
        int all = NightLab.AGENTS + lab.hubs().size() + (lab.postgres().isPresent() ? 1 : 0);
        int who = random.nextInt(all);
        if (who < NightLab.AGENTS) {
            told.add(NightLab.name(who) + " for " + down.toMillis() + " ms");
            lab.agent(who).kill();
            sleep(down);
            lab.startAgain(who, SLOTS);
        } else if (who < NightLab.AGENTS + lab.hubs().size()) {
            HubProcess hub = lab.hubs().get(who - NightLab.AGENTS);
            told.add("hub " + (who - NightLab.AGENTS) + " for " + down.toMillis() + " ms");
            hub.kill();
            sleep(down);
            hub.startAgain();
        } else {
            told.add("PostgreSQL for " + down.toMillis() + " ms");
            lab.postgres().orElseThrow().kill();
            sleep(down);
            lab.postgres().orElseThrow().begin();
        }
        System.out.println("night killed: " + told.getLast());
    }

    private void awaitMorning(NightLab lab, NightReasons reasons) {
        Instant limit = Instant.now().plusSeconds(180 + vms * 8L);
        while (true) {
            reasons.sample();
            guests(lab);
            int open = 0;
            int sealed = 0;
            for (int hub = 0; hub < lab.hubs().size(); hub++) {
                open += lab.askIfThere(hub, "jobs")
                        .map(jobs -> jobs.getAsJsonArray("jobs").size())
                        .orElse(1);
                sealed += lab.askIfThere(hub, "list")
                        .map(list -> list.getAsJsonArray("backups").size())
                        .orElse(0);
            }
            if (open == 0 && sealed >= vms) {
                return;
            }
            int stillOpen = open;
            assertTrue(
                    Instant.now().isBefore(limit),
                    () -> stillOpen + " jobs are open still: " + lab.ask(0, "jobs", "--ended")
                            + lab.ask(lab.hubs().size() - 1, "jobs", "--ended"));
            sleep(Duration.ofMillis(700));
        }
    }

    private void check(NightLab lab, NightReasons reasons) {
        List<JsonObject> jobs = new ArrayList<>();
        int points = 0;
        for (int hub = 0; hub < lab.hubs().size(); hub++) {
            jobs.addAll(NightLab.list(lab.ask(hub, "jobs", "--ended"), "jobs"));
            points += NightLab.list(lab.ask(hub, "list"), "backups").size();
        }
        assertEquals(vms, points, jobs::toString);
        lab.machines().forEach(lab::assertOneTruePoint);
        Map<String, Integer> peaks = peaks(lab);
        peaks.forEach((name, peak) -> assertTrue(peak <= limit(name), () -> name + " had " + peak + " at once"));
        String reasonsSeen = reasons.check(jobs, NightIT::limit);
        long again =
                jobs.stream().filter(job -> job.get("attempt").getAsInt() > 1).count();
        System.out.println("night proved: " + vms + " VMs with one true point each; jobs=" + jobs.size()
                + ", begun again=" + again + ", most at once " + peaks + ", " + reasonsSeen);
    }

    static int limit(String name) {
        for (String narrow : NARROW) {
            if (narrow.startsWith(name + "=")) {
                return Integer.parseInt(narrow.substring(name.length() + 1));
            }
        }
        String kind = name.substring(0, name.indexOf(':'));
        return kind.equals("agent") ? SLOTS : LIMITS.getOrDefault(kind, 0);
    }

    /** How much was frozen at the same time at the most, as the vCenters saw it. */
    private static Map<String, Integer> peaks(NightLab lab) {
        Map<String, TreeMap<Instant, Integer>> changes = new TreeMap<>();
        for (NightLab.Machine machine : lab.machines()) {
            for (SimSnapshot snapshot : machine.vm().history()) {
                machine.uses().forEach((name, count) -> {
                    TreeMap<Instant, Integer> its = changes.computeIfAbsent(name, _ -> new TreeMap<>());
                    its.merge(snapshot.created(), count, Integer::sum);
                    its.merge(snapshot.removed().orElseThrow(), -count, Integer::sum);
                });
            }
        }
        Map<String, Integer> peaks = new TreeMap<>();
        changes.forEach((name, its) -> {
            int now = 0;
            for (int change : its.values()) {
                now += change;
                peaks.merge(name, now, Math::max);
            }
        });
        return peaks;
    }

    private void assertNoProcessIsLeft() {
        List<String> left = ProcessHandle.allProcesses()
                .filter(one -> one.pid() != ProcessHandle.current().pid())
                .map(one -> one.info().commandLine().orElse(""))
                .filter(line -> line.contains(folder.toString()))
                .toList();
        assertEquals(List.of(), left);
    }

    private static void sleep(Duration time) {
        try {
            Thread.sleep(time.isNegative() ? Duration.ZERO : time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }
}
