package io.migratekit.hub.control;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * May a job begin, where, and if not, what does it wait for? Decided from facts alone; whoever carries it out sees to it that nobody
 * else decides meanwhile.
 */
final class Admission {
    private final Limits limits;
    private final Instant now;
    private final Map<String, Agent> agents = new HashMap<>();
    private final Map<String, List<Sighting>> sightings = new HashMap<>();
    private final Map<String, Integer> used = new HashMap<>();
    private final Map<String, Set<String>> by = new HashMap<>();

    /** What came of the question. */
    sealed interface Answer {
        /** It may, at this agent. */
        record Begin(String agent, Map<String, Integer> uses) implements Answer {}

        /** It may not, and this is why. */
        record Wait(String why) implements Answer {}
    }

    /** Decides for one hub; what others have under way counts, but not what their agents do, whose names may be the same. */
    Admission(
            String hub,
            Limits limits,
            Collection<Agent> agents,
            Collection<Sighting> sightings,
            Collection<Job> underWay,
            Instant now) {
        this.limits = limits;
        this.now = now;
        agents.forEach(agent -> this.agents.put(agent.name(), agent));
        sightings.forEach(one ->
                this.sightings.computeIfAbsent(one.vm(), _ -> new ArrayList<>()).add(one));
        underWay.forEach(job -> take(
                job.vmName(),
                job.hub().equals(hub)
                        ? job.uses()
                        : job.uses().entrySet().stream()
                                .filter(use -> !use.getKey().startsWith("agent:"))
                                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue))));
    }

    /** From now on this is taken up, too. */
    void take(String vm, Map<String, Integer> uses) {
        uses.forEach((name, count) -> {
            used.merge(name, count, Integer::sum);
            by.computeIfAbsent(name, _ -> new TreeSet<>()).add(vm);
        });
    }

    /** Whether nothing at all can begin at this hub: then nobody else has to be asked. */
    boolean isFull(String hub) {
        String name = "hub:" + hub;
        return used.getOrDefault(name, 0) >= limits.of(name);
    }

    Answer ask(Job job) {
        Optional<Window> closed = job.window().filter(window -> !window.isOpen(now));
        if (closed.isPresent()) {
            return new Answer.Wait("its hours, " + closed.get() + ", which begin again at "
                    + closed.get().opens(now));
        }
        List<Sighting> seen = sightings.getOrDefault(job.vm(), List.of());
        if (seen.isEmpty()) {
            return new Answer.Wait("no agent of this hub has seen the VM; `migratekit agent serve` has to run where its"
                    + " vCenter can be reached");
        }
        List<Sighting> there = seen.stream()
                .filter(one -> Optional.ofNullable(agents.get(one.agent()))
                        .filter(agent -> agent.isThere(now))
                        .isPresent())
                .sorted(Comparator.comparingInt((Sighting one) -> -freeSlots(one.agent()))
                        .thenComparing(Sighting::agent))
                .toList();
        if (there.isEmpty()) {
            return new Answer.Wait(seen.stream().map(this::silence).collect(Collectors.joining("; ")));
        }
        String why = "";
        for (Sighting one : there) {
            Map<String, Integer> uses = one.uses(job.hub());
            List<String> blocked = blocked(uses);
            if (blocked.isEmpty()) {
                return new Answer.Begin(one.agent(), uses);
            }
            why = why.isEmpty() ? String.join("; ", blocked) : why;
        }
        return new Answer.Wait(why);
    }

    private String silence(Sighting seen) {
        Agent agent = agents.get(seen.agent());
        return agent == null
                ? "agent " + seen.agent() + " is not known any more"
                : "agent " + seen.agent() + ", which sees the VM, was heard last "
                        + Duration.between(agent.heardAt(), now)
                                .truncatedTo(ChronoUnit.SECONDS)
                                .toSeconds()
                        + " s ago";
    }

    private int freeSlots(String agent) {
        return most("agent:" + agent) - used.getOrDefault("agent:" + agent, 0);
    }

    /** What has no room. Something that is larger than a limit may go when it is alone, or it would wait for ever. */
    private List<String> blocked(Map<String, Integer> uses) {
        List<String> blocked = new ArrayList<>();
        uses.forEach((name, count) -> {
            int taken = used.getOrDefault(name, 0);
            int most = most(name);
            if ((taken > 0 && taken + count > most) || most == 0) {
                blocked.add(words(name, count, taken, most));
            }
        });
        return blocked;
    }

    private int most(String name) {
        Agent agent = name.startsWith("agent:") ? agents.get(name.substring("agent:".length())) : null;
        return agent == null ? limits.of(name) : Math.min(agent.slots(), limits.of(name));
    }

    private String words(String name, int count, int taken, int most) {
        int colon = name.indexOf(':');
        String kind = name.substring(0, colon);
        boolean isDisks = kind.equals("host") || kind.equals("datastore");
        String what = kind.equals("hub") ? "this hub" : kind + " " + name.substring(colon + 1);
        if (most == 0) {
            return what + " may have no" + (isDisks ? " disks" : " jobs") + " at once: its limit is 0";
        }
        return what + " has " + taken + " of at most " + most + (isDisks ? " disks" : " jobs") + " at once"
                + (count > 1 ? ", and this takes " + count : "") + " (" + names(by.getOrDefault(name, Set.of()))
                + ")";
    }

    private static String names(Set<String> vms) {
        String first = vms.stream().limit(3).collect(Collectors.joining(", "));
        return vms.size() > 3 ? first + " and " + (vms.size() - 3) + " more" : first;
    }
}
