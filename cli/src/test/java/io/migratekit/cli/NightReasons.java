package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Was it right what the hubs said of the jobs that waited? Asked while it goes on, judged when all is known. */
final class NightReasons {
    private static final String ANOTHER_ATTEMPT = "the next attempt, at ";
    private static final Pattern FULL =
            Pattern.compile("(this hub|\\w+ \\S+) has (\\d+) of at most (\\d+) (jobs|disks) at once"
                    + "(?:, and this takes (\\d+))? \\(([^)]*)\\)");

    private final NightLab lab;
    private final List<Sample> samples = new ArrayList<>();

    /** What a hub said of a waiting job, at some time between the two. */
    private record Sample(int hub, JsonObject job, Instant from, Instant to) {}

    NightReasons(NightLab lab) {
        this.lab = lab;
    }

    /** Asks every hub that is there. */
    void sample() {
        for (int hub = 0; hub < lab.hubs().size(); hub++) {
            int its = hub;
            Instant from = Instant.now();
            lab.askIfThere(hub, "jobs", "--why")
                    .ifPresent(answer -> NightLab.list(answer, "jobs").stream()
                            .filter(job -> job.has("waitsFor"))
                            .forEach(job -> samples.add(new Sample(its, job, from, Instant.now()))));
        }
    }

    /** Each of them; gives how many there were of each kind. */
    String check(List<JsonObject> jobs, ToIntFunction<String> limit) {
        Map<String, NightLab.Machine> machines = lab.machines().stream()
                .collect(Collectors.toMap(machine -> machine.vm().name(), Function.identity()));
        Map<String, Integer> kinds = new TreeMap<>();
        for (Sample sample : samples) {
            String why = sample.job().get("waitsFor").getAsString();
            NightLab.Machine machine = named(sample.job().get("vmName").getAsString(), machines);
            assertEquals(sample.hub(), machine.hub(), () -> "told by another hub: " + sample);
            // What an attempt before has said is told as it was said, whatever that contains.
            String[] reasons = why.startsWith(ANOTHER_ATTEMPT) ? new String[] {why} : why.split("; ", -1);
            for (String one : reasons) {
                kinds.merge(judge(one, sample, machine, machines, jobs, limit), 1, Integer::sum);
            }
        }
        return "reasons " + kinds;
    }

    private String judge(
            String why,
            Sample sample,
            NightLab.Machine machine,
            Map<String, NightLab.Machine> machines,
            List<JsonObject> jobs,
            ToIntFunction<String> limit) {
        if (why.equals("its turn")) {
            return "its turn";
        }
        if (why.startsWith(ANOTHER_ATTEMPT)) {
            assertTrue(sample.job().get("attempt").getAsInt() > 0, sample::toString);
            return "another attempt";
        }
        Matcher full = FULL.matcher(why);
        assertTrue(full.matches(), () -> "no reason that there could be: " + sample);
        String name = full.group(1).equals("this hub")
                ? "hub:" + sample.hub()
                : full.group(1).replace(' ', ':');
        int takes = count(name, machine);
        int taken = Integer.parseInt(full.group(2));
        int most = limit.applyAsInt(name);
        assertTrue(takes > 0, () -> machine + " has nothing to do with it: " + sample);
        assertEquals(most, Integer.parseInt(full.group(3)), sample::toString);
        assertTrue(taken <= most && taken + takes > most, sample::toString);
        assertEquals(takes > 1 ? Integer.toString(takes) : null, full.group(5), sample::toString);
        for (String holder : full.group(6).replaceAll(" and \\d+ more$", "").split(", ", -1)) {
            NightLab.Machine other = named(holder, machines);
            assertFalse(other.equals(machine), sample::toString);
            assertTrue(count(name, other) > 0, () -> holder + " does not take that up: " + sample);
            assertTrue(wasUnderWay(other, sample, jobs), () -> holder + " was not under way then: " + sample + jobs);
        }
        return name.substring(0, name.indexOf(':'));
    }

    private static NightLab.Machine named(String name, Map<String, NightLab.Machine> machines) {
        return Optional.ofNullable(machines.get(name)).orElseThrow(() -> new AssertionError("who is " + name + "?"));
    }

    private int count(String name, NightLab.Machine machine) {
        if (name.startsWith("agent:")) {
            return IntStream.range(0, NightLab.AGENTS)
                            .anyMatch(agent -> name.equals("agent:" + NightLab.name(agent)) && lab.sees(agent, machine))
                    ? 1
                    : 0;
        }
        return machine.uses().getOrDefault(name, 0);
    }

    /** One that was begun several times is known by its last attempt only. */
    private static boolean wasUnderWay(NightLab.Machine machine, Sample sample, List<JsonObject> jobs) {
        return jobs.stream()
                .filter(job -> job.get("vm").getAsString().equals(machine.id()))
                .anyMatch(job -> job.get("attempt").getAsInt() > 1
                        || (Instant.parse(job.get("begunAt").getAsString()).isBefore(sample.to())
                                && !ended(job).isBefore(sample.from().minusSeconds(3))));
    }

    /** Told by its agent; that it makes room is decided a moment later. */
    private static Instant ended(JsonObject job) {
        return job.has("endedAt") ? Instant.parse(job.get("endedAt").getAsString()) : Instant.MAX;
    }
}
