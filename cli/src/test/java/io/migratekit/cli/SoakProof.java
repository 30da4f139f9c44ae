package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.migratekit.nbd.fixture.Tool;
import io.migratekit.nbd.fixture.Waiting;
import io.migratekit.vmware.sim.SimSnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Is everything right when nothing happens: each sealed point true, and nothing left of all that went on? */
final class SoakProof {
    /** A reader that was killed holds its exports for two minutes. */
    private static final Duration LET_GO = Duration.ofMinutes(4);

    private static final Duration SOON = Duration.ofMinutes(2);
    private static final Pattern USED = Pattern.compile("(?:DefNew|Tenured) +total.* used ([0-9]+)K");

    private final SoakLab lab;
    private final NightLab night;
    private final Set<String> proved = new TreeSet<>();
    private final Map<String, List<Size>> sizes = new LinkedHashMap<>();
    private int comparisons;
    private int temporaryLeft;

    /** How large a process is that does nothing. */
    record Size(long files, long threads, long heapKib) {
        @Override
        public String toString() {
            return files + " descriptors, " + threads + " threads, " + heapKib + " KiB of live objects";
        }
    }

    SoakProof(SoakLab lab) {
        this.lab = lab;
        this.night = lab.night();
    }

    /** How many points were compared at least once, and how often in all. */
    String counts() {
        return proved.size() + " restore points, compared " + comparisons + " times";
    }

    /** The sealed points of both hubs. */
    List<JsonObject> points() {
        List<JsonObject> points = new ArrayList<>();
        for (int hub = 0; hub < 2; hub++) {
            points.addAll(NightLab.list(night.ask(hub, "list"), "backups"));
        }
        return points;
    }

    /** The raw file with what this point has to hold of a disk. */
    Path truth(JsonObject point, int key) {
        String id = point.get("id").getAsString();
        NightLab.Machine machine = night.machines().stream()
                .filter(one -> one.id().equals(point.get("vm").getAsString()))
                .findFirst()
                .orElseThrow();
        // A job that was resumed on a new snapshot holds the moment of its last one.
        SimSnapshot frozen = machine.vm().history().stream()
                .filter(snapshot -> snapshot.name().equals("migratekit " + id))
                .reduce((_, last) -> last)
                .orElseThrow(() -> new AssertionError("no snapshot was ever taken for " + point));
        return machine.vcenter().truth(frozen.moref(), key);
    }

    /** Everything is mended, and no job is open. */
    void check() {
        for (NightLab.Machine machine : night.machines()) {
            Waiting.until(
                    "no snapshot of " + machine.vm().name() + " is left",
                    SOON,
                    () -> machine.vm().snapshots().isEmpty());
        }
        for (int hub = 0; hub < 2; hub++) {
            Path repository = night.hubs().get(hub).repository();
            for (JsonObject point : NightLab.list(night.ask(hub, "list"), "backups")) {
                assertEquals("sealed", point.get("state").getAsString(), point::toString);
                assertTrue(!point.has("damage"), point::toString);
                for (JsonObject disk : NightLab.list(point, "disks")) {
                    Path truth = truth(point, disk.get("key").getAsInt());
                    Path layer = repository.resolve(disk.get("layer").getAsString());
                    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", truth.toString(), layer.toString());
                    comparisons++;
                }
                proved.add(point.get("id").getAsString());
            }
        }
        nothingIsLeft();
        measure();
    }

    private void nothingIsLeft() {
        Waiting.until("no backup is running", SOON, () -> lab.backups().isEmpty());
        Waiting.until(
                "no disk of a snapshot is served",
                SOON,
                () -> lab.processes("nbdkit ").isEmpty());
        Waiting.until(
                "no layer is served",
                LET_GO,
                () -> lab.processes("qemu-nbd ").isEmpty()
                        && lab.processes("qemu-img ").isEmpty());
        for (int hub = 0; hub < 2; hub++) {
            HubProcess process = night.hubs().get(hub);
            try {
                Waiting.until(
                        "no socket of an export is left",
                        SOON,
                        () -> KeptHub.names(process.sockets()).isEmpty());
            } catch (AssertionError e) {
                throw new AssertionError(e.getMessage() + ": " + KeptHub.names(process.sockets()), e);
            }
            List<String> unfinished = KeptHub.names(process.repository()).stream()
                    .filter(name ->
                            name.endsWith("/merge.json") || name.matches(".*/open/[^/]+") || name.endsWith(".tmp"))
                    .toList();
            assertEquals(List.of(), unfinished, () -> "hub " + process.repository());
        }
        // What a killed process left goes when the next one needs a file; the agents that live have theirs.
        Set<String> alive = new TreeSet<>();
        lab.processes().forEach(pid -> alive.add("-" + pid + "-"));
        List<String> left = KeptHub.names(lab.temporary()).stream()
                .filter(name -> alive.stream().noneMatch(name::contains))
                .toList();
        if (!left.isEmpty()) {
            assertTrue(
                    left.stream().allMatch(name -> name.matches("migratekit-[0-9]+-[0-9]+-.*")),
                    () -> "temporary files that nobody will remove: " + left);
        }
        temporaryLeft = Math.max(temporaryLeft, left.size());
    }

    /** How many temporary files of killed processes were seen at the most, which the next process removes. */
    int temporaryLeft() {
        return temporaryLeft;
    }

    // ---- what stays must not grow

    private void measure() {
        measure(
                NightLab.name(SoakLab.AGENT_THAT_STAYS),
                night.agent(SoakLab.AGENT_THAT_STAYS).pid());
        measure(
                "hub " + SoakLab.HUB_THAT_STAYS,
                night.hubs().get(SoakLab.HUB_THAT_STAYS).process().pid());
    }

    private void measure(String name, long pid) {
        String java = ProcessHandle.of(pid).flatMap(one -> one.info().command()).orElseThrow();
        String jcmd = Path.of(java).resolveSibling("jcmd").toString();
        Tool.run(jcmd, Long.toString(pid), "GC.run");
        long heap = 0;
        Matcher used = USED.matcher(Tool.run(jcmd, Long.toString(pid), "GC.heap_info"));
        while (used.find()) {
            heap += Long.parseLong(used.group(1));
        }
        assertTrue(heap > 0, "jcmd says how many objects live");
        try (Stream<Path> files = Files.list(Path.of("/proc/" + pid + "/fd"));
                Stream<Path> threads = Files.list(Path.of("/proc/" + pid + "/task"))) {
            sizes.computeIfAbsent(name, _ -> new ArrayList<>()).add(new Size(files.count(), threads.count(), heap));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What stayed did not grow from the first quiet moment to the last, but for what comes and goes. */
    String assertNoGrowth() {
        sizes.forEach((name, all) -> {
            Size first = all.getFirst();
            Size last = all.getLast();
            assertTrue(last.files() <= first.files() + 12, () -> name + " keeps descriptors: " + all);
            assertTrue(last.threads() <= first.threads() + 12, () -> name + " keeps threads: " + all);
            assertTrue(last.heapKib() <= first.heapKib() * 3 / 2 + (16 << 10), () -> name + " keeps objects: " + all);
        });
        StringBuilder words = new StringBuilder();
        sizes.forEach((name, all) -> words.append(name)
                .append(": ")
                .append(all.getFirst())
                .append(" -> ")
                .append(all.getLast())
                .append("; "));
        return words.toString();
    }

    /** Truths that no restore point needs any more take room. */
    void forgetOldTruths() {
        Set<Path> needed = new TreeSet<>(Comparator.comparing(Path::toString));
        for (JsonObject point : points()) {
            for (JsonObject disk : NightLab.list(point, "disks")) {
                needed.add(truth(point, disk.get("key").getAsInt()));
            }
        }
        for (NightLab.Machine machine : night.machines()) {
            for (SimSnapshot snapshot : machine.vm().history()) {
                for (int d = 0; d < machine.disks(); d++) {
                    Path truth = machine.vcenter().truth(snapshot.moref(), 2000 + d);
                    if (snapshot.removed().isPresent() && !needed.contains(truth)) {
                        try {
                            Files.deleteIfExists(truth);
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    }
                }
            }
        }
    }
}
